"""Reads a zip archive by its central directory, one member after another.

    local header, data │ local header, data │ … │ central directory │ end
          ▲──────────────── offsets ──────────────────┘

The directory is read twice in small pieces: to check that no two members share bytes, as in some
zip bombs, and to read them. So memory stays small, whatever an archive states.

An archive that was cut short has lost its directory. Then the members are found one after another
by their local headers, up to the cut, which is an error in the end.
"""

import io
from array import array
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from loganalysis.archives import zip_records
from loganalysis.archives.archive import Archive, Member, UnreadableMember
from loganalysis.archives.zip_data import METHODS, Checked, Unpacked, method_name
from loganalysis.archives.zip_records import Directory, Entry, RecordError
from loganalysis.read.errors import SourceError
from loganalysis.read.open_source import Source
from loganalysis.read.stored import Stored, StoredSlice, open_stored, read_at, size_of

_READ_BYTES = 64 << 10


class ZipArchive(Archive):
    """A zip archive in a file."""

    format = "zip"

    def __init__(self, file: Stored, max_members: int) -> None:
        self.file, self._max_members = file, max_members
        self._size = size_of(file)
        self._bytes_before = 0  # packed bytes of the members before
        self._current: Checked | Unpacked | None = None

    @property
    def bytes_done(self) -> int:
        """The packed bytes of the members so far."""
        return min(self._bytes_before + self._of_current, self._size)

    @property
    def _of_current(self) -> int:
        return self._current.bytes_done if self._current else 0

    def close(self) -> None:
        """Close the member that is open."""
        self._bytes_before += self._of_current
        if self._current:
            self._current.close()
        self._current = None

    def members(self) -> Iterator[Member]:
        """The regular files, see Archive."""
        directory = self._directory()
        if directory is None:
            yield from self._members_before_cut()
        else:
            self._require_apart(directory)
            for entry in self._entries(directory):
                if entry.is_regular:
                    yield self._member(entry, directory.offset)
                    self.close()
        self._bytes_before = self._size

    def _members_before_cut(self) -> Iterator[Member]:
        """The members of an archive without a directory. Always raises SourceError in the end."""
        at = count = 0
        while entry := self._local_entry(at):
            count += 1
            self._require_few(count, at)
            packed = entry.packed
            if entry.is_regular:
                yield self._member(entry, self._size)
                if entry.is_open_ended and entry.method in METHODS and not entry.is_encrypted:
                    self._read_to_end(entry)
                if entry.is_open_ended and self._current:
                    packed = self._current.bytes_done
                    entry = replace(entry, is_open_ended=False)
                self.close()
            if entry.is_open_ended and entry.is_regular:
                break  # its end is unknown, because it cannot be decompressed
            at = self._after_descriptor(entry, at + entry.header_bytes + packed)
        raise self._error("the zip archive is cut short: it has no directory", self._size)

    def _read_to_end(self, entry: Entry) -> None:
        """Read the rest of a member, since only its data tells where it ends."""
        (self._current or self._open(entry, self._size)).skip(1 << 62)

    def _local_entry(self, at: int) -> Entry | None:
        """The entry of the local header at an offset, None if there is none that is complete."""
        try:
            head = read_at(self.file, at, zip_records.LOCAL_BYTES)
            name, extra = zip_records.read_local(head)
            texts = read_at(self.file, at + zip_records.LOCAL_BYTES, name + extra)
            if len(texts) < name + extra:
                return None
            return zip_records.local_entry(head, texts[:name], texts[name:], at)
        except RecordError:
            return None

    def _after_descriptor(self, entry: Entry, at: int) -> int:
        """The offset behind a member: its sizes may follow its data, in four different forms."""
        if not entry.sizes_follow:
            return at
        block = read_at(self.file, at, zip_records.MAX_DESCRIPTOR_BYTES + 4)
        start = 4 if block.startswith(zip_records.DESCRIPTOR) else 0
        for size in zip_records.DESCRIPTOR_BYTES:
            if block[start + size :].startswith((zip_records.LOCAL, zip_records.CENTRAL)):
                return at + start + size
        return at

    def _directory(self) -> Directory | None:
        """Where the directory is; None if the archive has no end record, since it was cut."""
        tail_at = max(self._size - zip_records.END_BYTES - zip_records.MAX_COMMENT, 0)
        tail = read_at(self.file, tail_at, self._size - tail_at)
        try:
            found = zip_records.read_end(tail, tail_at)
            if found is None:
                return None
            directory, end_at = found
            if zip_records.needs_end64(directory):
                directory, end_at = self._large_directory(directory, end_at)
        except RecordError as error:
            raise self._error(f"the zip archive cannot be read: {error}", self._size) from None
        self._require_few(directory.entries, directory.offset)
        if directory.offset + directory.size != end_at:
            raise self._error("the zip archive is damaged: its directory is not where it should be")
        return directory

    def _require_few(self, members: int, offset: int) -> None:
        if members > self._max_members:
            problem = f"the archive has more than {self._max_members} members"
            raise self._error(problem, offset)

    def _large_directory(self, directory: Directory, end_at: int) -> tuple[Directory, int]:
        locator_at = end_at - zip_records.LOCATOR64_BYTES
        if locator_at < 0:
            return directory, end_at
        record = read_at(self.file, locator_at, zip_records.LOCATOR64_BYTES)
        at = zip_records.read_locator64(record)
        if at is None:
            return directory, end_at
        if at > locator_at:
            raise RecordError("its zip64 end record is missing")
        return zip_records.read_end64(read_at(self.file, at, zip_records.END64_BYTES)), at

    def _require_apart(self, directory: Directory) -> None:
        """Raise SourceError if members share bytes, or lie within the directory."""
        starts, ends = array("Q"), array("Q")
        for entry in self._entries(directory):
            header_bytes = zip_records.LOCAL_BYTES + len(entry.raw_name)
            end = entry.offset + header_bytes + entry.packed
            if end > directory.offset:
                raise self._error("the zip archive is damaged: a member has no space", entry.offset)
            starts.append(entry.offset)
            ends.append(end)
        order = sorted(range(len(starts)), key=starts.__getitem__)
        for before, after in pairwise(order):
            if ends[before] > starts[after]:
                raise self._error("the zip archive is damaged: members overlap", starts[after])

    def _entries(self, directory: Directory) -> Iterator[Entry]:
        end = directory.offset + directory.size
        left = directory.size
        with open_stored(self.file, directory.offset, end) as raw:
            reader = io.BufferedReader(raw, _READ_BYTES)
            for _ in range(directory.entries):
                try:
                    head = reader.read(min(zip_records.CENTRAL_BYTES, left))
                    name, extra, comment = zip_records.read_central(head)
                    left -= len(head) + name + extra + comment
                    if left < 0:
                        raise RecordError("its central directory is damaged")
                    texts = reader.read(name + extra + comment)
                    yield zip_records.central_entry(head, texts[:name], texts[name : name + extra])
                except RecordError as error:
                    problem = f"the zip archive cannot be read: {error}"
                    raise self._error(problem, end - max(left, 0)) from None
        if left:
            raise self._error("the zip archive is damaged: its directory is too long", end - left)

    def _member(self, entry: Entry, end: int) -> Member:
        problem = None
        if entry.is_encrypted:
            problem = UnreadableMember("encrypted", "it is encrypted")
        elif entry.method == zip_records.STORED and entry.is_open_ended:
            problem = UnreadableMember("damaged", "its size is missing")
        elif entry.method != zip_records.STORED and entry.method not in METHODS:
            reason = f"it is compressed by {method_name(entry.method)}"
            problem = UnreadableMember("unsupported", reason)
        return Member(
            name=entry.name,
            modified=entry.modified,
            expands=entry.method != zip_records.STORED,
            open=lambda: self._open(entry, end),
            problem=problem,
            at=entry.offset,
            size=entry.packed,
        )

    def _open(self, entry: Entry, end: int) -> Source:
        head = read_at(self.file, entry.offset, zip_records.LOCAL_BYTES + len(entry.raw_name))
        try:
            name, extra = zip_records.read_local(head)
        except RecordError as error:
            raise self._error(f"the zip archive is damaged: {error}", entry.offset) from None
        if head[zip_records.LOCAL_BYTES :][:name] != entry.raw_name or name != len(entry.raw_name):
            problem = "the zip archive is damaged: a member has two names"
            raise self._error(problem, entry.offset)
        start = entry.offset + zip_records.LOCAL_BYTES + name + extra
        if start + entry.packed > end and end < self._size:
            raise self._error("the zip archive is damaged: a member has no space", entry.offset)
        is_open_ended = entry.is_open_ended
        part = StoredSlice(
            self.file, start, end if is_open_ended else min(start + entry.packed, end)
        )
        form, size, crc = METHODS.get(entry.method), entry.size, entry.crc
        self._current = (
            Unpacked(part, form, True) if is_open_ended and form else Checked(part, form, size, crc)
        )
        return self._current

    def _error(self, problem: str, offset: int = 0) -> SourceError:
        return SourceError(problem, offset, 0)

"""Remembers facts about an archive: the members that were found so far, and their lines.

index of an analysis ──▶ first members, with their lines and marks
headers, directory ────▶ further members, one after another, whenever they are needed
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace

from loganalysis.archives.archive import Archive, Member, UnreadableMember, time_of
from loganalysis.archives.tar_archive import TarArchive
from loganalysis.archives.tar_header import BLOCK_BYTES
from loganalysis.archives.zip_archive import ZipArchive
from loganalysis.count.line_marks import FileMarks, MarksError
from loganalysis.index.archive_index import IndexedMember, decode_index
from loganalysis.index.known_file import KnownFile
from loganalysis.index.stream import StreamCache
from loganalysis.lines.member_streams import ArchiveStream, PlainHeaders, StreamHeaders
from loganalysis.lines.member_text import MemberTexts
from loganalysis.read.errors import SourceError
from loganalysis.read.open_source import DecompressionLimits, Source
from loganalysis.read.stored import Stored, modified_at

log = logging.getLogger(__name__)

MAX_TEXTS = 8
"""Members whose marks are kept. The marks of a member take up to 1 MB."""


@dataclass(frozen=True)
class MemberEnd:
    """The number of lines of a member, and the last time in it."""

    lines: int
    last_time: float | None


class KnownArchive:
    """An archive whose lines were read before."""

    def __init__(
        self,
        key: Hashable,
        file: Stored,
        format: str,
        encoding: str | None,
        streams: StreamCache,
    ) -> None:
        """`key` names the archive in the cache of streams, `format` is one of archive_format.

        Raises OSError.
        """
        self._key, self._file, self._format = key, file, format
        self._streams, self._modified = streams, modified_at(file)
        is_stream = format not in ("zip", "tar")
        self._stream = ArchiveStream(key, file, streams) if is_stream else None
        self._texts = MemberTexts(file, format == "zip", self._stream, encoding, streams)
        self._open: OrderedDict[int, KnownFile] = OrderedDict()
        self._plain_headers: PlainHeaders | None = None
        self._archive = self._begin(0)
        self._found = self._archive.members()
        self._marks: dict[int, FileMarks] = {}
        self.members: list[Member] = []
        """The members that were found so far."""
        self.is_complete = False
        """Whether these are all that can be found."""
        self.problem: str | None = None
        """Why no more members can be found, if the archive is damaged."""
        self.ends: dict[int, MemberEnd] = {}
        """The end of each member that was read to its end."""
        self.problems: dict[int, UnreadableMember] = {}
        """Why members cannot be read."""

    def use(self, file: Stored) -> None:
        """Read from a newer URL of the file from now on."""
        self._file = file
        self._texts = replace(self._texts, file=file)
        if self._stream:
            self._stream.text.stored = file
        if isinstance(self._archive, ZipArchive):
            self._archive.file = file
        elif self._plain_headers:
            self._plain_headers.file = file
        self._open.clear()

    def adopt(self, index: str) -> None:
        """Take the index of an analysis, unless more is known, or it is damaged."""
        if self.members or self.is_complete:
            return
        try:
            found = decode_index(index)
        except MarksError as error:
            log.warning("the index of an archive is not used", extra={"reason": str(error)})
            return
        for at, (member, marks) in enumerate(zip(found.members, found.marks_of(), strict=True)):
            self._adopt_member(at, member, marks)
        if self._format == "zip":
            return  # its directory tells the rest
        self.members = [_indexed(each) for each in found.members]
        self.is_complete = found.is_complete
        if self.members and not self.is_complete:
            last = self.members[-1]
            self._archive = self._begin(-(-(last.at + last.size) // BLOCK_BYTES) * BLOCK_BYTES)
            self._found = self._archive.members()

    def adopt_points(self, points: str) -> None:
        """Take the access points of an analysis, if this is a large `tar.gz` file."""
        if self._stream:
            self._stream.text.adopt_points(points)

    def find(self, at: int, deadline: float) -> Member | None:
        """The member with a number; None if there is none, or if the time is over before.

        Each call finds at least one more member, or reads further towards it. Raises OSError.
        """
        count = len(self.members)
        while at >= len(self.members) and not self.is_complete:
            is_late = time.monotonic() > deadline and len(self.members) > count
            try:
                if is_late or not self._reach_header(deadline):
                    return None
                self._find_more()
            except SourceError as error:
                self.problem, self.is_complete = str(error), True
        return self.members[at] if at < len(self.members) else None

    def reach(self, at: int, deadline: float) -> bool:
        """Read up to the start of a member, as far as time allows. Raises OSError."""
        if self._stream is None or at in self._open:
            return True
        try:
            return self._stream.reach(self.members[at].at, deadline)
        except SourceError:
            return True  # reading the member raises it again

    def text(self, at: int) -> KnownFile:
        """The text of a member. Raises UnreadableMember, SourceError and OSError."""
        if problem := self.problems.get(at):
            raise problem
        file = self._open.pop(at, None)
        if file is None:
            member = self.members[at]
            try:
                modified = time_of(member, self._modified)
                file = self._texts.open((self._key, at), member, modified)
            except UnreadableMember as error:
                self.problems[at] = error
                raise
            if at in self._marks:
                file.adopt_marks(self._marks[at])
        self._open[at] = file
        if len(self._open) > MAX_TEXTS:
            self._open.popitem(last=False)
        return file

    def release(self, at: int) -> None:
        """Close the streams of a member that was read, so that the next one can be reached."""
        self._streams.close((self._key, at))

    def note_end(self, at: int) -> bool:
        """Note the end of a member if it is known; return whether it is."""
        if at not in self.ends:
            marks = self._open[at].marks
            if marks.total_lines is None:
                return False
            self.ends[at] = MemberEnd(marks.total_lines, marks.last_time)
        return True

    def _begin(self, start: int) -> Archive:
        """Open the archive to find members, at the offset of a header. Raises OSError."""
        limits = DecompressionLimits()
        if self._format == "zip":
            return ZipArchive(self._file, limits.max_members)
        source: Source
        if self._stream:
            source = StreamHeaders(self._stream, start)
        else:
            source = self._plain_headers = PlainHeaders(self._file, start)
        is_packed = self._stream is not None
        return TarArchive(source, self._format, limits.max_members, is_packed, start)

    def _reach_header(self, deadline: float) -> bool:
        if self._stream and isinstance(self._archive, TarArchive):
            return self._stream.reach(self._archive.next_header_at, deadline)
        return True

    def _find_more(self) -> None:
        """Find the next member; in a zip archive all, since that is quick. Raises SourceError."""
        for member in self._found:
            self.members.append(member)
            if self._format != "zip":
                return
        self.is_complete = True

    def _adopt_member(self, at: int, member: IndexedMember, marks: FileMarks | None) -> None:
        if member.problem:
            self.problems[at] = UnreadableMember(*member.problem)
        if marks:
            self._marks[at] = marks
            self.ends[at] = MemberEnd(marks.lines, marks.last_time)


def _indexed(member: IndexedMember) -> Member:
    """A member of a tar archive as the index describes it."""
    return Member(member.name, member.modified, True, _not_in_zip, at=member.at, size=member.size)


def _not_in_zip() -> Source:
    raise AssertionError("members of tar archives are read by their place")

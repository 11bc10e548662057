"""Resumable uploads in an S3 bucket, beside the files of jobs.

partial/<id>/info       JSON: name, size, who has begun it, and the SHA-256 of a complete file
partial/<id>/<offset>   a piece of the file, which begins at this offset
partial/<id>/file       the complete file

Pieces are objects, and not parts of a multipart upload: another listener has to find them, but
obstore can neither list nor continue such an upload. So a complete file is copied once, from its
pieces through the listener. No piece replaces another one, so of two writers at one offset only
the first goes on.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

from storage.files.bucket_objects import PART_BYTES, copy_object, translate_errors, write_object
from storage.files.resumable.uploads import (
    PARTIAL,
    OffsetConflict,
    ResumableUploads,
    ResumableWriter,
    UploadBusy,
    UploadGone,
)
from storage.records.job import StoreUnavailable, Upload
from storage.records.resumable_upload import ResumableUpload

PIECE_BYTES = PART_BYTES
"""Size of a piece. Bytes of a piece that was not stored whole are lost with the listener."""
_READ_BYTES = 1024**2
_INFO, _FILE = "info", "file"
_DIGITS = 20


_Object = tuple[str, int, datetime]
"""Name, size and time of an object."""


@dataclass(frozen=True)
class _Info:
    """The content of the object `info`."""

    name: str
    size: int
    created_by: str | None
    created_at: int
    sha256: str | None = None


@dataclass(frozen=True)
class _Stored:
    """The pieces of an upload that follow each other from offset 0 on."""

    names: tuple[str, ...]
    offset: int
    changed_at: datetime


class BucketResumableWriter(ResumableWriter):
    """Appends pieces to an upload. Keeps one piece in memory."""

    def __init__(self, uploads: "BucketResumables", id: UUID, offset: int, verify: bool):
        self._uploads, self._id, self._verify = uploads, id, verify
        self._offset = self._piece_at = offset
        self._piece = bytearray()
        self._ended = False
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append to the file; see `UploadWriter.write`. Raises UploadBusy."""
        rest = memoryview(data)
        while rest:
            taken = PIECE_BYTES - len(self._piece)
            self._piece += rest[:taken]
            rest = rest[taken:]
            if len(self._piece) == PIECE_BYTES and (rest or not self._verify):
                self._send()
        self.size += len(data)

    def finish(self, name: str, sha256: str) -> Upload:
        """Make all bytes durable, and end."""
        self._ended = True
        self._send()
        if not self._uploads.exists(self._id):
            raise UploadGone
        return Upload(self._id, name, self._offset + self.size, sha256)

    def abort(self) -> None:
        """Keep the bytes, unless they had to be verified, and end."""
        if self._verify:
            self.discard()
        if not self._ended:
            self._ended = True
            with contextlib.suppress(UploadBusy):
                self._send()

    def discard(self) -> None:
        """Forget the appended bytes, and end."""
        self._ended = True
        self._piece.clear()

    def _send(self) -> None:
        """Store the piece. Raises UploadBusy if another writer has stored one at its offset."""
        if not self._piece:
            return
        name = f"{self._uploads.prefix(self._id)}/{self._piece_at:0{_DIGITS}}"
        self._uploads.put_new(name, bytes(self._piece))
        self._piece_at += len(self._piece)
        self._piece.clear()


class BucketResumables(ResumableUploads):
    """All resumable uploads below the prefix of a bucket."""

    MAX_VERIFIED_BYTES = PIECE_BYTES

    def __init__(self, bucket: S3Store, clock: Callable[[], int]):
        """`clock` returns the store's time, in milliseconds since 1970."""
        self._bucket = bucket
        self._clock = clock
        self._infos: dict[str, tuple[tuple[int, datetime], _Info | None]] = {}
        """Infos that `all` has read, with their sizes and times, by their paths."""

    def now(self) -> int:
        """Return the store's time; see `ResumableUploads.now`."""
        return self._clock()

    def create(self, upload: ResumableUpload) -> None:
        """Begin an upload; see `ResumableUploads.create`."""
        about = upload.name, upload.size, upload.created_by, upload.created_at
        self.write_info(upload.id, _Info(*about))

    def get(self, id: UUID) -> ResumableUpload | None:
        """Return an upload, or None; see `ResumableUploads.get`."""
        info = self._read_info(id)
        if info is None:
            return None
        return _upload(id, info, self._stored(id))

    def append(self, id: UUID, offset: int, verify: bool = False) -> BucketResumableWriter:
        """Begin to append bytes; see `ResumableUploads.append`."""
        info = self._read_info(id)
        if info is None:
            raise UploadGone
        stored = self._stored(id)
        found = stored.offset if info.sha256 is None else info.size
        if found != offset:
            raise OffsetConflict(found)
        return BucketResumableWriter(self, id, found, verify)

    def complete(
        self, id: UUID, sha256: str | None = None, give_up: Callable[[], bool] = lambda: False
    ) -> None:
        """Copy the pieces into one object; see `ResumableUploads.complete`."""
        info = self._read_info(id)
        if info is None:
            raise UploadGone
        if info.sha256 is not None:
            return
        stored = self._stored(id)
        if stored.offset != info.size:
            raise OffsetConflict(stored.offset)
        digest = hashlib.sha256()
        chunks = _unless(give_up, self._read(stored.names, digest))
        write_object(self._bucket, f"{self.prefix(id)}/{_FILE}", chunks)
        self.write_info(id, replace(info, sha256=digest.hexdigest()))
        self.remove(list(stored.names))

    def copy(self, upload: ResumableUpload) -> Upload:
        """Return a copy that S3 makes; see `ResumableUploads.copy`.

        A file of more than 5 GiB is read and written.
        """
        assert upload.sha256
        new, source = uuid4(), f"{self.prefix(upload.id)}/{_FILE}"
        try:
            copy_object(self._bucket, source, str(new), upload.size)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise UploadGone from None
            raise
        return Upload(new, upload.name, upload.size, upload.sha256)

    def delete(self, id: UUID) -> None:
        """Delete an upload; see `ResumableUploads.delete`."""
        self.remove([f"{self.prefix(id)}/{_INFO}"])
        self.remove([name for name, _, _ in self._objects(self.prefix(id))])

    def count(self) -> int:
        """Return the number of uploads."""
        with translate_errors():
            found = obstore.list_with_delimiter(self._bucket, prefix=PARTIAL)
        return len(found["common_prefixes"])

    def all(self) -> list[ResumableUpload]:
        """Return all uploads; see `ResumableUploads.all`.

        Infos are read again only when they have changed. Their times are in seconds, but a hash
        makes an info longer.
        """
        known: dict[str, tuple[tuple[int, datetime], _Info | None]] = {}
        found = []
        for key, grouped in groupby(self._objects(PARTIAL), lambda each: each[0].split("/")[1]):
            objects = list(grouped)
            for path, size, changed_at in objects:
                if path.endswith(f"/{_INFO}"):
                    now = size, changed_at
                    before, info = self._infos.get(path, (None, None))
                    known[path] = now, info if before == now else self._info_at(path)
                    with contextlib.suppress(ValueError):  # no upload of ours
                        if info := known[path][1]:
                            found.append(_upload(UUID(key), info, _stored(objects)))
        self._infos = known
        return found

    def sweep(self, keep_seconds: float) -> int:
        """Delete uploads that were not changed for so long; see `ResumableUploads.sweep`."""
        newest: dict[str, datetime] = {}
        for name, _, changed_at in self._objects(PARTIAL):
            key = name.split("/")[1]
            newest[key] = max(changed_at, newest.get(key, changed_at))
        limit = datetime.fromtimestamp(self.now() / 1000 - keep_seconds, UTC)
        deleted = 0
        for key, changed_at in newest.items():
            with contextlib.suppress(ValueError):  # no upload of ours: leave it alone
                if changed_at < limit:
                    self.delete(UUID(key))
                    deleted += 1
        return deleted

    def prefix(self, id: UUID) -> str:
        """The beginning of the names of an upload's objects."""
        return f"{PARTIAL}/{id}"

    def exists(self, id: UUID) -> bool:
        """Whether there is such an upload."""
        return self._read_info(id) is not None

    def write_info(self, id: UUID, info: _Info) -> None:
        """Store what is known about an upload."""
        with translate_errors():
            obstore.put(self._bucket, f"{self.prefix(id)}/{_INFO}", json.dumps(vars(info)).encode())

    def put_new(self, name: str, data: bytes) -> None:
        """Store a piece. Raises UploadBusy if there is one with this name."""
        with translate_errors():
            try:
                obstore.put(self._bucket, name, data, mode="create")
            except AlreadyExistsError:
                raise UploadBusy from None

    def remove(self, names: list[str]) -> None:
        """Delete objects."""
        if names:
            with translate_errors():
                obstore.delete(self._bucket, names)

    def _read_info(self, id: UUID) -> _Info | None:
        return self._info_at(f"{self.prefix(id)}/{_INFO}")

    def _info_at(self, path: str) -> _Info | None:
        try:
            with translate_errors(but=FileNotFoundError):
                found = obstore.get(self._bucket, path).bytes()
        except FileNotFoundError:
            return None
        return _Info(**json.loads(found.to_bytes()))

    def _objects(self, prefix: str) -> Iterator[_Object]:
        """Yield name, size and time of the objects below a prefix, sorted by name."""
        with translate_errors():
            for some in obstore.list(self._bucket, prefix=prefix, chunk_size=1000):
                for each in some:
                    yield each["path"], each["size"], each["last_modified"]

    def _stored(self, id: UUID) -> _Stored:
        return _stored(self._objects(self.prefix(id)))

    def _read(self, names: Iterable[str], digest: Any) -> Iterator[bytes]:
        """Yield the bytes of several objects, one after another, and add them to a digest."""
        with translate_errors():
            for name in names:
                for chunk in obstore.get(self._bucket, name).stream(min_chunk_size=_READ_BYTES):
                    data = bytes(chunk)
                    digest.update(data)
                    yield data


def _stored(objects: Iterable[_Object]) -> _Stored:
    """Return the pieces among the objects of an upload, which are sorted by name."""
    names, offset = list[str](), 0
    newest = datetime.fromtimestamp(0, UTC)
    for name, size, changed_at in objects:
        newest = max(newest, changed_at)
        last = name.rpartition("/")[2]
        if last.isdigit() and int(last) == offset:
            names.append(name)
            offset += size
    return _Stored(tuple(names), offset, newest)


def _upload(id: UUID, info: _Info, stored: _Stored) -> ResumableUpload:
    """Return an upload, from its `info` and its pieces."""
    offset = stored.offset if info.sha256 is None else info.size
    changed_at = round(stored.changed_at.timestamp() * 1000)
    about = info.name, info.size, info.created_by, info.created_at
    return ResumableUpload(id, *about, offset, max(changed_at, info.created_at), info.sha256)


def _unless(give_up: Callable[[], bool], chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks. Raises StoreUnavailable once `give_up` returns True."""
    for chunk in chunks:
        if give_up():
            raise StoreUnavailable("uploads: the program stops")
        yield chunk

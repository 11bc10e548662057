"""Writes and reads objects of an S3-compatible bucket, and translates the errors of obstore.

An object becomes visible as a whole. While it arrives, its data goes to S3 as parts of a multipart
upload, which S3 hides until the upload is completed or aborted. Parts of a killed writer must be
removed by a lifecycle rule of the bucket (docs/s3.md), because obstore cannot list them.

Each read is one request for a range of bytes. One request for the whole object would end with the
timeout of requests while a client reads slowly. obstore repeats a request that fails.
"""

import contextlib
import logging
import re
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from storage.files.reading import FileReader
from storage.records.job import StoreUnavailable
from storage.records.json_values import JsonValue

log = logging.getLogger(__name__)

PART_BYTES = 8 * 1024**2
"""Size of a part. A smaller file is sent in one request."""
MAX_PARTS = 10_000
MAX_COPY_BYTES = 5 * 1024**3
"""The largest object that S3 copies by itself."""
UPLOADS = "uploads"
"""What a bucket has, in the texts of errors."""
_READ_BYTES = 1024**2
_PARTS_AT_ONCE = 2
_REASON_CHARACTERS = 400
_ANSWER = re.compile(
    r"status code: (\d+ [^:]*)(?:.*?<Code>(.*?)</Code>)?(?:.*?<Message>(.*?)</Message>)?", re.DOTALL
)
_ASKED_FOR_ROLE = "/latest/api/token"


class UnsentMemory:
    """The memory for bytes that S3 does not have yet, of all objects that a process writes.

    obstore keeps each object of bytes until S3 has its part, so its deletion gives the memory back.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        """At most `limit` bytes are held. S3 hangs if it has taken none for so many seconds."""
        self._limit, self._seconds = limit, seconds
        self.used = 0
        """The bytes that are held."""
        self._freed_at = time.monotonic()
        self._freed = threading.Condition()

    def hold(self, data: bytes | memoryview, what: str) -> memoryview:
        """Return a copy of data, when there is memory for it. Raises StoreUnavailable."""
        with self._freed:
            while self.used + len(data) > self._limit:
                left = self._freed_at + self._seconds - time.monotonic()
                if left <= 0 or not self._freed.wait(left):
                    mebibytes = self._limit // 2**20
                    raise StoreUnavailable(
                        f"{what}: {mebibytes} MiB wait for S3, which has taken none of them for "
                        f"{self._seconds:g} s"
                    )
            if not self.used:
                self._freed_at = time.monotonic()
            self.used += len(data)
        copy = memoryview(bytes(data))  # its buffer keeps it alive; bytes have no weak references
        weakref.finalize(copy, self.give_back, len(data)).atexit = False
        return copy

    def give_back(self, size: int) -> None:
        """Free the memory of bytes that S3 has, or that no one will send."""
        with self._freed:
            self.used -= size
            self._freed_at = time.monotonic()
            self._freed.notify_all()


unsent = UnsentMemory(256 * 1024**2, 15.0)
"""More than the parts of 30 large files, and less than a container of 512 MiB can hold."""


class ObjectWriter:
    """Writes one object. Holds the parts being sent and filled in memory."""

    def __init__(self, bucket: S3Store, name: str, what: str = UPLOADS):
        """`what` is in the bucket, for errors."""
        self._what = what
        self._failed = False
        self.may_be_complete = False
        """Whether S3 was asked to make the object visible."""
        self.size = 0
        self._writer: Any = obstore.open_writer(
            bucket, name, buffer_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE
        )

    def write(self, data: bytes | memoryview) -> None:
        """Append to the object. Raises StoreUnavailable."""
        with self._noting_failure():
            self._writer.write(unsent.hold(data, self._what))
            self.size += len(data)

    def complete(self) -> None:
        """Make the object visible. Raises StoreUnavailable, also if a write has failed."""
        if self._failed:  # obstore would complete the file without the missing part
            raise StoreUnavailable(f"{self._what}: a part of the file could not be stored")
        self.may_be_complete = True
        with self._noting_failure():
            self._writer.close()

    def discard_parts(self) -> None:
        """Remove the parts, unless the object is complete. If S3 fails, they are left to the
        lifecycle rule, since a request to remove them would fail or hang as well."""
        if self._failed:
            self._writer = None  # gives the memory of its parts back
            if self.size > PART_BYTES:
                log.warning("parts of an upload are left", extra={"reason": "S3 took no part"})
        elif not self._writer.closed():
            try:
                with translate_errors():
                    self._writer.__exit__(EOFError, EOFError(), None)  # no error: it would complete
            except StoreUnavailable as error:
                log.warning("parts of an upload are left", extra={"reason": str(error)})

    @contextlib.contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            with translate_errors(what=self._what):
                yield
        except StoreUnavailable:
            self._failed = True
            raise


def object_size(bucket: S3Store, name: str) -> int | None:
    """Return the size of an object in bytes, or None if there is none. Raises StoreUnavailable."""
    try:
        with translate_errors(but=FileNotFoundError):
            return int(obstore.head(bucket, name)["size"])
    except FileNotFoundError:
        return None


def written_at(found: Mapping[str, JsonValue]) -> float:
    """Return when a listed object was written, in seconds since 1970."""
    written: datetime = found["last_modified"]
    return written.timestamp()


def copy_object(bucket: S3Store, source: str, target: str, size: int) -> None:
    """Copy an object. One of more than MAX_COPY_BYTES is read and written.

    Raises StoreUnavailable, whose cause is a FileNotFoundError if there is no such object.
    """
    with translate_errors():
        if size <= MAX_COPY_BYTES:
            obstore.copy(bucket, source, target)
        else:
            chunks = obstore.get(bucket, source).stream(min_chunk_size=_READ_BYTES)
            write_object(bucket, target, map(bytes, chunks))


def write_object(bucket: S3Store, name: str, chunks: Iterable[bytes], what: str = UPLOADS) -> None:
    """Write an object from chunks. An error leaves none. Raises StoreUnavailable."""
    writer = ObjectWriter(bucket, name, what)
    try:
        for chunk in chunks:
            writer.write(chunk)
        writer.complete()
    except BaseException:
        writer.discard_parts()
        raise


@contextlib.contextmanager
def translate_errors(but: type[Exception] | None = None, what: str = UPLOADS) -> Iterator[None]:
    """Turn errors of obstore within the block into StoreUnavailable, except for one of `but`.

    `what` is in the bucket.
    """
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        if but is not None and isinstance(error, but):
            raise
        raise StoreUnavailable(f"{what}: {_reason(str(error))}") from error


def _reason(text: str) -> str:
    """The message of an obstore error, shortened to one line."""
    if match := _ANSWER.search(text):
        reason = ": ".join(filter(None, match.groups()))
    else:
        reason = " ".join(text.partition("\n\nDebug source")[0].split())
    if _ASKED_FOR_ROLE in text:
        reason = f"AWS_ACCESS_KEY_ID is not set, and this machine has no AWS role: {reason}"
    return reason[:_REASON_CHARACTERS]


class BucketReader(FileReader):
    """Reads an object from `start` up to `end`."""

    def __init__(self, bucket: S3Store, name: str, start: int, end: int):
        self._bucket, self._name = bucket, name
        self._at, self._end = start, end

    def fileno(self) -> None:
        """None: the object is not on this machine."""

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        end = min(self._at + size, self._end)
        if end <= self._at:
            return b""
        with translate_errors():
            data = obstore.get_range(self._bucket, self._name, start=self._at, end=end)
        self._at += len(data)
        return bytes(data)

    def close(self) -> None:
        """Do nothing: no request is open between two reads."""

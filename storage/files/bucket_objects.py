"""Writes objects to an S3-compatible bucket, and translates the errors of obstore.

An object becomes visible as a whole. While it arrives, its data goes to S3 as parts of a multipart
upload, which S3 hides until the upload is completed or aborted. Parts of a killed writer must be
removed by a lifecycle rule of the bucket (docs/s3.md), because obstore cannot list them.
"""

import contextlib
import logging
import re
from collections.abc import Iterable, Iterator

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from storage.records.job import StoreUnavailable

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


class ObjectWriter:
    """Writes one object. Holds the parts being sent and filled in memory."""

    def __init__(self, bucket: S3Store, name: str, what: str = UPLOADS):
        """`what` is in the bucket, for errors."""
        self._what = what
        self._failed = False
        self.may_be_complete = False
        """Whether S3 was asked to make the object visible."""
        self.size = 0
        self._writer = obstore.open_writer(
            bucket, name, buffer_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE
        )

    def write(self, data: bytes | memoryview) -> None:
        """Append to the object. Raises StoreUnavailable."""
        with self._noting_failure():
            self._writer.write(bytes(data))  # a copy: obstore keeps the object it is given
            self.size += len(data)

    def complete(self) -> None:
        """Make the object visible. Raises StoreUnavailable, also if a write has failed."""
        if self._failed:  # obstore would complete the file without the missing part
            raise StoreUnavailable(f"{self._what}: a part of the file could not be stored")
        self.may_be_complete = True
        with self._noting_failure():
            self._writer.close()

    def discard_parts(self) -> None:
        """Remove the parts, unless the object is complete. If S3 is down, they are left to the
        lifecycle rule."""
        if not self._writer.closed():
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

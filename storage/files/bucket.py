"""Uploaded files in a bucket of S3, or of what speaks as it does: an object each, named by its id.

An object is there when it is whole, and not before: what arrives goes into parts, which S3 keeps
aside until they are completed or aborted. Those of a writer that was killed are for a rule of the
bucket (docs/scaling.md): obstore does not list them, so nobody here can abort them.
"""

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from storage.files.bucket_access import open_bucket
from storage.files.uploads import GRACE_SECONDS, FindOrphans, Uploads, UploadWriter
from storage.records.job import StoreUnavailable, StoreUnusable, Upload

if TYPE_CHECKING:
    from storage.settings.settings import Settings

log = logging.getLogger(__name__)

PART_BYTES = 8 * 1024**2
"""A smaller file is sent at once."""
_PARTS_AT_ONCE = 2
_MAX_PARTS = 10_000
_REQUEST_SECONDS, _RETRY_SECONDS = 60.0, 15.0
_SIGN_SECONDS = 3.0
"""To sign needs no network but where credentials are fetched first, and all jobs wait for it."""
_SLACK_SECONDS = 3600.0
_LONGEST_SECONDS = 7 * 86400.0  # S3 signs for no longer
_REASON_CHARACTERS = 400
_REFUSED = re.compile(r"status code: 4(?!08|29)")
_ANSWER = re.compile(
    r"status code: (\d+ [^:]*)(?:.*?<Code>(.*?)</Code>)?(?:.*?<Message>(.*?)</Message>)?", re.DOTALL
)
_ASKED_FOR_ROLE = "/latest/api/token"


class BucketWriter(UploadWriter):
    """Writes one object. Has the parts under way in memory, and the one that gathers."""

    def __init__(self, uploads: "BucketUploads", bucket: S3Store, id: UUID | None = None):
        self._id = id or uuid4()
        self._uploads = uploads
        self._failed = self._completing = False
        self.size = 0
        self._writer = obstore.open_writer(
            bucket, str(self._id), buffer_size=PART_BYTES, max_concurrency=_PARTS_AT_ONCE
        )

    def write(self, data: bytes | memoryview) -> None:
        """As UploadWriter.write."""
        with self._noting_failure():
            self._writer.write(bytes(data))  # obstore keeps what it is given until a part is whole
            self.size += len(data)

    def finish(self, name: str, sha256: str) -> Upload:
        """As UploadWriter.finish."""
        if self._failed:  # obstore would take more of a file that lacks a part
            raise StoreUnavailable("uploads: a part of the file could not be stored")
        self._completing = True
        with self._noting_failure():
            self._writer.close()
        return Upload(self._id, name, self.size, sha256)

    def abort(self) -> None:
        """As UploadWriter.abort; where S3 cannot be had, it is left to a sweep and the rule."""
        if not self._writer.closed():
            try:
                with translate_errors():
                    self._writer.__exit__(EOFError, EOFError(), None)  # without: it would complete
            except StoreUnavailable as error:
                log.warning("parts of an upload are left", extra={"reason": str(error)})
        if self._completing:
            self._uploads.delete([self._id])

    @contextlib.contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            with translate_errors():
                yield
        except StoreUnavailable:
            self._failed = True
            raise


class BucketUploads(Uploads):
    """The objects below a prefix, which may have no other user."""

    folder = None
    MAX_BYTES = _MAX_PARTS * PART_BYTES

    def __init__(
        self,
        bucket: S3Store,
        signer: S3Store,
        clock: Callable[[], float] = time.monotonic,
    ):
        """`signer` is the same bucket, for what may take no time; `clock` is in seconds."""
        self._bucket, self._signer = bucket, signer
        self._clock = clock
        self._orphans: dict[UUID, float] = {}

    def check(self) -> None:
        """See that the bucket can be had. Raises StoreUnavailable; StoreUnusable if it refuses."""
        try:
            with translate_errors():
                next(iter(obstore.list(self._bucket, chunk_size=1)), None)
        except StoreUnavailable as error:
            if _REFUSED.search(str(error.__cause__)):
                raise StoreUnusable(str(error)) from error
            raise

    def writer(self, id: UUID | None = None) -> BucketWriter:
        """As Uploads.writer."""
        return BucketWriter(self, self._bucket, id)

    def size(self, upload: Upload) -> int | None:
        """As Uploads.size."""
        try:
            with translate_errors():
                return int(obstore.head(self._bucket, str(upload.id))["size"])
        except StoreUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def access(self, upload: Upload, timeout: float | None) -> dict[str, str]:
        """A URL for it alone, and for the time of the job: so no job has the credentials."""
        seconds = _LONGEST_SECONDS if timeout is None else timeout + _SLACK_SECONDS
        life = timedelta(seconds=min(seconds, _LONGEST_SECONDS))
        try:
            with translate_errors():
                return {"url": obstore.sign(self._signer, "GET", str(upload.id), life)}
        except StoreUnavailable as error:
            log.warning("an upload cannot be signed for its job", extra={"reason": str(error)})
            return {"problem": "the store of uploads gives no access to it now"}

    def delete(self, upload_ids: Iterable[UUID]) -> None:
        """As Uploads.delete: one request for a thousand of them."""
        if names := list(map(str, upload_ids)):
            try:
                with translate_errors():
                    obstore.delete(self._bucket, names)
            except StoreUnavailable as error:
                log.warning("uploads are left to a sweep", extra={"reason": str(error)})

    def sweep(self, unknown: FindOrphans) -> None:
        """As Uploads.sweep. What no job has must be found twice, its grace apart: S3 tells when an
        object's first byte came, which may be long before the job of a large one is stored."""
        now, found = self._clock(), set[UUID]()
        with translate_errors():
            for some in obstore.list(self._bucket, chunk_size=1000):
                found |= unknown(set(_upload_ids(each["path"] for each in some)))
        self._orphans = {each: self._orphans.get(each, now) for each in found}
        past = [each for each, since in self._orphans.items() if now - since >= GRACE_SECONDS]
        self.delete(past)


def open_bucket_uploads(settings: "Settings") -> BucketUploads:
    """The uploads of UPLOADS_URL, not yet asked for. Raises StoreUnusable."""
    bucket = open_bucket(settings, _REQUEST_SECONDS, _RETRY_SECONDS)
    return BucketUploads(bucket, open_bucket(settings, _SIGN_SECONDS, _SIGN_SECONDS))


@contextlib.contextmanager
def translate_errors() -> Iterator[None]:
    """A block of code in which the errors of obstore become StoreUnavailable."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise StoreUnavailable(f"uploads: {_reason(str(error))}") from error


def _reason(text: str) -> str:
    """What obstore says, in a line."""
    if match := _ANSWER.search(text):
        reason = ": ".join(filter(None, match.groups()))
    else:
        reason = " ".join(text.partition("\n\nDebug source")[0].split())
    if _ASKED_FOR_ROLE in text:
        reason = f"there is no AWS_ACCESS_KEY_ID, and the machine gives no role: {reason}"
    return reason[:_REASON_CHARACTERS]


def _upload_ids(names: Iterable[str]) -> Iterator[UUID]:
    for name in names:
        with contextlib.suppress(ValueError):  # of somebody else: it is left alone
            yield UUID(name)

"""Uploaded files as objects in an S3-compatible bucket. The name of an object is the id of its
file.

A file becomes visible as a whole, see bucket_objects.py. The folder `artifacts` below the prefix
has the files that jobs leave, see bucket_artifacts.py. The object `store.json` says which store all
of them belong to.
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
from obstore.store import S3Store

from storage.files.artifacts import ARTIFACTS
from storage.files.bucket_access import open_bucket
from storage.files.bucket_artifacts import BucketArtifacts, object_name
from storage.files.bucket_objects import (
    MAX_PARTS,
    PART_BYTES,
    UPLOADS,
    BucketReader,
    ObjectWriter,
    copy_object,
    object_size,
    translate_errors,
    written_at,
)
from storage.files.owner import OWNER, Owner, require_few
from storage.files.uploads import GRACE_SECONDS, FindOrphans, Uploads, UploadWriter
from storage.records.job import StoreUnavailable, StoreUnusable, Upload
from storage.records.job_file import JobFile

if TYPE_CHECKING:
    from storage.settings.settings import Settings

log = logging.getLogger(__name__)

_REQUEST_SECONDS, _RETRY_SECONDS = 30.0, 15.0
_SIGN_SECONDS = 3.0
"""Timeout for signing, which delays all jobs. Only fetching credentials needs the network."""
_SLACK_SECONDS = 3600.0
_LONGEST_SECONDS = 7 * 86400.0  # S3 signs for no longer
_REFUSED = re.compile(r"status code: 4(?!08|29)")


class BucketWriter(UploadWriter):
    """Writes the object of one upload."""

    def __init__(self, uploads: "BucketUploads", bucket: S3Store, id: UUID | None = None):
        self._id = id or uuid4()
        self._uploads = uploads
        self.size = 0
        self._object = ObjectWriter(bucket, str(self._id))

    def write(self, data: bytes | memoryview) -> None:
        """Append to the file; see `UploadWriter.write`."""
        self._object.write(data)
        self.size = self._object.size

    def finish(self, name: str, sha256: str) -> Upload:
        """Complete the upload; see `UploadWriter.finish`."""
        self._object.complete()
        return Upload(self._id, name, self.size, sha256)

    def abort(self) -> None:
        """Remove the object or its parts. If S3 is down, they are left to a sweep or the lifecycle
        rule."""
        self._object.discard_parts()
        if self._object.may_be_complete:
            self._uploads.delete([self._id], is_urgent=True)


class BucketUploads(Uploads):
    """All uploads below a prefix of a bucket, which must not be shared with other users."""

    folder = None
    MAX_BYTES = MAX_PARTS * PART_BYTES

    def __init__(
        self,
        bucket: S3Store,
        signer: S3Store,
        clock: Callable[[], float] = time.monotonic,
    ):
        """`signer` is the same bucket, opened with short timeouts; `clock` returns seconds."""
        self.bucket = self._bucket = bucket
        self._signer = signer
        self.artifacts = BucketArtifacts(bucket)
        self._clock = clock
        self._orphans: dict[UUID, float] = {}

    def check(self) -> None:
        """Check that the bucket can be listed. Raises StoreUnavailable, or StoreUnusable if S3
        refuses."""
        try:
            with translate_errors():
                next(iter(obstore.list(self._bucket, chunk_size=1)), None)
        except StoreUnavailable as error:
            if _REFUSED.search(str(error.__cause__)):
                raise StoreUnusable(str(error)) from error
            raise

    def writer(self, id: UUID | None = None) -> BucketWriter:
        """Begin a new file, or a copy of the file with this id."""
        return BucketWriter(self, self._bucket, id)

    def size(self, upload: Upload) -> int | None:
        """Return the size of a file in bytes, or None if there is no such object."""
        return object_size(self._bucket, str(upload.id))

    def access(self, upload: Upload, timeout: float | None) -> dict[str, str]:
        """Return a signed URL of this file, valid for the job's timeout and an hour."""
        seconds = _LONGEST_SECONDS if timeout is None else timeout + _SLACK_SECONDS
        life = timedelta(seconds=min(seconds, _LONGEST_SECONDS))
        try:
            with translate_errors():
                return {"url": obstore.sign(self._signer, "GET", str(upload.id), life)}
        except StoreUnavailable as error:
            log.warning("no URL could be signed for an upload", extra={"reason": str(error)})
            return {"problem": "the store of uploads gives no access to it now"}

    def open(self, upload: Upload, start: int = 0, end: int | None = None) -> BucketReader | None:
        """Return a reader of a file. Asks S3 whether the file is there, and has its size."""
        if self.size(upload) != upload.size:
            return None
        end = upload.size if end is None else end
        return BucketReader(self._bucket, str(upload.id), start, end)

    def copy(self, source: Upload | JobFile, name: str) -> Upload | None:
        """Return a copy that S3 makes, which appears as a whole; see `Uploads.copy`."""
        if isinstance(source, JobFile):
            object, size = object_name(source.key), self.artifacts.size(source.key)
        else:
            object, size = str(source.id), self.size(source)
        if size != source.size:
            return None
        new = uuid4()
        try:
            copy_object(self._bucket, object, str(new), source.size)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise
        return Upload(new, name, source.size, source.sha256)

    def delete(self, upload_ids: Iterable[UUID], is_urgent: bool = False) -> None:
        """Delete files, a thousand in one request. Failures are logged and left to a sweep.

        An urgent deletion, for which a client waits, is given up after seconds.
        """
        if names := list(map(str, upload_ids)):
            try:
                with translate_errors():
                    obstore.delete(self._signer if is_urgent else self._bucket, names)
            except StoreUnavailable as error:
                log.warning("uploads are left to a sweep", extra={"reason": str(error)})

    def is_empty(self) -> bool:
        """Whether no object is a file of ours; see `Uploads.is_empty`."""
        with translate_errors():
            pages = obstore.list(self._bucket, chunk_size=1000)
            return not any(_is_ours(each["path"]) for some in pages for each in some)

    def owner(self) -> Owner | None:
        """Read `store.json`; see `Uploads.owner`."""
        try:
            with translate_errors(but=FileNotFoundError):
                return Owner.parse(bytes(obstore.get(self._bucket, OWNER).bytes()))
        except FileNotFoundError:
            return None

    def give_to(self, owner: Owner) -> None:
        """Write `store.json`; see `Uploads.give_to`."""
        with translate_errors():
            obstore.put(self._bucket, OWNER, owner.to_bytes())

    def sweep(self, find_orphans: FindOrphans, since: float | None = 0.0) -> set[UUID]:
        """Delete files that two sweeps, GRACE_SECONDS apart, found without a job; see
        `Uploads.sweep`. (The date of an object is the start of its upload, which may be long before
        its job is stored, but not a week.)"""
        now, found, count, old = self._clock(), set[UUID](), 0, set[UUID]()
        week_ago = time.time() - _LONGEST_SECONDS
        with translate_errors():
            for some in obstore.list(self._bucket, chunk_size=1000):
                count += len(set(_upload_ids(each["path"] for each in some)))
                new = (each["path"] for each in some if written_at(each) >= (since or 0.0))
                found |= find_orphans(set(_upload_ids(new)))
                before = (each["path"] for each in some if written_at(each) < week_ago)
                old |= found.intersection(_upload_ids(before))
        self._orphans = {each: self._orphans.get(each, now) for each in found}
        past = {each for each, first in self._orphans.items() if now - first >= GRACE_SECONDS}
        if since is None:
            past |= old
        else:
            require_few(len(past), count, UPLOADS)
        self.delete(past)
        return past


def open_bucket_uploads(settings: "Settings") -> BucketUploads:
    """Open the bucket of UPLOADS_URL without sending a request. Raises StoreUnusable."""
    bucket = open_bucket(settings, _REQUEST_SECONDS, _RETRY_SECONDS)
    return BucketUploads(bucket, open_bucket(settings, _SIGN_SECONDS, _SIGN_SECONDS))


def _upload_ids(names: Iterable[str]) -> Iterator[UUID]:
    for name in names:
        with contextlib.suppress(ValueError):  # no upload of ours: leave it alone
            yield UUID(name)


def _is_ours(name: str) -> bool:
    return name.startswith(f"{ARTIFACTS}/") or any(_upload_ids([name]))

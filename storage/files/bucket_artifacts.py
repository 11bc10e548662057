"""Files that jobs leave as objects in an S3-compatible bucket.

Their names are `artifacts/JOB.ATTEMPT.FILE` below the prefix of the uploads.

An earlier release ignores these names when it sweeps its uploads.
"""

import logging
from collections.abc import Iterable

import obstore
from obstore.store import S3Store

from storage.files.artifacts import ARTIFACTS, Artifacts, ArtifactWriter, FindUnusedFiles
from storage.files.bucket_objects import (
    MAX_PARTS,
    PART_BYTES,
    BucketReader,
    ObjectWriter,
    object_size,
    translate_errors,
    written_at,
)
from storage.files.owner import require_few
from storage.records.job import StoreUnavailable
from storage.records.job_file import ArtifactKey, JobFile

log = logging.getLogger(__name__)

_PAGE = 1000
"""How many objects one request lists."""


class BucketArtifactWriter(ArtifactWriter):
    """Writes one object."""

    def __init__(self, artifacts: "BucketArtifacts", bucket: S3Store, key: ArtifactKey):
        self._artifacts, self._key = artifacts, key
        self.size = 0
        self._object = ObjectWriter(bucket, object_name(key))

    def write(self, data: bytes | memoryview) -> None:
        """Append to the object; see `ArtifactWriter.write`."""
        self._object.write(data)
        self.size = self._object.size

    def finish(self) -> None:
        """Complete the object; see `ArtifactWriter.finish`."""
        self._object.complete()

    def abort(self) -> None:
        """Remove the object or its parts; see `ArtifactWriter.abort`."""
        self._object.discard_parts()
        if self._object.may_be_complete:
            self._artifacts.delete([self._key])


class BucketArtifacts(Artifacts):
    """All files in a bucket."""

    MAX_BYTES = MAX_PARTS * PART_BYTES

    def __init__(self, bucket: S3Store):
        self._bucket = bucket

    def writer(self, key: ArtifactKey) -> BucketArtifactWriter:
        """Begin a file; see `Artifacts.writer`."""
        return BucketArtifactWriter(self, self._bucket, key)

    def sync(self) -> None:
        """Do nothing: a completed object is durable."""

    def size(self, key: ArtifactKey) -> int | None:
        """Return the size of a file in bytes, or None if it does not exist."""
        return object_size(self._bucket, object_name(key))

    def open(self, file: JobFile, start: int = 0, end: int | None = None) -> BucketReader | None:
        """Open a file; see `Artifacts.open`. Asks S3 whether it is there, and has its size."""
        if self.size(file.key) != file.size:
            return None
        end = file.size if end is None else end
        return BucketReader(self._bucket, object_name(file.key), start, end)

    def delete(self, keys: Iterable[ArtifactKey]) -> None:
        """Delete files, a thousand in one request. Failures are logged and left to a sweep."""
        if names := list(map(object_name, keys)):
            try:
                with translate_errors():
                    obstore.delete(self._bucket, names)
            except StoreUnavailable as error:
                log.warning("files of jobs are left to a sweep", extra={"reason": str(error)})

    def sweep(self, find_unused: FindUnusedFiles, since: float | None = 0.0) -> set[ArtifactKey]:
        """Delete the unused files; see `Artifacts.sweep`."""
        unused, count = set[ArtifactKey](), 0
        with translate_errors():
            for some in obstore.list(self._bucket, prefix=ARTIFACTS, chunk_size=_PAGE):
                count += len(some)
                new = [each["path"] for each in some if written_at(each) >= (since or 0.0)]
                names = (path.rpartition("/")[2] for path in new)
                unused |= find_unused({key for name in names if (key := ArtifactKey.parse(name))})
        if since is not None:
            require_few(len(unused), count, "files of jobs")
        self.delete(unused)
        return unused


def object_name(key: ArtifactKey) -> str:
    """Return the name of an object below the prefix."""
    return f"{ARTIFACTS}/{key}"

"""The interface of resumable uploads, implemented by folder.py and bucket.py.

A file arrives by several requests. Each one appends bytes at the offset, which is the number of
bytes that are stored. A complete file gets its SHA-256, and jobs may take copies of it. It stays
apart from the files of jobs, and is deleted some time after its last change.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from uuid import UUID

from storage.files.uploads import UploadWriter
from storage.records.job import Upload
from storage.records.resumable_upload import ResumableUpload

PARTIAL = "partial"
"""The name of the folder of resumable uploads, beside the files of jobs."""


class UploadGone(Exception):
    """The upload was deleted, or has expired."""


class UploadBusy(Exception):
    """Another request is writing to the upload."""


class OffsetConflict(Exception):
    """The upload has another offset than the caller expects."""

    def __init__(self, offset: int):
        super().__init__(f"the offset is {offset}")
        self.offset = offset


class ResumableWriter(UploadWriter):
    """Appends bytes to an upload, for one request. Other writers are kept out until it ends.

    `finish` makes all bytes durable. `abort` keeps the bytes as well, unless they had to be
    verified. `size` counts the bytes that were appended. Raises UploadGone if the upload was
    deleted, besides the errors of `UploadWriter`.
    """

    @abstractmethod
    def discard(self) -> None:
        """Remove the appended bytes, and end."""


class ResumableUploads(ABC):
    """Storage for resumable uploads. Its methods may be called from several threads at once.

    They block on the disk or the network, and raise StoreFull or StoreUnavailable.
    """

    MAX_VERIFIED_BYTES: int | None = None
    """The most bytes that one writer verifies; None: no limit."""

    @abstractmethod
    def now(self) -> int:
        """Return the time with which `changed_at` is to be compared, in milliseconds since 1970.

        For a folder, the clock that dates the files gives it. For a bucket, the store's clock gives
        it, as S3 refuses requests with a time that is far from its own.
        """

    @abstractmethod
    def create(self, upload: ResumableUpload) -> None:
        """Begin an upload without any bytes. It is durable when this returns."""

    @abstractmethod
    def get(self, id: UUID) -> ResumableUpload | None:
        """Return an upload, or None. The bytes up to its offset are durable."""

    @abstractmethod
    def append(self, id: UUID, offset: int, verify: bool = False) -> ResumableWriter:
        """Begin to append bytes at the offset.

        With `verify`, only `finish` keeps the bytes. Raises UploadGone, UploadBusy and
        OffsetConflict.
        """

    @abstractmethod
    def complete(
        self, id: UUID, sha256: str | None = None, give_up: Callable[[], bool] = lambda: False
    ) -> None:
        """Store the SHA-256 of an upload after all its bytes have arrived. None: compute it here.

        Raises UploadGone, UploadBusy, OffsetConflict if bytes are missing, and StoreUnavailable
        once `give_up` returns True: then the next call begins again.
        """

    @abstractmethod
    def copy(self, upload: ResumableUpload) -> Upload:
        """Return a copy of a complete upload as a new file for a job. Raises UploadGone."""

    @abstractmethod
    def delete(self, id: UUID) -> None:
        """Delete an upload if it exists. Copies of it stay."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of uploads, expired ones included."""

    @abstractmethod
    def all(self) -> list[ResumableUpload]:
        """Return all uploads, complete or not, in any order. Reads no bytes of them; the bytes up
        to their offsets need not be durable."""

    def unexpired(self, keep_ms: float) -> list[ResumableUpload]:
        """Return the uploads that were changed less than so many milliseconds ago."""
        latest = self.now() - keep_ms
        return [each for each in self.all() if each.changed_at > latest]

    @abstractmethod
    def sweep(self, keep_seconds: float) -> int:
        """Delete the uploads whose last change is longer ago; return how many."""

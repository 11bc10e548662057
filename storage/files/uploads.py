"""The interface of upload storage, implemented by folder.py and bucket.py.

A file is written as it arrives, visible once it is complete, and deleted with its job.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import UUID

from storage.files.artifacts import Artifacts
from storage.files.owner import Owner
from storage.files.reading import FileReader
from storage.records.job import Upload
from storage.records.job_file import JobFile

GRACE_SECONDS = 3600.0
"""Minimum age at which a file without a job is deleted. The job of a younger file may not be stored
yet."""

FindOrphans = Callable[[set[UUID]], set[UUID]]
"""Returns the ids, among those given, that no job refers to."""


class UploadWriter(ABC):
    """Writes one incoming file. Finish with `finish` or `abort`.

    Methods may block on the disk or the network. They raise StoreFull or StoreUnavailable.
    """

    size: int
    """Bytes written so far."""

    @abstractmethod
    def write(self, data: bytes | memoryview) -> None:
        """Append to the file. The caller may reuse the memory of `data` afterwards."""

    @abstractmethod
    def finish(self, name: str, sha256: str) -> Upload:
        """Make the complete file durable and visible under its id; `name` is only a label.

        `sha256` is the hex digest of all data that was written.
        """

    @abstractmethod
    def abort(self) -> None:
        """Remove the file. May be called after `finish` if the job could not be stored."""


class Uploads(ABC):
    """Storage for uploaded files. Its methods may be called from several threads at once."""

    folder: Path | None
    """Folder on this machine that holds the files; None if they are elsewhere."""
    artifacts: Artifacts
    """The storage of the files that jobs leave, in the same place."""
    MAX_BYTES: int | None = None
    """Maximum size of a file; None: no limit."""

    @abstractmethod
    def writer(self, id: UUID | None = None) -> UploadWriter:
        """Begin a new file, or a copy of the file with this id. Raises StoreFull and
        StoreUnavailable."""

    @abstractmethod
    def size(self, upload: Upload) -> int | None:
        """Return the size of a complete file in bytes, or None if it does not exist. Raises
        StoreUnavailable."""

    @abstractmethod
    def access(self, upload: Upload, timeout: float | None) -> dict[str, str]:
        """Return how a job reads a complete file: its `path` or its `url`, or a `problem` if
        neither is available. `timeout` is the job's time limit in seconds; None: no limit."""

    @abstractmethod
    def open(self, upload: Upload, start: int = 0, end: int | None = None) -> FileReader | None:
        """Open a complete file to read it from `start` up to `end`, its end by default.

        None if the file was deleted or changed, not by the service. Raises StoreUnavailable.
        """

    @abstractmethod
    def copy(self, source: Upload | JobFile, name: str) -> Upload | None:
        """Return a copy of a complete file, for a new job; None if the file is gone.

        It has an id of its own, so that it stays when the source is deleted. Raises StoreFull and
        StoreUnavailable.
        """

    @abstractmethod
    def delete(self, upload_ids: Iterable[UUID]) -> None:
        """Delete files that still exist. Files that cannot be deleted now are left to a sweep."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether there is no complete file, and none that a job has left. Raises
        StoreUnavailable."""

    @abstractmethod
    def owner(self) -> Owner | None:
        """Return which store the files belong to; None if nothing says so. Raises StoreUnusable and
        StoreUnavailable."""

    @abstractmethod
    def give_to(self, owner: Owner) -> None:
        """Write which store the files belong to. Raises StoreFull and StoreUnavailable."""

    @abstractmethod
    def sweep(self, find_orphans: FindOrphans, since: float | None = 0.0) -> set[UUID]:
        """Delete files of dead writers, and files whose jobs were never stored; return the latter.

        Those from before `since` stay; None deletes all, however many. Raises StoreUnavailable,
        StoreUnusable as `require_few`, and any error of `find_orphans`.
        """

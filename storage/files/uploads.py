"""Uploaded files, as their users see them: written as they arrive, there once they are whole,
deleted with their jobs. In a folder (upload_folder.py) or in a bucket (upload_bucket.py).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import UUID

from storage.records.job import Upload

GRACE_SECONDS = 3600.0
"""A file without a row is left alone this long: the job that owns it may be about to be stored."""

FindOrphans = Callable[[set[UUID]], set[UUID]]
"""Tells which of some files no job has."""


class UploadWriter(ABC):
    """One file on its way in. Ends by `finish` or `abort`; each method may wait for the disk or the
    network, and raises StoreFull or StoreUnavailable where these fail."""

    size: int
    """How many bytes were written."""

    @abstractmethod
    def write(self, data: bytes | memoryview) -> None:
        """Append to the file. The memory of `data` may be used anew once this returns."""

    @abstractmethod
    def finish(self, name: str, sha256: str) -> Upload:
        """Make the file durable and whole, under its own id; `name` is only a label.

        `sha256` is the digest of all that was written, in hex.
        """

    @abstractmethod
    def abort(self) -> None:
        """Leave nothing behind; also after `finish`, for a job that could not be stored."""


class Uploads(ABC):
    """The place of uploaded files. Its methods may be called from several threads at once."""

    folder: Path | None
    """Where they are on a disk of this machine; None if they are elsewhere."""
    MAX_BYTES: int | None = None
    """No file can be larger."""

    @abstractmethod
    def writer(self, id: UUID | None = None) -> UploadWriter:
        """Begin a new file, or the copy of one that has its id. Raises StoreFull and
        StoreUnavailable."""

    @abstractmethod
    def size(self, upload: Upload) -> int | None:
        """How many bytes a whole file has; None if it is not there. Raises StoreUnavailable."""

    @abstractmethod
    def access(self, upload: Upload, timeout: float | None) -> dict[str, str]:
        """How a job that may take so many seconds gets at a whole file: its `path` or its `url`, or
        the `problem` for which neither can be told."""

    @abstractmethod
    def delete(self, upload_ids: Iterable[UUID]) -> None:
        """Delete files, where they are still there; what cannot be now is left to a sweep."""

    @abstractmethod
    def sweep(self, unknown: FindOrphans) -> None:
        """Delete what no job needs: left by a writer that died, or by a job that was not stored.

        Raises what `unknown` does, and StoreUnavailable.
        """

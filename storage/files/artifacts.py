"""The interface of the storage for files that jobs leave, and its implementation in a folder.

    artifacts/JOB.ATTEMPT.FILE     below the folder of uploads; bucket_artifacts.py has the other

A worker stores the files of an attempt, and then settles the attempt together with their rows. No
client sees a file without a row, so a file that a killed worker has not finished needs no other
name: the sweep deletes what neither has a row nor belongs to an attempt that runs.
"""

import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

from storage.files.data_file import DataFile, translate_errors
from storage.files.disk import make_folder, sync_folder
from storage.files.owner import require_few
from storage.files.reading import FileReader, FolderReader, open_in_folder
from storage.records.job_file import ArtifactKey, JobFile

ARTIFACTS = "artifacts"
"""Name of the folder, and first part of the names of objects."""
_WHAT = "files of jobs"
_AT_ONCE = 1000
"""How many files a sweep looks up at once. There can be millions."""

FindUnusedFiles = Callable[[set[ArtifactKey]], set[ArtifactKey]]
"""Returns those of the keys that have no row, and whose attempts do not run."""


class ArtifactWriter(ABC):
    """Writes one file. Finish with `finish` or `abort`.

    Methods may block on the disk or the network. They raise StoreFull or StoreUnavailable.
    """

    size: int
    """Bytes written so far."""

    @abstractmethod
    def write(self, data: bytes | memoryview) -> None:
        """Append to the file. The caller may reuse the memory of `data` afterwards."""

    @abstractmethod
    def finish(self) -> None:
        """Make the data of the complete file durable. Its name becomes so by `Artifacts.sync`."""

    @abstractmethod
    def abort(self) -> None:
        """Remove the file, also after `finish`. Does not raise: the rest is left to a sweep."""


class Artifacts(ABC):
    """Storage for the files that jobs leave. May be used by several threads at once."""

    MAX_BYTES: int | None = None
    """Maximum size of a file; None: no limit."""

    @abstractmethod
    def writer(self, key: ArtifactKey) -> ArtifactWriter:
        """Begin a file, in place of one with this key. Raises StoreFull and StoreUnavailable."""

    @abstractmethod
    def sync(self) -> None:
        """Make the names of all finished files durable. Raises StoreUnavailable."""

    @abstractmethod
    def size(self, key: ArtifactKey) -> int | None:
        """Return the size of a file in bytes, or None if it does not exist. Raises
        StoreUnavailable."""

    @abstractmethod
    def open(self, file: JobFile, start: int = 0, end: int | None = None) -> FileReader | None:
        """Open a file to read it from `start` up to `end`, its end by default.

        None if the file was deleted or changed. Raises StoreUnavailable.
        """

    @abstractmethod
    def delete(self, keys: Iterable[ArtifactKey]) -> None:
        """Delete files that still exist. Files that cannot be deleted now are left to a sweep."""

    @abstractmethod
    def sweep(self, find_unused: FindUnusedFiles, since: float | None = 0.0) -> set[ArtifactKey]:
        """Delete the unused files, and return them.

        Those from before `since` stay; None deletes all, however many. Raises StoreUnavailable,
        StoreUnusable as `require_few`, and any error of `find_unused`.
        """


class FolderArtifactWriter(ArtifactWriter):
    """Writes one file into the folder."""

    def __init__(self, path: Path):
        self._path = path
        self.size = 0
        with translate_errors(_WHAT):
            path.unlink(missing_ok=True)  # from an interrupted transfer
            self._file = DataFile.new(path)

    def write(self, data: bytes | memoryview) -> None:
        """Append to the file; see `ArtifactWriter.write`."""
        with translate_errors(_WHAT):
            self._file.write(data)
        self.size = self._file.size

    def finish(self) -> None:
        """Sync the file; see `ArtifactWriter.finish`."""
        with translate_errors(_WHAT):
            self._file.sync()
            self._file.close()

    def abort(self) -> None:
        """Delete the file; see `ArtifactWriter.abort`."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink()


class FolderArtifacts(Artifacts):
    """All files in a folder."""

    def __init__(self, uploads: Path):
        """Create the folder below the one of `uploads`. Raises StoreFull and StoreUnavailable."""
        self.folder = uploads / ARTIFACTS
        with translate_errors(_WHAT):
            make_folder(self.folder)

    def writer(self, key: ArtifactKey) -> FolderArtifactWriter:
        """Begin a file; see `Artifacts.writer`."""
        return FolderArtifactWriter(self.path(key))

    def sync(self) -> None:
        """Sync the folder; see `Artifacts.sync`."""
        with translate_errors(_WHAT):
            sync_folder(self.folder)

    def size(self, key: ArtifactKey) -> int | None:
        """Return the size of a file in bytes, or None if it does not exist."""
        with translate_errors(_WHAT):
            try:
                return self.path(key).stat().st_size
            except FileNotFoundError:
                return None

    def path(self, key: ArtifactKey) -> Path:
        """Return the path of a file."""
        return self.folder / str(key)

    def open(self, file: JobFile, start: int = 0, end: int | None = None) -> FolderReader | None:
        """Open a file; see `Artifacts.open`."""
        return open_in_folder(self.path(file.key), file.size, start)

    def delete(self, keys: Iterable[ArtifactKey]) -> None:
        """Delete files that still exist."""
        for key in keys:
            with contextlib.suppress(OSError):
                self.path(key).unlink()

    def sweep(self, find_unused: FindUnusedFiles, since: float | None = 0.0) -> set[ArtifactKey]:
        """Delete the unused files; see `Artifacts.sweep`."""
        unused, count = set[ArtifactKey](), 0
        with translate_errors(_WHAT), os.scandir(self.folder) as entries:
            keys = (key for entry in entries if (key := ArtifactKey.parse(entry.name)))
            while some := {*islice(keys, _AT_ONCE)}:
                count += len(some)
                unused |= find_unused(some)
        if since is not None:
            unused = {each for each in unused if self._written_at(each) >= since}
            require_few(len(unused), count, _WHAT)
        self.delete(unused)
        return unused

    def _written_at(self, key: ArtifactKey) -> float:
        try:
            return self.path(key).stat().st_mtime
        except FileNotFoundError:
            return 0.0

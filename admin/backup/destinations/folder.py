"""Backups in a folder.

    incoming/          written now; a killed program leaves some, and the next one deletes them
    lock               locked by the program that changes the folder

A file gets its final name when its data is on the disk, so what has a name is complete.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from admin.backup.destinations.destination import (
    DATABASE,
    FILES,
    MANIFEST,
    READ_BYTES,
    BackupPlace,
    Damaged,
    PlaceInUse,
)
from admin.backup.destinations.pace import Pace
from storage.files.data_file import DataFile, translate_errors
from storage.files.disk import make_folder, sync_folder

PUBLISH_FILES = 32
"""So many files are synced at the same time: a file system with a journal writes it once for all of
them. With more, programs of the store would wait longer for their own syncs."""
_WRITE_OUT_BYTES = 256 * 1024


class FolderPlace(BackupPlace):
    """A folder on this machine, or a mounted one."""

    def __init__(self, folder: Path, pace: Pace = BackupPlace.pace):
        self.folder = folder
        self.pace = pace
        self.description = str(folder)
        self._what = f"backups in {folder}, as user {os.geteuid()}"
        self._incoming = folder / "incoming"
        self._written: list[tuple[Path, Path]] = []
        self._touched: set[Path] = set()
        self._publishing = threading.Lock()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder, and delete what a killed program has left; see `BackupPlace.lock`."""
        with translate_errors(self._what):
            make_folder(self._incoming)
            file = (self.folder / "lock").open("ab")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PlaceInUse(
                    f"another program is changing the backups in {self.folder}: wait until it ends"
                ) from None
            with translate_errors(self._what):
                for each in self._incoming.iterdir():
                    each.unlink()
            yield

    def contents(self) -> set[str]:
        """Return the names of all chunks and files."""
        found = set()
        with translate_errors(self._what):
            for kind in (DATABASE, FILES):
                for group in _entries(self.folder / kind):
                    found |= {f"{kind}/{group}/{n}" for n in _entries(self.folder / kind / group)}
        return found

    def write(self, name: str, data: Iterable[bytes]) -> None:
        """Write a file below `incoming`; see `BackupPlace.write`."""
        part = self._incoming / str(uuid4())
        with translate_errors(self._what), contextlib.closing(DataFile.new(part)) as file:
            try:
                for some in data:
                    file.write(some)
                    file.write_out(at_least=_WRITE_OUT_BYTES)
                    self.pace.rest()
                file.write_out()
            except BaseException:
                part.unlink()
                raise
        with self._publishing:
            self.pace.skip()
            self._written.append((part, self.folder / name))
            if len(self._written) >= PUBLISH_FILES:
                self._publish_some()
        self.pace.rest()

    def publish(self) -> None:
        """Sync all files and their names; see `BackupPlace.publish`."""
        with self._publishing:
            self._publish_some()
        with translate_errors(self._what):
            for folder in self._touched:
                sync_folder(folder)
                self.pace.rest()
        self._touched.clear()

    def _publish_some(self) -> None:
        with translate_errors(self._what), ThreadPoolExecutor(PUBLISH_FILES) as threads:
            list(threads.map(_sync, [part for part, _ in self._written]))
            for part, path in self._written:
                if path.parent not in self._touched:
                    make_folder(path.parent)
                    self._touched.add(path.parent)
                part.rename(path)
        self._written.clear()

    def write_manifest(self, name: str, data: bytes) -> None:
        """Write a manifest, sync it, and give it its name."""
        part = self._incoming / name
        with translate_errors(self._what):
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self.folder / name)
            sync_folder(self.folder)

    def manifests(self) -> list[str]:
        """Return the names of the manifests, oldest first."""
        with translate_errors(self._what):
            return sorted(each for each in _entries(self.folder) if each.startswith(MANIFEST))

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file. Raises Damaged if it is missing or cannot be read."""
        try:
            with (self.folder / name).open("rb") as file:
                while some := file.read(READ_BYTES):
                    yield some
        except OSError as error:
            raise Damaged(f"{name}: {error.strerror}") from error

    def delete(self, names: Iterable[str]) -> None:
        """Delete files that exist."""
        with translate_errors(self._what):
            for name in names:
                (self.folder / name).unlink(missing_ok=True)


def _entries(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A backup in one file: a tar archive, compressed with Zstandard.

It has the same names as a folder. The manifest is its last member, so an archive that was cut off
has none. While it is written, it has the suffix `.partial`.
"""

import fcntl
import io
import os
import shutil
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from admin.backup.destinations.compression import DAMAGED, compressing, decompressing
from admin.backup.destinations.destination import (
    DATABASE,
    FILES,
    MANIFEST,
    READ_BYTES,
    BackupPlace,
    BackupRefused,
    Damaged,
    PlaceInUse,
)
from admin.backup.destinations.folder import FolderPlace
from admin.backup.destinations.pace import Pace
from storage.files.data_file import translate_errors
from storage.files.disk import sync_name

SUFFIX = ".tar.zst"
_UNPACKED = "unpacked-"
"""What the names of folders with unpacked archives begin with. Eight characters follow."""
_IN_MEMORY_BYTES = 8 * 1024**2


class NewArchive(BackupPlace):
    """An archive that is being written. It has no earlier backups, so it always has everything."""

    def __init__(self, file: Path, pace: Pace = BackupPlace.pace):
        self.description = str(file)
        self.pace = pace
        self._file = file
        self._part = file.with_name(f"{file.name}.partial")
        self._what = f"{file}: backups"
        self._tar: tarfile.TarFile
        self._adding = threading.Lock()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Write the archive within the block. It gets its name if the block ends without error."""
        if self._file.exists():
            raise BackupRefused(f"{self._file} exists: give another name, or delete it")
        with translate_errors(self._what), self._part.open("ab") as raw:
            try:
                fcntl.flock(raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise PlaceInUse(f"another program is writing {self._file}") from None
            raw.truncate(0)
            try:
                with (
                    compressing(raw) as packed,
                    tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
                ):
                    self._tar = tar
                    yield
                raw.flush()
                os.fsync(raw.fileno())
                self._part.rename(self._file)
                sync_name(self._file)
            except BaseException:
                self._part.unlink(missing_ok=True)
                raise

    def contents(self) -> set[str]:
        """Return nothing: it begins empty."""
        return set()

    def write(self, name: str, data: Iterable[bytes]) -> None:
        """Add a member. Its size comes before its data, so the data is collected before."""
        with tempfile.SpooledTemporaryFile(
            _IN_MEMORY_BYTES, dir=str(self._file.parent)
        ) as collected:
            for some in data:
                collected.write(some)
            self._add(name, _Paced(collected, self.pace), collected.tell())

    def _add(self, name: str, data: Any, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        data.seek(0)
        with self._adding, translate_errors(self._what):
            self.pace.skip()
            self._tar.addfile(member, data)

    def publish(self) -> None:
        """Do nothing: the end of the archive is synced."""

    def write_manifest(self, name: str, data: bytes) -> None:
        """Add the manifest as the last member."""
        self._add(name, io.BytesIO(data), len(data))

    def manifests(self) -> list[str]:
        """Return nothing: the manifest is written last."""
        return []

    def read(self, name: str) -> Iterator[bytes]:
        """Raise Damaged: nothing is read while it is written."""
        raise Damaged(f"{name}: the archive is being written")

    def delete(self, names: Iterable[str]) -> None:
        """Raise BackupRefused: an archive has one backup."""
        raise BackupRefused(f"{self._file} has one backup: delete the file itself")


class _Paced:
    """A file that is read in small pieces, with a rest after each."""

    def __init__(self, file: IO[bytes], pace: Pace):
        self._file, self._pace, self.seek = file, pace, file.seek

    def read(self, size: int) -> bytes:
        """Read up to so many bytes."""
        self._pace.rest()
        return bytes(self._file.read(size))


class Archive(BackupPlace):
    """An archive that is read. Members are read in their order, or all are unpacked first."""

    def __init__(self, file: Path, unpack_to: Path | None):
        """Unpack into a new folder within `unpack_to`; None: only `walk` and `manifests` work.

        The folders that killed restores have left there are deleted. So one restore at a time may
        unpack to it.
        """
        self.description = str(file)
        self._file = file
        self._unpack_to = unpack_to
        self._unpacked: FolderPlace | None = None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._manifests: dict[str, bytes] = {}
        self._unpacking = threading.Lock()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Do nothing: an archive is never changed."""
        yield

    def walk(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Yield the name and the bytes of all chunks and files, in one pass."""
        for name, file in self._members():
            if name.startswith(MANIFEST):
                self._manifests[name] = file.read()
            else:
                yield name, self._pieces(file)

    def manifests(self) -> list[str]:
        """Return the name of its manifest; none if it was cut off."""
        if not self._manifests:
            for name, _ in self.walk():
                del name
        return sorted(self._manifests)

    def contents(self) -> set[str]:
        """Return the names of all chunks and files."""
        return self._folder().contents()

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a member."""
        if name in self._manifests:
            yield self._manifests[name]
        else:
            yield from self._folder().read(name)

    def _folder(self) -> FolderPlace:
        """The folder with all members, which the first call makes. Other threads wait for it."""
        with self._unpacking:
            if self._unpacked is None:
                self._unpacked = FolderPlace(self._unpack())
            return self._unpacked

    def _unpack(self) -> Path:
        left = self._unpack_to.glob(f"{_UNPACKED}????????") if self._unpack_to else ()
        for folder in left:  # a restore that was killed did not delete its folder
            shutil.rmtree(folder, ignore_errors=True)
        self._temporary = tempfile.TemporaryDirectory(
            prefix=_UNPACKED, dir=self._unpack_to, ignore_cleanup_errors=True
        )
        folder = Path(self._temporary.name)
        for name, data in self.walk():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with translate_errors(self.description), path.open("wb") as file:
                file.writelines(data)
        return folder

    def _pieces(self, file: IO[bytes]) -> Iterator[bytes]:
        """Yield the bytes of a member. Its reader gets the errors, not `_members`."""
        try:
            while some := file.read(READ_BYTES):
                yield some
        except (*DAMAGED, tarfile.TarError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> Damaged:
        return Damaged(f"{self._file} is damaged or cut off: {error}")

    def _members(self) -> Iterator[tuple[str, Any]]:
        try:
            with (
                self._file.open("rb") as raw,
                decompressing(raw) as packed,
                tarfile.open(fileobj=packed, mode="r|") as tar,
            ):
                for member in tar:
                    if member.isfile() and _is_ours(member.name):
                        file = tar.extractfile(member)
                        assert file
                        yield member.name, file
        except (*DAMAGED, tarfile.TarError) as error:
            raise self._damaged(error) from error
        except OSError as error:
            raise Damaged(f"{self._file}: {error.strerror or error}") from error

    def write(self, name: str, data: Iterable[bytes]) -> None:
        """Raise BackupRefused: an archive is never changed."""
        raise BackupRefused(f"{self._file} exists: give another name, or delete it")

    publish = write_manifest = delete = write  # type: ignore[assignment]

    def close(self) -> None:
        """Delete what was unpacked."""
        if self._temporary:
            self._temporary.cleanup()


def _is_ours(name: str) -> bool:
    """Whether the name of a member is one that this program writes: none leads elsewhere."""
    first, *rest = name.split("/")
    if not rest:
        return first.startswith(MANIFEST)
    return first in (DATABASE, FILES) and len(rest) == 2 and not {"", ".", ".."} & {*rest}

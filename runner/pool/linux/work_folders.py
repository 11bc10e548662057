"""Folders for jobs to work in, one for each attempt; gone when it has ended, however it ended.

    DATA_DIR/work/          its lock: held while a runner starts, so that none sweeps another's
      RUNNER/               its lock: held by the runner and its keepers, for as long as one lives
        PID-1/ PID-2/ …     one for the job that a keeper runs
        trash/              moved here at the end of the attempt, and removed

A small folder is removed by the keeper, a large one by a thread of the runner. What a runner leaves
that was killed, the next start sweeps: the kernel has freed the lock.
"""

import contextlib
import errno
import fcntl
import itertools
import os
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from runner.pool.linux import removal

_TRASH = "trash"
_INLINE_SECONDS = 0.02
"""How long a keeper removes at most: meanwhile it hears of no kill."""
_ENTRY_BYTES = 4096
"""What the name of a file or folder counts, whatever else it has: inodes end as well."""


class WorkPlace:
    """The folders of one runner."""

    def __init__(self, parent: Path):
        """Make them below `parent`, and sweep those of dead runners. Raises OSError."""
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(parent) as all_runners:
            name = f"{os.getpid()}-{secrets.token_hex(4)}"
            self.path = parent.absolute() / name
            self.path.mkdir(mode=0o700)
            self.descriptor = removal.open_folder(str(self.path))
            """To be held by the keepers as well: it is the lock."""
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
            (self.path / _TRASH).mkdir(mode=0o700)
            self._trash = removal.open_folder(_TRASH, self.descriptor)
            self._sweep(all_runners, name)
        self._remover: threading.Thread | None = None
        self._stuck: set[str] = set()
        self.tidy()

    def _sweep(self, all_runners: int, own: str) -> None:
        for name in os.listdir(all_runners):
            if name != own and _is_free(name, all_runners):
                _discard(name, all_runners, self._trash)

    def clear(self) -> None:
        """Discard the folders of keepers that are dead: all there are, when no keeper lives."""
        for name in os.listdir(self.descriptor):
            if name != _TRASH:
                _discard(name, self.descriptor, self._trash)

    def tidy(self) -> bool:
        """Have a thread remove what was discarded; that may take long. False: no more at once."""
        running = self._remover is not None and self._remover.is_alive()
        names = [] if running else [n for n in os.listdir(self._trash) if n not in self._stuck]
        if names:
            given = (names,)
            self._remover = threading.Thread(
                target=self._remove, args=given, name="removal", daemon=True
            )
            self._remover.start()
        return False

    def _remove(self, names: list[str]) -> None:
        for name in names:
            self._stuck |= removal.remove(name, self._trash)

    def close(self, patience: float = 5.0) -> None:
        """Remove all in so many seconds, once no keeper lives; the rest is for the next start."""
        self.clear()
        self.tidy()
        if self._remover is not None:
            self._remover.join(patience)
            if self._remover.is_alive():
                return  # it uses the descriptors
        with contextlib.suppress(OSError):
            os.rmdir(self.path / _TRASH)
            os.rmdir(self.path)
        os.close(self._trash)
        os.close(self.descriptor)


class WorkFolder:
    """The folder of the job that a keeper runs."""

    def __init__(self, descriptor: int, path: str):
        """Below the place of the runner, by its descriptor and path. Raises OSError."""
        self._place = descriptor
        self._path = path
        self._trash = removal.open_folder(_TRASH, descriptor)
        self._names = (f"{os.getpid()}-{number}" for number in itertools.count(1))
        self._name: str | None = None
        self._made: tuple[int, ...] = ()

    def give(self) -> str:
        """The name of an empty folder, for the next attempt. Raises OSError."""
        if self._name is None:
            self._name = self._make()
            # Longer ago than any change can be, which the kernel dates to some milliseconds only.
            os.utime(self._name, ns=(0, 0), dir_fd=self._place, follow_symlinks=False)
            self._made = self._state()
        return self._name

    def take_back(self) -> None:
        """The attempt has ended: remove its folder, unless nobody has ever written to it."""
        with contextlib.suppress(OSError):
            if self._name is not None and self._state() == self._made:
                return
        name, self._name = self._name, None
        if name is not None:
            new = _discard(name, self._place, self._trash)
            if new is not None:
                removal.remove(new, self._trash, time.monotonic() + _INLINE_SECONDS)

    def used(self, enough: int) -> int:
        """Bytes on the disk that the attempt has in its folder; counted until it is enough."""
        used, folders = 0, [f"{self._path}/{self._name}"]
        while folders and used <= enough:
            with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    used += _ENTRY_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if used > enough:
                        break
        return used

    def _make(self) -> str:
        for name in self._names:
            try:
                os.mkdir(name, 0o700, dir_fd=self._place)
            except FileExistsError:
                continue  # of a keeper of before that had the same id
            return name
        raise AssertionError  # the names do not end

    def _state(self) -> tuple[int, ...]:
        """What changes with each change of the folder."""
        found = os.stat(self._name or "", dir_fd=self._place, follow_symlinks=False)
        return found.st_ino, found.st_mode, found.st_mtime_ns, found.st_ctime_ns


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    descriptor = removal.open_folder(str(folder))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_free(name: str, place: int) -> bool:
    """Whether no process of the runner lives that the folder was made for."""
    try:
        descriptor = removal.open_folder(name, place)
    except OSError as error:
        return error.errno == errno.ENOTDIR
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _discard(name: str, place: int, trash: int) -> str | None:
    """Move something to the trash, and its name there; None if it is gone, or cannot be moved."""
    with contextlib.suppress(OSError):
        return removal.move(name, place, trash)
    return None

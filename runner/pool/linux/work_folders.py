"""Working folders of jobs, one for each attempt. They are removed however the attempt ends.

    DATA_DIR/work/          locked while a runner starts, so that no two runners sweep at once
      RUNNER/               locked by the runner and its keepers, as long as one of them lives
        PID-1/ PID-2/ …     one for the job that a keeper runs
        trash/              folders are moved here when their attempt ends, and removed from here

The keeper removes a small folder itself. A thread of the runner removes the rest of a large one.
If a runner is killed, its lock becomes free, and the next runner to start removes its folders.
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
"""How long a keeper may spend on removing a folder. It reads no kill order meanwhile."""
_ENTRY_BYTES = 4096
"""Bytes that each file or folder counts besides its data, since inodes are limited as well."""


class RunnerFolder:
    """The folder of one runner, with the folders of its jobs and the trash."""

    def __init__(self, parent: Path):
        """Create the folder below `parent`, and discard folders of dead runners. Raises OSError."""
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(parent) as all_runners:
            name = f"{os.getpid()}-{secrets.token_hex(4)}"
            self.path = parent.absolute() / name
            self.path.mkdir(mode=0o700)
            self.descriptor = removal.open_folder(str(self.path))
            """Holds the lock (flock). Keepers must hold this descriptor as well."""
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
            (self.path / _TRASH).mkdir(mode=0o700)
            self._trash = removal.open_folder(_TRASH, self.descriptor)
            self._discard_dead_runners(all_runners, name)
        self._remover: threading.Thread | None = None
        self._not_removable: set[str] = set()
        self.empty_trash()

    def _discard_dead_runners(self, all_runners: int, own: str) -> None:
        for name in os.listdir(all_runners):
            if name != own and _is_unlocked(name, all_runners):
                _move_to_trash(name, all_runners, self._trash)

    def discard_job_folders(self) -> None:
        """Move all job folders to the trash. To be called only while no keeper lives."""
        for name in os.listdir(self.descriptor):
            if name != _TRASH:
                _move_to_trash(name, self.descriptor, self._trash)

    def empty_trash(self) -> bool:
        """Start a thread that empties the trash, unless it runs already.

        Always returns False: the caller need not call it again at once.
        """
        running = self._remover is not None and self._remover.is_alive()
        names = []
        if not running:
            names = [name for name in os.listdir(self._trash) if name not in self._not_removable]
        if names:
            self._remover = threading.Thread(
                target=self._remove, args=(names,), name="removal", daemon=True
            )
            self._remover.start()
        return False

    def _remove(self, names: list[str]) -> None:
        for name in names:
            self._not_removable |= removal.remove(name, self._trash)

    def close(self, timeout: float = 5.0) -> None:
        """Remove everything, waiting up to `timeout` seconds. To be called after the last keeper
        has ended. The next runner to start removes the rest."""
        self.discard_job_folders()
        self.empty_trash()
        if self._remover is not None:
            self._remover.join(timeout)
            if self._remover.is_alive():
                return  # the thread still uses the descriptors
        with contextlib.suppress(OSError):
            os.rmdir(self.path / _TRASH)
            os.rmdir(self.path)
        os.close(self._trash)
        os.close(self.descriptor)


class JobFolder:
    """The working folder of the job that a keeper runs."""

    def __init__(self, runner_folder: int, path: str):
        """`runner_folder` is the descriptor of the runner's folder, `path` its path. Raises
        OSError."""
        self._runner_folder = runner_folder
        self._path = path
        self._trash = removal.open_folder(_TRASH, runner_folder)
        self._new_names = (f"{os.getpid()}-{number}" for number in itertools.count(1))
        self._name: str | None = None
        self._unused_state: tuple[int, ...] = ()

    def prepare(self) -> str:
        """Return the name of an empty folder for the next attempt. Raises OSError."""
        if self._name is None:
            self._name = self._create()
            # The kernel's timestamps are only exact to some milliseconds. With a date in the past,
            # every later change is visible in the state.
            os.utime(self._name, ns=(0, 0), dir_fd=self._runner_folder, follow_symlinks=False)
            self._unused_state = self._state()
        return self._name

    def discard(self) -> None:
        """Remove the folder after its attempt. An unchanged folder is kept for the next one."""
        with contextlib.suppress(OSError):
            if self._name is not None and self._state() == self._unused_state:
                return
        name, self._name = self._name, None
        if name is not None:
            new_name = _move_to_trash(name, self._runner_folder, self._trash)
            if new_name is not None:
                removal.remove(new_name, self._trash, time.monotonic() + _INLINE_SECONDS)

    def used_bytes(self, limit: int) -> int:
        """Return the disk usage of the folder in bytes. Counting stops once it exceeds `limit`."""
        used, folders = 0, [f"{self._path}/{self._name}"]
        while folders and used <= limit:
            with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    used += _ENTRY_BYTES
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        used += entry.stat(follow_symlinks=False).st_blocks * 512
                    if used > limit:
                        break
        return used

    def _create(self) -> str:
        for name in self._new_names:
            try:
                os.mkdir(name, 0o700, dir_fd=self._runner_folder)
            except FileExistsError:
                continue  # left by an earlier keeper with the same pid
            return name
        raise AssertionError  # the names are endless

    def _state(self) -> tuple[int, ...]:
        """Return a tuple that differs after any change of the folder."""
        found = os.stat(self._name or "", dir_fd=self._runner_folder, follow_symlinks=False)
        return found.st_ino, found.st_mode, found.st_mtime_ns, found.st_ctime_ns


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[int]:
    descriptor = removal.open_folder(str(folder))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_unlocked(name: str, parent: int) -> bool:
    """Return whether all processes of the runner that owns a folder are dead."""
    try:
        descriptor = removal.open_folder(name, parent)
    except OSError as error:
        return error.errno == errno.ENOTDIR
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _move_to_trash(name: str, parent: int, trash: int) -> str | None:
    """Move an entry of a folder to the trash; returns its new name, or None if it cannot be
    moved."""
    with contextlib.suppress(OSError):
        return removal.move(name, parent, trash)
    return None

"""Working folders of jobs, one for each attempt. They are removed however the attempt ends.

    DATA_DIR/work/          locked while a runner starts, so that no two runners sweep at once
      RUNNER/               locked by the runner and its keepers, as long as one of them lives
        PID-1/              of a keeper and its job process, as long as jobs leave it unchanged
          w/1/              the folder of one attempt
          f/ID              a link to the file that the attempt may read
        kept/CALL           the folder of files that an attempt has left, until they are stored
        trash/              folders are moved here when their attempt ends, and removed from here

Landlock lets a job process write to `w` and read `f` of its own keeper. It cannot be extended to
folders that are made later, so both outlast the attempts.

The keeper removes a small folder itself. A thread of the runner removes the rest of a large one.
If a runner is killed, its lock becomes free, and the next runner to start removes its folders.
"""

import contextlib
import errno
import fcntl
import itertools
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runner.pool.linux import removal
from runner.pool.linux.kept_files import KEPT, keep_files, kept_name

WORK, FILE = "w", "f"
"""Short, because jobs make unix sockets in their folders, whose paths have at most 107 bytes."""
FILE_FROM_WORK = f"../../{FILE}"
"""The folder of the link to an attempt's file, as seen from the attempt's folder."""
_TRASH = "trash"
_INLINE_SECONDS = 0.02
"""How long a keeper may spend on removing a folder. It reads no kill order meanwhile."""
_ENTRY_BYTES = 4096
"""Bytes that each file or folder counts besides its data, since inodes are limited as well."""

_State = tuple[int, ...]


class RunnerFolder:
    """The folder of one runner, with the folders of its jobs and the trash."""

    def __init__(self, parent: Path):
        """Create the folder below `parent`, and discard folders of dead runners. Raises OSError."""
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(parent) as all_runners, contextlib.ExitStack() as opened:
            name = f"{os.getpid()}-{secrets.token_hex(4)}"
            self.path = parent.absolute() / name
            self.path.mkdir(mode=0o700)
            self.descriptor = removal.open_folder(str(self.path))
            """Holds the lock (flock). Keepers must hold this descriptor as well."""
            opened.callback(os.close, self.descriptor)
            fcntl.flock(self.descriptor, fcntl.LOCK_EX)
            (self.path / _TRASH).mkdir(mode=0o700)
            self._trash = removal.open_folder(_TRASH, self.descriptor)
            opened.callback(os.close, self._trash)
            (self.path / KEPT).mkdir(mode=0o700)
            self._kept = removal.open_folder(KEPT, self.descriptor)
            opened.callback(os.close, self._kept)
            self._discard_dead_runners(all_runners, name)
            opened.pop_all()  # after an error, the next start discards the folder
        self._is_closed = False
        self._remover: threading.Thread | None = None
        self._not_removable: set[str] = set()
        self.empty_trash()

    def _discard_dead_runners(self, all_runners: int, own: str) -> None:
        for name in os.listdir(all_runners):
            if name != own and _is_unlocked(name, all_runners):
                _move_to_trash(name, all_runners, self._trash)

    def can_link(self, folder: Path) -> bool:
        """Return whether files of another folder can be linked here. Raises OSError."""
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            try:
                os.link(file.name, name := self.path / _TRASH / secrets.token_hex(8))
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                    raise
                return False
            name.unlink()
            return True

    def discard_job_folders(self) -> None:
        """Move all job folders to the trash. To be called only while no keeper lives."""
        for name in os.listdir(self.descriptor):
            if name not in (_TRASH, KEPT):
                _move_to_trash(name, self.descriptor, self._trash)

    def open_kept(self, call_id: str) -> int:
        """Open the folder of files that a call has left; returns its descriptor. Raises OSError."""
        if self._is_closed:
            raise OSError(errno.ENOENT, "the worker has stopped, and its work folders are removed")
        return removal.open_folder(kept_name(call_id), self._kept)

    def discard_kept(self, call_id: str) -> None:
        """Move the folder of files that a call has left to the trash, if there is one."""
        if not self._is_closed:
            _move_to_trash(kept_name(call_id), self._kept, self._trash)

    def empty_trash(self) -> bool:
        """Start a thread that empties the trash, unless it runs already.

        Always returns False: the caller need not call it again at once. Once everything is removed,
        it does nothing: a worker settles its last jobs after that.
        """
        if self._is_closed:
            return False
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
        for name in os.listdir(self._kept):
            _move_to_trash(name, self._kept, self._trash)
        for _ in range(2):  # a thread that runs already does not know what has been moved just now
            self.empty_trash()
            if self._remover is not None:
                self._remover.join(timeout)
                if self._remover.is_alive():
                    return  # the thread still uses the descriptors
        with contextlib.suppress(OSError):
            os.rmdir(self.path / _TRASH)
            os.rmdir(self.path / KEPT)
            os.rmdir(self.path)
        self._is_closed = True  # first: the numbers of the descriptors may be used again
        os.close(self._trash)
        os.close(self._kept)
        os.close(self.descriptor)


class Discarded(NamedTuple):
    """The result of discarding the folder of an attempt."""

    can_go_on: bool
    """False if the job process must not run another attempt: it has changed the folder around its
    own, so the next attempt gets a new one, which this process cannot use."""
    has_files: bool
    """Whether the attempt has left files, which are kept."""


_NOTHING = Discarded(can_go_on=True, has_files=False)


class JobFolder:
    """The working folder of the job that a keeper runs, and the link to its file."""

    def __init__(self, runner_folder: int, path: str, shared_files: str | None = None):
        """`runner_folder` is the descriptor of the runner's folder, `path` its path. Raises
        OSError.

        `shared_files` is the folder of the files that attempts are given.
        """
        self._runner_folder = runner_folder
        self._path = path
        self._shared_files = shared_files
        self._trash = removal.open_folder(_TRASH, runner_folder)
        self._kept = removal.open_folder(KEPT, runner_folder)
        self._numbers = itertools.count(1)
        self._place = ""
        self._name = ""
        self._file = ""
        self._unused_states: tuple[_State, _State] = (), ()

    def prepare(self, file: str | None = None) -> str:
        """Return the name of an empty folder for the next attempt. Raises OSError.

        `file` is the name of the shared file that the attempt may read.
        """
        if not self._place:
            self._place = self._create_place()
        if not self._name:
            self._name = self._create(f"{self._place}/{WORK}/")
            # The kernel's timestamps are only exact to some milliseconds. With a date in the past,
            # every later change is visible in the state.
            for name in (self._name, f"{self._place}/{WORK}"):
                os.utime(name, ns=(0, 0), dir_fd=self._runner_folder, follow_symlinks=False)
            self._unused_states = self._states()
        if file is not None:
            self._link(file)
        return self._name

    def place(self) -> str:
        """Return the path of the folder that contains `w` and `f`. Raises OSError."""
        self.prepare()
        return f"{self._path}/{self._place}"

    def discard(self, call_id: str | None = None) -> Discarded:
        """Remove the folder after its attempt. An unchanged folder is kept for the next one.

        With the id of a call that has returned, the folder of files that it has left is kept for
        the runner.
        """
        self._unlink()
        if not self._name:
            return _NOTHING
        (state, around), unused = self._states(), self._unused_states
        is_around_unchanged = around == unused[1]
        if is_around_unchanged and state == unused[0]:
            return _NOTHING
        has_files = False
        if call_id is not None:
            has_files = keep_files(self._name, self._runner_folder, self._kept, call_id)
        discarded, self._name = self._name, ""
        if not is_around_unchanged:
            discarded, self._place = self._place, ""
        new_name = _move_to_trash(discarded, self._runner_folder, self._trash)
        if new_name is not None:
            removal.remove(new_name, self._trash, time.monotonic() + _INLINE_SECONDS)
        return Discarded(is_around_unchanged, has_files)

    def used_bytes(self, limit: int) -> int:
        """Return the disk usage of the folder in bytes. Counting stops once it exceeds `limit`."""
        used, folders = -_ENTRY_BYTES, [f"{self._path}/{self._place}/{WORK}"]
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

    def _create_place(self) -> str:
        place = self._create(f"{os.getpid()}-")
        try:
            for name in (WORK, FILE):
                os.mkdir(f"{place}/{name}", 0o700, dir_fd=self._runner_folder)
        except OSError:
            _move_to_trash(place, self._runner_folder, self._trash)
            raise
        return place

    def _create(self, prefix: str) -> str:
        for number in self._numbers:
            name = f"{prefix}{number}"
            try:
                os.mkdir(name, 0o700, dir_fd=self._runner_folder)
            except FileExistsError:
                continue  # left by an earlier keeper with the same pid
            return name
        raise AssertionError  # the numbers are endless

    def _link(self, file: str) -> None:
        """Link the file, so that the attempt can read it and no others.

        Without hard links, it becomes a symbolic one. The job finds nothing if the file is gone.
        """
        source, self._file = f"{self._shared_files}/{file}", f"{self._place}/{FILE}/{file}"
        try:
            os.link(source, self._file, dst_dir_fd=self._runner_folder)
        except FileNotFoundError:
            pass
        except OSError:
            os.symlink(source, self._file, dir_fd=self._runner_folder)

    def _unlink(self) -> None:
        if self._file:
            with contextlib.suppress(OSError):
                os.unlink(self._file, dir_fd=self._runner_folder)
            self._file = ""

    def _states(self) -> tuple[_State, _State]:
        """Return the states of the attempt's folder and of the folder around it."""
        return self._state(self._name), self._state(f"{self._place}/{WORK}")

    def _state(self, name: str) -> _State:
        """Return a tuple that differs after any change of a folder; an empty one if it is gone."""
        try:
            found = os.stat(name, dir_fd=self._runner_folder, follow_symlinks=False)
        except OSError:
            return ()
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

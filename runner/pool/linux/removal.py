"""Removes folders with arbitrary contents: any depth, any file type, any permissions.

    root/ ── tree/ ── a/ ── b/ ── …         each subfolder is moved up to `root` before it is
      │        │       └──────▶ x1/         emptied, so that no path gets long and only entries of
      └────────┴─ unlink, rmdir             `root` itself are opened; stopping half way is harmless

Symbolic links are removed and never followed. Folders without permissions are made accessible
first.
"""

import contextlib
import errno
import logging
import math
import os
import secrets
import stat
import time

log = logging.getLogger(__name__)

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_folder(name: str, parent: int | None = None) -> int:
    """Open a folder, after giving its owner all permissions; returns the descriptor.

    `parent` is the descriptor of the folder that contains it. Raises OSError; ENOTDIR for a
    symbolic link.
    """
    pinned = os.open(name, os.O_PATH | _FOLDER, dir_fd=parent)
    try:
        mode = stat.S_IMODE(os.fstat(pinned).st_mode)
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            # By descriptor: the name could have become a symbolic link.
            os.chmod(f"/proc/self/fd/{pinned}", mode | stat.S_IRWXU)
        return os.open(".", os.O_RDONLY | _FOLDER, dir_fd=pinned)
    finally:
        os.close(pinned)


def remove(name: str, root: int, deadline: float = math.inf) -> set[str]:
    """Remove a file, link or whole folder from the folder `root`.

    Entries that cannot be removed are logged, and their names in `root` are returned. At `deadline`
    (monotonic clock) it stops; the rest stays in `root`.
    """
    names, failed = [name], set()
    while names and time.monotonic() < deadline:
        name = names.pop()
        try:
            names += _remove_one(name, root, deadline)
        except OSError as error:
            failed.add(name)
            log.warning("cannot remove files that a job left", extra={"reason": str(error)})
    return failed


def move(name: str, parent: int, root: int, new_name: str | None = None) -> str:
    """Move an entry of the folder `parent` to the folder `root`; returns its new name, which is
    random unless it is given.

    Raises OSError.
    """
    with contextlib.suppress(NotADirectoryError):
        # The kernel refuses to move a folder that its owner cannot write to.
        os.close(open_folder(name, parent))
    new_name = new_name or secrets.token_hex(8)
    os.rename(name, new_name, src_dir_fd=parent, dst_dir_fd=root)
    return new_name


def _remove_one(name: str, root: int, deadline: float) -> list[str]:
    """Remove one entry of `root`; returns the names that remain to be removed in its place."""
    try:
        os.unlink(name, dir_fd=root)
        return []
    except FileNotFoundError:
        return []
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.EPERM):
            raise
    folder = open_folder(name, root)
    try:
        moved = _empty(folder, root, deadline)
    finally:
        os.close(folder)
    try:
        os.rmdir(name, dir_fd=root)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        # The deadline has passed, or the folder changed while it was listed.
        return [name, *moved]
    return moved


def _empty(folder: int, root: int, deadline: float) -> list[str]:
    """Empty a folder: remove its files, and move its subfolders to `root`; returns their names."""
    moved = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if time.monotonic() >= deadline:
                break
            if entry.is_dir(follow_symlinks=False):
                moved.append(move(entry.name, folder, root))
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.name, dir_fd=folder)
    return moved

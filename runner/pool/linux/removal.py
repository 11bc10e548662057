"""Removes what jobs leave in their folders, whatever it is. Imports nothing of ours.

    place/ ── tree/ ── a/ ── b/ ── …        each folder is moved up to `place` before it is emptied,
      │        │       └──────▶ x1/         so that no path is long and nothing is entered but what
      └────────┴─ unlink, rmdir             lies in `place` itself; to stop half way is no harm

Links are removed and never followed, and folders that nobody may read are made readable first.
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


def open_folder(name: str, place: int | None = None) -> int:
    """A descriptor of a folder, which must not be a link, with all permissions for its owner.

    `place` is the descriptor of the folder that it lies in. Raises OSError.
    """
    pinned = os.open(name, os.O_PATH | _FOLDER, dir_fd=place)
    try:
        mode = stat.S_IMODE(os.fstat(pinned).st_mode)
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(f"/proc/self/fd/{pinned}", mode | stat.S_IRWXU)  # not by name: no link counts
        return os.open(".", os.O_RDONLY | _FOLDER, dir_fd=pinned)
    finally:
        os.close(pinned)


def remove(name: str, place: int, until: float = math.inf) -> set[str]:
    """Remove a file, link or whole folder in the folder `place`; what of it cannot be removed is
    logged, and its names in `place` are returned. At a moment by the monotonic clock, it stops, and
    the rest is left in `place` as well."""
    names, stuck = [name], set()
    while names and time.monotonic() < until:
        name = names.pop()
        try:
            names += _remove_one(name, place, until)
        except OSError as error:
            stuck.add(name)
            log.warning("what a job has left cannot be removed", extra={"reason": str(error)})
    return stuck


def move(name: str, folder: int, place: int) -> str:
    """Move something to the folder `place`, under a new name, which is returned. Raises OSError."""
    with contextlib.suppress(NotADirectoryError):
        # The kernel moves no folder that its owner cannot write to.
        os.close(open_folder(name, folder))
    new = secrets.token_hex(8)
    os.rename(name, new, src_dir_fd=folder, dst_dir_fd=place)
    return new


def _remove_one(name: str, place: int, until: float) -> list[str]:
    """Remove one thing; what is to be removed in its stead, as far as it could not be at once."""
    try:
        os.unlink(name, dir_fd=place)
        return []
    except FileNotFoundError:
        return []
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.EPERM):
            raise
    folder = open_folder(name, place)
    try:
        moved = _empty(folder, place, until)
    finally:
        os.close(folder)
    try:
        os.rmdir(name, dir_fd=place)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        return [name, *moved]  # in time; or the list was not whole, since it changed meanwhile
    return moved


def _empty(folder: int, place: int, until: float) -> list[str]:
    """Remove what is in a folder, but move the folders in it to `place`; their names there."""
    moved = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if time.monotonic() >= until:
                break
            if entry.is_dir(follow_symlinks=False):
                moved.append(move(entry.name, folder, place))
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(entry.name, dir_fd=folder)
    return moved

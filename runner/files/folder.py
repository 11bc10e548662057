"""Lists and opens the files in a folder that a job has filled.

    root ── folder ── folder ── file      each part is opened by its name in the folder before it,
                                          and no symbolic link is followed: nothing outside is
                                          reached

A descriptor that only names a file (O_PATH) tells its kind before anything opens it, since opening
a FIFO waits and opening a device can do anything.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from runner.files.names import MAX_LEVELS, InvalidFiles, Names, shown
from runner.pool.linux.removal import open_folder

_PINNED = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True)
class FileLimits:
    """How much a job may leave. None means no limit."""

    count: int = 1000
    """Files and folders together."""
    total_bytes: int | None = None
    """Size of all files together; of a sparse one, its apparent size counts."""
    file_bytes: int | None = None
    """Size of each file that the storage can hold."""


def list_files(root: int, limits: FileLimits) -> dict[str, int]:
    """Return the sizes of all files below a folder in bytes, by their names, in the order of names.

    `root` is the descriptor of the folder. Raises InvalidFiles, and OSError.
    """
    sizes, names, count, total = dict[str, int](), Names(), 0, 0
    for name, size in _walk(root, ""):
        count += 1
        if count > limits.count:
            raise InvalidFiles(
                f"there are more than {limits.count} files and folders: leave an archive of them"
            )
        if size is None:
            continue
        names.check(name)
        total += size
        check_size(name, size, total, limits)
        sizes[name] = size
    return {name: sizes[name] for name in sorted(sizes)}


def check_size(name: str, size: int, total: int, limits: FileLimits) -> None:
    """Raise InvalidFiles if a file is too large, or all files with it are."""
    if limits.file_bytes is not None and size > limits.file_bytes:
        raise InvalidFiles(
            f"{shown(name)}: it has {size} bytes; the storage takes files of up to "
            f"{limits.file_bytes}"
        )
    if limits.total_bytes is not None and total > limits.total_bytes:
        raise InvalidFiles(
            f"the files have more than {limits.total_bytes} bytes "
            f"(JOB_FOLDER_BYTES={limits.total_bytes}), {shown(name)} included"
        )


def open_file(root: int, name: str) -> int:
    """Open the regular file with a checked name for reading; returns its descriptor.

    Raises InvalidFiles if it is something else, and OSError.
    """
    with contextlib.ExitStack() as opened:
        folder, (*folders, last) = root, name.split("/")
        for each in folders:
            folder = open_folder(each, folder)
            opened.callback(os.close, folder)
        pinned = os.open(last, _PINNED, dir_fd=folder)
        opened.callback(os.close, pinned)
        mode = os.fstat(pinned).st_mode
        _require_regular(name, mode)
        path = f"/proc/self/fd/{pinned}"
        if not mode & stat.S_IRUSR:
            os.chmod(path, stat.S_IMODE(mode) | stat.S_IRUSR)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _walk(folder: int, prefix: str) -> Iterator[tuple[str, int | None]]:
    """Yield the path of each file and folder with the size of the file, None for a folder."""
    if prefix.count("/") >= MAX_LEVELS:
        raise InvalidFiles(f"{shown(prefix)}: it is in more than {MAX_LEVELS - 1} folders")
    with os.scandir(folder) as entries:
        for entry in entries:
            name = f"{prefix}{entry.name}"
            found = entry.stat(follow_symlinks=False)
            if not stat.S_ISDIR(found.st_mode):
                _require_regular(name, found.st_mode)
                yield name, found.st_size
                continue
            yield name, None
            inner = open_folder(entry.name, folder)
            try:
                yield from _walk(inner, f"{name}/")
            finally:
                os.close(inner)


def _require_regular(name: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "no file")
        raise InvalidFiles(f"{shown(name)}: it is {kind}; only regular files can be stored")

"""Gives a job process its own view of the files, by a mount namespace.

    /              everything read-only: chmod, chown and the like fail as well (EROFS)
    ├── DATA_DIR   an empty folder in its place, which contains only
    │   └── work/RUNNER/PID-1/w, f     the folders of the job
    ├── /dev/shm   memory that only this process and its children see, freed when they end;
    │              so are shared memory, semaphores and queues of System V
    └── /tmp, /proc, JOB_WRITE_PATHS   as they are

Root needs nothing else. Another user needs a user namespace around it, which the kernel or a
container can forbid: there, the job keeps its user and group, and all others look like `nobody`.
Landlock then keeps the job from changing the view.
"""

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from runner.pool.linux import processes

SHARED_MEMORY = "/dev/shm"
_NEW_MOUNTS, _NEW_MEMORY, _NEW_USER = 0x00020000, 0x08000000, 0x10000000
"""The second is CLONE_NEWIPC: shared memory, semaphores and message queues."""
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442
"""System call numbers, identical on all architectures."""
_RECURSIVE, _EMPTY_PATH = 0x8000, 0x1000
_CLONE, _FROM_DESCRIPTOR = 1, 4
_READ_ONLY, _SLAVE = 1, 1 << 19
_NO_SUID_NO_DEVICES = 2 | 4
_CAPABILITIES_VERSION = 0x20080522


@dataclass(frozen=True)
class View:
    """The files that a process sees. All paths are absolute, without links."""

    hidden: tuple[str, ...]
    """Folders that appear empty."""
    read: tuple[str, ...]
    """Files and folders in hidden ones that are visible."""
    write: tuple[str, ...]
    """Files and folders that are not read-only."""
    shared_memory_bytes: int | None = None
    """The size of /dev/shm; None for half of the machine's memory."""

    def having(self, read: str, write: str) -> "View":
        """Return this view with two more folders."""
        return replace(self, read=(*self.read, read), write=(*self.write, write))

    def has_own_memory(self) -> bool:
        """Return whether /dev/shm belongs to the process alone."""
        return SHARED_MEMORY not in self.write and os.path.isdir(SHARED_MEMORY)


def enter(view: View) -> None:
    """Let this process, which must have a single thread, see only this for good. Raises OSError."""
    _unshare()
    with contextlib.ExitStack() as opened:
        # Parents first. These are copies of the mounts, from before all becomes read-only.
        trees = [(path, _copy(path, opened)) for path in sorted(_existing(view.write))]
        for path in _existing(view.read):
            trees.append((path, tree := _copy(path, opened)))
            _set_attributes(tree, b"", _EMPTY_PATH | _RECURSIVE, _READ_ONLY)
        # Slaves: what the system unmounts later is not kept mounted here.
        _set_attributes(-1, b"/", _RECURSIVE, _READ_ONLY, _SLAVE)
        if view.has_own_memory():
            size = view.shared_memory_bytes
            _mount_memory(SHARED_MEMORY, "mode=1777" + (f",size={size}" if size else ""))
        for path in _existing(view.hidden):
            _mount_memory(path, "mode=755,size=64k")
        for path, tree in trees:
            _make_mount_point(path, tree)
            _call(_libc.syscall, _MOVE_MOUNT, tree, b"", -1, os.fsencode(path), _FROM_DESCRIPTOR)
        for path in _existing(view.hidden):
            _set_attributes(-1, os.fsencode(path), 0, _READ_ONLY)
    _drop_capabilities()


def why_impossible(view: View) -> str | None:
    """Return why a process like this one cannot have a view; None if it can."""
    return processes.error_in_child(lambda: enter(view))


def _unshare() -> None:
    """Move this process into namespaces of its own for mounts and for shared memory that has no
    path, and into a user namespace if necessary."""
    user, group = os.geteuid(), os.getegid()
    try:
        _call(_libc.unshare, _NEW_MOUNTS | _NEW_MEMORY)
    except PermissionError:
        _call(_libc.unshare, _NEW_MOUNTS | _NEW_MEMORY | _NEW_USER)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def _existing(paths: Iterable[str]) -> Iterator[str]:
    return (path for path in dict.fromkeys(paths) if os.path.exists(path))


def _copy(path: str, opened: contextlib.ExitStack) -> int:
    """Return a descriptor of a copy of what is mounted at and below a path."""
    flags = _CLONE | _RECURSIVE | os.O_CLOEXEC
    tree = _call(_libc.syscall, _OPEN_TREE, -1, os.fsencode(path), flags)
    opened.callback(os.close, tree)
    return tree


def _mount_memory(path: str, options: str) -> None:
    _call(_libc.mount, b"tmpfs", os.fsencode(path), b"tmpfs", _NO_SUID_NO_DEVICES, options.encode())


def _make_mount_point(path: str, tree: int) -> None:
    """Make what a tree can be mounted on, if the path is missing in the new view."""
    if os.path.lexists(path):
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if stat.S_ISDIR(os.fstat(tree).st_mode):
        os.mkdir(path)
    else:
        os.mknod(path)


def _set_attributes(folder: int, path: bytes, flags: int, attributes: int, kind: int = 0) -> None:
    argument = struct.pack("=QQQQ", attributes, 0, kind, 0)
    _call(_libc.syscall, _MOUNT_SETATTR, folder, path, flags, argument, len(argument))


def _drop_capabilities() -> None:
    """Give up the rights in the user namespace, unless this process is root and has them anyway."""
    if os.geteuid() != 0:
        header = struct.pack("=Ii", _CAPABILITIES_VERSION, 0)
        _call(_libc.capset, header, bytes(24))


_libc = ctypes.CDLL(None, use_errno=True)


def _call(function: "ctypes._NamedFuncPointer", *arguments: bytes | int) -> int:
    """Call a function of the C library; returns its result. Raises OSError."""
    converted = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result = int(function(*converted))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result

"""Guards modes, owners and attributes of files outside of a job's folders, without a namespace.

A seccomp filter refuses to change owners and extended attributes. It cannot see which file a chmod
is about, so the kernel stops the caller and asks the keeper, which changes the mode itself or
refuses that:

    job: chmod(path) ─▶ filter ─▶ listener ─▶ keeper: open the file, and look where it is ─▶ chmod
         ◀───────────────── result ──────────────────┘

The keeper decides by the file that it has opened, so that a job cannot change the path meanwhile.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import socket
import struct
from collections.abc import Collection, Iterator
from typing import NamedTuple

from runner.pool.linux import processes, seccomp
from runner.pool.linux.seccomp import instruction


class _Calls(NamedTuple):
    """Numbers of system calls of an architecture (AUDIT_ARCH_…)."""

    architecture: int
    seccomp: int
    chmod: int
    fchmod: int
    fchmodat: int
    owners: tuple[int, ...]
    """chown, fchown, lchown, fchownat."""
    attributes: tuple[int, ...]
    """setxattr, lsetxattr, fsetxattr, and the same for removexattr."""

    def refused(self) -> tuple[int, ...]:
        """Return the calls that fail. io_uring could make some of them out of sight."""
        return *self.owners, *self.attributes, *_NEW_ATTRIBUTES, seccomp.IO_URING_SETUP


_FCHMODAT2, _NEW_ATTRIBUTES = 452, (463, 466, 469)
"""fchmodat2; setxattrat, removexattrat, file_setattr: the same on all architectures."""
_NONE = -1
_GENERIC = _Calls(0, 277, _NONE, 52, 53, (54, 55), (5, 6, 7, 14, 15, 16))
_CALLS = {
    "x86_64": _Calls(
        0xC000003E, 317, 90, 91, 268, (92, 93, 94, 260), (188, 189, 190, 197, 198, 199)
    ),
    "aarch64": _GENERIC._replace(architecture=0xC00000B7),
    "riscv64": _GENERIC._replace(architecture=0xC00000F3),
}
_SET_FILTER, _NEW_LISTENER, _ONLY_KILLED = 1, 1 << 3, 1 << 5
_ASK = 0x7FC00000
_RECEIVE, _SEND, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
_REQUEST, _RESPONSE = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_WORKING_FOLDER, _NO_FOLLOW, _EMPTY_PATH = -100, 0x100, 0x1000
_PATH_BYTES = 4096
_OWN_FOLDERS = (b"/proc/self/", b"/proc/thread-self/")


def why_impossible() -> str | None:
    """Return why a process like this one cannot be guarded; None if it can."""
    return processes.error_in_child(lambda: os.close(guard()))


def guard() -> int:
    """Guard this process, which must have a single thread, and all that it will start.

    Returns the listener, for `ModeChanges`. Raises OSError. A system call of another architecture
    ends the process.
    """
    calls = _CALLS.get(platform.machine())
    if calls is None:
        raise OSError(errno.ENOSYS, f"no filter for {platform.machine()}")
    header, _program = seccomp.program(_instructions(calls))
    number, flags = ctypes.c_long(calls.seccomp), ctypes.c_ulong(_NEW_LISTENER | _ONLY_KILLED)
    libc = ctypes.CDLL(None, use_errno=True)
    listener: int = libc.syscall(number, ctypes.c_long(_SET_FILTER), flags, header)
    if listener < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return listener


def _instructions(calls: _Calls) -> Iterator[bytes]:
    refuse = instruction(seccomp.RETURN, seccomp.ERRNO | errno.EPERM)
    yield instruction(seccomp.LOAD, seccomp.ARCHITECTURE)
    yield instruction(seccomp.IF_EQUAL, calls.architecture, 1, 0)
    yield instruction(seccomp.RETURN, seccomp.KILL_PROCESS)
    yield instruction(seccomp.LOAD, seccomp.NUMBER)
    yield instruction(seccomp.IF_AT_LEAST, seccomp.X32_CALLS, 0, 1)
    yield refuse
    asked = (calls.chmod, calls.fchmod, calls.fchmodat, _FCHMODAT2)
    for numbers, result in ((asked, instruction(seccomp.RETURN, _ASK)), (calls.refused(), refuse)):
        for number in numbers:
            if number != _NONE:
                yield instruction(seccomp.IF_EQUAL, number, 0, 1)
                yield result
    yield instruction(seccomp.RETURN, seccomp.ALLOW)


def send_listener(channel: socket.socket) -> None:
    """Guard this process, and send the listener to its keeper. Raises OSError."""
    listener = guard()
    socket.send_fds(channel, [b"."], [listener])
    os.close(listener)
    channel.close()


class ModeChanges:
    """Answers what a guarded process and its children ask."""

    def __init__(self, folders: Collection[str]):
        """`folders` contain all files whose modes may be changed, as absolute paths without
        links."""
        self._folders = [os.fsencode(folder) for folder in folders]
        self._calls = _CALLS[platform.machine()]
        self._channel, self.job_end = socket.socketpair()
        """`job_end` is for `send_listener`."""
        self.descriptor = self._channel.fileno()
        """Is readable when `on_readable` has something to do."""

    def on_readable(self) -> bool:
        """Receive the listener, or answer one request. Returns False if there will be none."""
        if self.descriptor == self._channel.fileno():
            _, descriptors, _, _ = socket.recv_fds(self._channel, 1, 1)
            if descriptors:
                (self.descriptor,) = descriptors
            return bool(descriptors)
        request = bytearray(_REQUEST.size)
        try:
            fcntl.ioctl(self.descriptor, _RECEIVE, request)
        except OSError as error:
            return error.errno == errno.ENOENT  # the caller was killed meanwhile
        number, thread, _, call, _, _, *arguments = _REQUEST.unpack(request)
        try:
            self._change(number, thread, call, arguments)
            code = 0
        except OSError as error:
            code = -(error.errno or errno.EPERM)
        with contextlib.suppress(OSError):  # the caller was killed meanwhile
            fcntl.ioctl(self.descriptor, _SEND, _RESPONSE.pack(number, 0, code, 0))
        return True

    def close(self) -> None:
        """Close the descriptors."""
        if self.descriptor != self._channel.fileno():
            os.close(self.descriptor)
        self._channel.close()
        self.job_end.close()

    def _change(self, number: int, thread: int, call: int, arguments: list[int]) -> None:
        """Change the mode of the file that a call names. Raises OSError."""
        flags = 0
        if call == self._calls.fchmod:
            folder, path, mode = _as_int(arguments[0]), b"", arguments[1]
            flags = _EMPTY_PATH
        else:
            folder = _WORKING_FOLDER
            if call != self._calls.chmod:
                folder, *arguments = _as_int(arguments[0]), *arguments[1:]
            if call == _FCHMODAT2:
                flags = arguments[2]
            path, mode = _read_path(thread, arguments[0]), arguments[1]
        link = b"cwd" if folder == _WORKING_FOLDER else b"fd/%d" % folder
        file = os.open(_seen_from_here(path, thread, link, flags), _open_flags(flags))
        try:
            fcntl.ioctl(self.descriptor, _IS_VALID, struct.pack("=Q", number))  # still that thread
            real = os.readlink(b"/proc/self/fd/%d" % file)
            if not any(real == each or real.startswith(each + b"/") for each in self._folders):
                raise PermissionError(errno.EPERM, "not in a folder of the job")
            os.chmod(f"/proc/self/fd/{file}", mode & 0o7777)
        finally:
            os.close(file)


def _seen_from_here(path: bytes, thread: int, link: bytes, flags: int) -> bytes:
    """Return the path of a thread's file for this process. `link` leads to the thread's folder."""
    own = b"/proc/%d/" % thread
    if not path:
        if not flags & _EMPTY_PATH:
            raise FileNotFoundError(errno.ENOENT, "empty path")
        return own + link
    for prefix in _OWN_FOLDERS:
        if path.startswith(prefix):
            return own + path.removeprefix(prefix)
    return path if path.startswith(b"/") else own + link + b"/" + path


def _open_flags(flags: int) -> int:
    return os.O_PATH | os.O_CLOEXEC | (os.O_NOFOLLOW if flags & _NO_FOLLOW else 0)


def _read_path(thread: int, address: int) -> bytes:
    """Read a path from the memory of a thread."""
    if address >> 63:
        raise OSError(errno.EFAULT, "not an address of a process")
    memory = os.open(f"/proc/{thread}/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        path, end, _ = os.pread(memory, _PATH_BYTES, address).partition(b"\0")
    finally:
        os.close(memory)
    if not end:
        raise OSError(errno.ENAMETOOLONG, "path too long")
    return path


def _as_int(argument: int) -> int:
    """Return the C int in a register."""
    return int(ctypes.c_int(argument & 0xFFFFFFFF).value)

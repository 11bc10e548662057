"""Refuses system calls by seccomp filters: to change limits of other processes, to use the network.

The kernel lets a process set the limits of any process of its user (prlimit), and so end it, for
example with a limit of CPU time. Landlock does not prevent that.

    architecture ─▶ number of the system call ─▶ prlimit64(pid ≠ 0, …, new limit ≠ NULL) ─▶ EPERM
                              └──────────────────────────────────────────────────────────▶ allowed
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable, Iterator

from runner.pool.linux import processes

PR_SET_SECCOMP, MODE_FILTER = 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, _AND, IF_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06
NUMBER, ARCHITECTURE, FIRST, _THIRD_LOW, _THIRD_HIGH = 0, 4, 16, 32, 36
"""Offsets in struct seccomp_data; an argument has 64 bits, the low half first."""
_NO_X32 = 0xBFFFFFFF
"""Masks the bit of the x32 calls, which have the numbers of x86-64 otherwise."""
_PRLIMIT64 = {
    "x86_64": ((0xC000003E, 302), (0x40000003, 340)),
    "aarch64": ((0xC00000B7, 261), (0x40000028, 369)),
}
"""The number of the call on each architecture that a machine runs: of 64 and of 32 bits."""


def protect_limits_of_others() -> bool:
    """Refuse this process, and all that it will start, to set limits of another process.

    A process must then set its own by setrlimit, without naming its pid. Returns False if the
    machine or the kernel does not support it.
    """
    calls = _PRLIMIT64.get(platform.machine())
    if calls is None:
        return False
    return install(_program(calls))


def install(instructions: Iterable[bytes]) -> bool:
    """Filter the system calls of this process, which must have a single thread, for good.

    Returns False if the kernel does not support it. Several filters work together.
    """
    program = b"".join(instructions)
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(buffer))
    processes.set_no_new_privileges()
    return bool(_libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(MODE_FILTER), header, 0, 0) == 0)


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return an instruction of a filter. Jumps skip a number of instructions."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _program(calls: tuple[tuple[int, int], ...]) -> Iterator[bytes]:
    """Yield the instructions of the filter, which jump forward by a number of instructions."""
    yield instruction(LOAD, ARCHITECTURE)
    for left, (architecture, number) in zip(range(len(calls))[::-1], calls, strict=True):
        yield instruction(IF_EQUAL, architecture, 0, 3)
        yield instruction(LOAD, NUMBER)
        yield instruction(_AND, _NO_X32)
        yield instruction(IF_EQUAL, number, 4 * left + 1, 4 * left)
    yield instruction(RETURN, ALLOW)
    yield instruction(LOAD, FIRST)
    yield instruction(IF_EQUAL, 0, 4, 0)
    yield instruction(LOAD, _THIRD_LOW)
    yield instruction(IF_EQUAL, 0, 0, 3)
    yield instruction(LOAD, _THIRD_HIGH)
    yield instruction(IF_EQUAL, 0, 0, 1)
    yield instruction(RETURN, ALLOW)
    yield instruction(RETURN, ERRNO | errno.EPERM)


_IF_AT_LEAST = 0x35
_KILL_PROCESS = 0x80000000
_IO_URING_SETUP = 425
_AF_UNIX = 1
_X32_CALLS = 0x40000000
_SOCKET = {
    "x86_64": (0xC000003E, 41),
    "aarch64": (0xC00000B7, 198),
    "riscv64": (0xC00000F3, 198),
}
"""The number of each architecture (AUDIT_ARCH_…) and of its call socket()."""


def is_supported() -> bool:
    """Return whether `block_network` works with this kernel and processor."""
    if platform.machine() not in _SOCKET:
        return False
    # With an invalid address, the kernel gets as far as EFAULT only if it has filters.
    nowhere = ctypes.c_void_p(None)
    _libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(MODE_FILTER), nowhere, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


def block_network() -> None:
    """Block the network for good, for this process and all that it will start. Raises OSError.

    Every call of socket() for another family than unix sockets fails with EACCES: IPv4 and IPv6,
    TCP and UDP, raw packets, netlink, vsock. io_uring, which makes sockets without this call, is
    refused, and a system call of another architecture ends the process. A process can still use
    unix sockets, and sockets that it inherits or is sent. It must have a single thread.
    """
    architecture, socket = _SOCKET[platform.machine()]
    program = (
        instruction(LOAD, ARCHITECTURE),
        instruction(IF_EQUAL, architecture, 1, 0),
        instruction(RETURN, _KILL_PROCESS),
        instruction(LOAD, NUMBER),
        instruction(_IF_AT_LEAST, _X32_CALLS, 4, 0),
        instruction(IF_EQUAL, _IO_URING_SETUP, 3, 0),
        instruction(IF_EQUAL, socket, 0, 3),
        instruction(LOAD, FIRST),
        instruction(IF_EQUAL, _AF_UNIX, 1, 0),
        instruction(RETURN, ERRNO | errno.EACCES),
        instruction(RETURN, ALLOW),
    )
    if not install(program):
        raise OSError("the network cannot be blocked by a seccomp filter")


_libc = ctypes.CDLL(None, use_errno=True)

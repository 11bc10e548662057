"""Blocks the network for this process and all processes that it will start, with a seccomp filter.

Every call of socket() for another family than unix sockets fails with EACCES: IPv4 and IPv6, TCP
and UDP, raw packets, netlink, vsock. io_uring, which makes sockets without this call, is refused,
and a system call of another architecture ends the process. A process can still use unix sockets,
and sockets that it inherits or is sent.
"""

import ctypes
import errno
import platform

from runner.pool.linux import seccomp
from runner.pool.linux.seccomp import (
    ALLOW,
    ARCHITECTURE,
    ERRNO,
    FIRST,
    IF_EQUAL,
    LOAD,
    NUMBER,
    RETURN,
    instruction,
)

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
    _libc.prctl(seccomp.PR_SET_SECCOMP, ctypes.c_ulong(seccomp.MODE_FILTER), nowhere, 0, 0)
    return ctypes.get_errno() == errno.EFAULT


def block_network() -> None:
    """Block the network for good. This process must have a single thread. Raises OSError."""
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
    if not seccomp.install(program):
        raise OSError("the network cannot be blocked by a seccomp filter")


_libc = ctypes.CDLL(None, use_errno=True)

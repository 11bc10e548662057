"""Refuses system calls by seccomp filters: to change other processes, to use the network.

The kernel lets a process change the limits, the priority and the processors of any process of its
user, and so stop or end it, for example with a limit of CPU time. Landlock does not prevent that.

    architecture ─▶ number of the system call ─▶ prlimit64(another pid, …, new limit)    ─▶ EPERM
                              └──────────────────────────────────────────────────────────▶ allowed
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Iterator, Mapping

from runner.pool.linux import processes

PR_SET_SECCOMP, MODE_FILTER = 22, 2
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
LOAD, _AND, IF_EQUAL, RETURN = 0x20, 0x54, 0x15, 0x06
NUMBER, ARCHITECTURE, FIRST, _SECOND, _THIRD_LOW, _THIRD_HIGH = 0, 4, 16, 24, 32, 36
"""Offsets in struct seccomp_data; an argument has 64 bits, the low half first."""
_NO_X32 = 0xBFFFFFFF
"""Masks the bit of the x32 calls, which have the numbers of x86-64 otherwise."""
_GENERIC = {  # arm64, riscv64
    "setpriority": 140,
    "ioprio_set": 30,
    "sched_setparam": 118,
    "sched_setscheduler": 119,
    "sched_setaffinity": 122,
    "sched_setattr": 274,
    "prlimit64": 261,
}
_OF_32_BITS = {
    "setpriority": 97,
    "sched_setparam": 154,
    "sched_setscheduler": 156,
    "sched_setaffinity": 241,
}
_X86_64 = {
    "setpriority": 141,
    "ioprio_set": 251,
    "sched_setparam": 142,
    "sched_setscheduler": 144,
    "sched_setaffinity": 203,
    "sched_setattr": 314,
    "prlimit64": 302,
}
_I386 = _OF_32_BITS | {"ioprio_set": 289, "sched_setattr": 351, "prlimit64": 340}
_ARM = _OF_32_BITS | {"ioprio_set": 314, "sched_setattr": 380, "prlimit64": 369}
_ARCHITECTURES = {
    "x86_64": ((0xC000003E, _X86_64), (0x40000003, _I386)),
    "aarch64": ((0xC00000B7, _GENERIC), (0x40000028, _ARM)),
    "riscv64": ((0xC00000F3, _GENERIC),),
}
"""What each machine runs: AUDIT_ARCH_… and numbers of system calls, of 64 and of 32 bits."""


def protect_other_processes() -> bool:
    """Refuse this process, and all that it will start, to change limits, priority and processors of
    another process.

    A process that it starts must name itself by 0. Returns False if the machine or the kernel does
    not support it.
    """
    architectures = _ARCHITECTURES.get(platform.machine())
    return architectures is not None and install(_program(architectures, os.getpid()))


def install(instructions: Iterable[bytes]) -> bool:
    """Filter the system calls of this process, which must have a single thread, for good.

    Returns False if the kernel does not support it. Several filters work together.
    """
    header, _buffer = program(instructions)
    return bool(_libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(MODE_FILTER), header, 0, 0) == 0)


def program(instructions: Iterable[bytes]) -> tuple[bytes, object]:
    """Return a filter (struct sock_fprog), and the memory that must live as long as it.

    This process gains no further rights from now on: without that, the kernel takes no filter.
    """
    code = b"".join(instructions)
    buffer = ctypes.create_string_buffer(code)
    processes.set_no_new_privileges()
    return struct.pack("=H6xQ", len(code) // 8, ctypes.addressof(buffer)), buffer


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return an instruction of a filter. Jumps skip a number of instructions."""
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _program(architectures: Iterable[tuple[int, Mapping[str, int]]], own: int) -> Iterator[bytes]:
    """Yield the instructions of the filter, a block for each architecture. `own` is a process that
    may be named by its number."""
    conditions = {
        "setpriority": _of_one_process(0, own),  # PRIO_PROCESS
        "ioprio_set": _of_one_process(1, own),  # IOPRIO_WHO_PROCESS
        "prlimit64": _with_new_limits(own),
    }
    yield instruction(LOAD, ARCHITECTURE)
    for architecture, numbers in architectures:
        block = [instruction(LOAD, NUMBER), instruction(_AND, _NO_X32)]
        for name, number in numbers.items():
            code = conditions.get(name) or _of_itself(own)
            block += [instruction(IF_EQUAL, number, 0, len(code)), *code]
        block.append(_ALLOW)
        yield instruction(IF_EQUAL, architecture, 0, len(block))
        yield from block
    yield _ALLOW


_REFUSE = instruction(RETURN, ERRNO | errno.EPERM)
_ALLOW = instruction(RETURN, ALLOW)


def _of_itself(own: int) -> tuple[bytes, ...]:
    """Allow a call whose first argument, a process, is the caller."""
    return (
        instruction(LOAD, FIRST),
        instruction(IF_EQUAL, 0, 2, 0),
        instruction(IF_EQUAL, own, 1, 0),
        _REFUSE,
        _ALLOW,
    )


def _of_one_process(kind: int, own: int) -> tuple[bytes, ...]:
    """Allow a call of a kind, so not of groups or users, whose second argument is the caller."""
    return (
        instruction(LOAD, FIRST),
        instruction(IF_EQUAL, kind, 0, 3),
        instruction(LOAD, _SECOND),
        instruction(IF_EQUAL, 0, 2, 0),
        instruction(IF_EQUAL, own, 1, 0),
        _REFUSE,
        _ALLOW,
    )


def _with_new_limits(own: int) -> tuple[bytes, ...]:
    """Allow a call of the caller, or one that only reads limits: its third argument is NULL."""
    return (
        instruction(LOAD, FIRST),
        instruction(IF_EQUAL, 0, 5, 0),
        instruction(IF_EQUAL, own, 4, 0),
        instruction(LOAD, _THIRD_LOW),
        instruction(IF_EQUAL, 0, 0, 3),
        instruction(LOAD, _THIRD_HIGH),
        instruction(IF_EQUAL, 0, 0, 1),
        _ALLOW,
        _REFUSE,
    )


IF_AT_LEAST = 0x35
KILL_PROCESS = 0x80000000
IO_URING_SETUP = 425
_AF_UNIX = 1
X32_CALLS = 0x40000000
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
    instructions = (
        instruction(LOAD, ARCHITECTURE),
        instruction(IF_EQUAL, architecture, 1, 0),
        instruction(RETURN, KILL_PROCESS),
        instruction(LOAD, NUMBER),
        instruction(IF_AT_LEAST, X32_CALLS, 4, 0),
        instruction(IF_EQUAL, IO_URING_SETUP, 3, 0),
        instruction(IF_EQUAL, socket, 0, 3),
        instruction(LOAD, FIRST),
        instruction(IF_EQUAL, _AF_UNIX, 1, 0),
        instruction(RETURN, ERRNO | errno.EACCES),
        instruction(RETURN, ALLOW),
    )
    if not install(instructions):
        raise OSError("the network cannot be blocked by a seccomp filter")


_libc = ctypes.CDLL(None, use_errno=True)

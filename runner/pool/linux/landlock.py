"""Confines a process and all processes that it will start with Landlock, as far as the kernel can.

| ABI | Linux | what it adds                                                                  |
|---|---|---|
| 2 | 5.19 | files: only the given paths. Other processes: neither ptrace nor their environment,
             memory and descriptors in /proc, even of the same user                              |
| 3 | 6.2  | truncating files by their paths                                                     |
| 5 | 6.10 | ioctl on devices                                                                    |
| 6 | 6.12 | signals to other processes, abstract unix sockets of other processes                |

ABI 1 is not used: it would forbid moving files between folders. No ABI restricts chmod, chown,
stat, file times, extended attributes and locks.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from runner.pool.linux import processes

MIN_ABI, TRUNCATE_ABI, IOCTL_ABI, SCOPE_ABI = 2, 3, 5, 6

# System call numbers: landlock_create_ruleset and so on, identical on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_BLOCK = 1 << 6, 1 << 11
_REFER, _TRUNCATE, _IOCTL = 1 << 13, 1 << 14, 1 << 15
"""_REFER: to move files between folders. Every ruleset denies it unless it is allowed."""
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
"""The rights that a rule for a file, not a folder, may have."""
_SCOPES = 1 << 0 | 1 << 1  # abstract unix sockets, signals


def restrict_self(read: Iterable[str] | None = None, write: Iterable[str] = ()) -> bool:
    """Confine this process and all processes that it will start.

    It may then read only what is below the paths `read` and `write`, and write only below `write`.
    Paths that do not exist are left out. If `read` is None, access to files is not restricted.

    Returns False if the kernel does not support it.
    """
    abi = abi_version()
    if abi < MIN_ABI:
        return False
    handled = _REFER if read is None else _all_rights(abi)
    attributes = struct.pack("=QQQ", handled, 0, _SCOPES)[: 24 if abi >= SCOPE_ABI else 8]
    ruleset = _syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path in ("/",) if read is None else write:
            _allow(ruleset, path, handled & ~(_MAKE_CHAR | _MAKE_BLOCK))
        for path in read or ():
            _allow(ruleset, path, _READ)
        processes.set_no_new_privileges()
        return _syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def abi_version() -> int:
    """Return the version of the kernel's Landlock ABI; -1 if it has none."""
    return _syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)


def _all_rights(abi: int) -> int:
    rights = (_REFER << 1) - 1
    return rights | (_TRUNCATE if abi >= TRUNCATE_ABI else 0) | (_IOCTL if abi >= IOCTL_ABI else 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """Allow rights below a path, if it exists."""
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(beneath).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, beneath)
        _syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(beneath)


_libc = ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *arguments: bytes | int | None) -> int:
    converted = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return int(_libc.syscall(ctypes.c_long(number), *converted))

"""Isolates a process from other processes with Landlock, as far as the kernel supports it.

From ABI 2 (Linux 5.19) on, the process cannot inspect processes outside its domain, even of the
same user: not their environment and memory in /proc, nor by ptrace. From ABI 6 (Linux 6.12) on, it
cannot signal them either. Access to files is not restricted.
"""

import ctypes
import os
import struct

from runner.pool.linux import processes

# System call numbers: landlock_create_ruleset and so on, identical on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_ACCESS_FS_REFER = 1 << 13
"""The right to move files between folders. Every ruleset denies it unless it is allowed."""
_SCOPE_SIGNAL = 1 << 1


def restrict_self() -> bool:
    """Isolate this process and all processes that it will start.

    Returns False if the kernel does not support it.
    """
    if abi_version() < 2:  # ABI 1 always denies moving files between folders
        return False
    scoped = _SCOPE_SIGNAL if abi_version() >= 6 else 0
    attributes = struct.pack("=QQQ", _ACCESS_FS_REFER, 0, scoped)[: 24 if abi_version() >= 6 else 8]
    ruleset = _syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        processes.set_no_new_privileges()
        return _allow_moving_files(ruleset) and _syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def abi_version() -> int:
    """Return the version of the kernel's Landlock ABI; -1 if it has none."""
    return _syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)


def _allow_moving_files(ruleset: int) -> bool:
    """Allow everywhere the one right that the ruleset handles."""
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("=Qi", _ACCESS_FS_REFER, root)
        return _syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0) == 0
    finally:
        os.close(root)


def _syscall(number: int, *arguments: bytes | int | None) -> int:
    converted = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *converted))

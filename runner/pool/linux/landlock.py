"""Shuts a process in by Landlock, as far as the kernel has it: Linux 5.19, all of it 6.12.

A process that is shut in can look into no process outside (its environment and memory in /proc,
ptrace), though that runs as the same user, and can send it no signal. Files are left as they are: a
job type reads and writes where its user may. Imports nothing of ours but `processes`.
"""

import ctypes
import os
import struct

from runner.pool.linux import processes

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446  # the same on all machines
_VERSION = 1
_BENEATH = 1
_REFER = 1 << 13
"""To move files between folders: forbidden in any domain that does not allow it."""
_SIGNALS = 1 << 1


def shut_in() -> bool:
    """Shut this process in, and all it will start; False where the kernel cannot do it."""
    if version() < 2:  # the first would forbid to move files, whatever is asked for
        return False
    scoped = _SIGNALS if version() >= 6 else 0
    rules = struct.pack("=QQQ", _REFER, 0, scoped)[: 24 if version() >= 6 else 8]
    domain = _call(_CREATE, rules, len(rules), 0)
    if domain < 0:
        return False
    try:
        processes.gain_nothing()
        return _allow_to_move(domain) and _call(_RESTRICT, domain, 0) == 0
    finally:
        os.close(domain)


def version() -> int:
    """What the kernel has of Landlock: from 2 on, none is looked into; from 6 on, none signaled."""
    return _call(_CREATE, None, 0, _VERSION)


def _allow_to_move(domain: int) -> bool:
    """Allow everywhere what the domain forbids."""
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        return _call(_ADD_RULE, domain, _BENEATH, struct.pack("=Qi", _REFER, root), 0) == 0
    finally:
        os.close(root)


def _call(number: int, *arguments: bytes | int | None) -> int:
    whole = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *whole))

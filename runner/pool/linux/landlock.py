"""Confines a job to its own folder, Python, the job types and parts of the system.

Landlock allows whole folders, and cannot take anything back below them. So a folder that contains
something protected, such as a working folder with DATA_DIR in it, is replaced by its visible
entries without that. New entries of such a folder can then be read by new job processes only.

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
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from runner.pool.linux import processes
from runner.pool.linux.namespaces import View

_ETC = (
    "alternatives ca-certificates crypto-policies fonts gai.conf group host.conf hostname hosts "
    "ld.so.cache ld.so.conf ld.so.conf.d localtime machine-id mime.types nsswitch.conf os-release "
    "passwd pki/ca-trust pki/tls/cert.pem pki/tls/certs pki/tls/openssl.cnf protocols resolv.conf "
    "services ssl/cert.pem ssl/certs ssl/openssl.cnf terminfo timezone"
)
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"),
    *(f"/etc/{name}" for name in _ETC.split()),
    *("/run/systemd/resolve", "/run/resolvconf", "/var/lib/ca-certificates"),
    *("/proc", "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm"),
    *("/dev/random", "/dev/urandom"),
)
"""/proc is readable as a whole, because a process that a job starts has another /proc/self.
Landlock hides environment, memory and descriptors of all other processes there."""
# The rule for /proc/self holds as long as its keeper has a file of it open (StrayProcesses): when
# memory is short, the kernel forgets unused folders of /proc, and makes others in their place.
_WRITABLE = ("/dev/null", "/dev/zero", "/dev/full", "/dev/shm", "/tmp", "/proc/self")


@dataclass(frozen=True)
class JobAccess:
    """Paths that all jobs may read or write, and protected paths. All of them are absolute."""

    protected: tuple[str, ...]
    """Files and folders, which need not exist: DATA_DIR, secrets."""
    shared_files: str | None = None
    """The folder of the files that calls are given, one each."""
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    network: bool = True
    """Whether jobs may use the network."""
    namespaces: bool = False
    """Whether each job process has a mount namespace."""
    guarded: bool = False
    """Whether a keeper decides about its changes of modes instead."""
    shared_memory_bytes: int | None = None
    """The size of /dev/shm in such a namespace."""

    def view(self) -> View:
        """Return what a job process sees in a mount namespace, apart from its own folder."""
        given = tuple(map(os.path.realpath, (*self.read, *self.write)))
        folders = _outermost(filter(os.path.isdir, map(os.path.realpath, self.protected)))
        hidden = [each for each in folders if not any(_contains(path, each) for path in given)]
        temporary = ("/tmp",) if "/tmp" in self.writable() else ()
        return View(
            hidden=tuple(hidden),
            read=tuple(path for path in given if any(_contains(each, path) for each in hidden)),
            write=tuple(map(os.path.realpath, ("/proc", *temporary, *self.write))),
            shared_memory_bytes=self.shared_memory_bytes,
        )

    def readable(self) -> tuple[str, ...]:
        """Return the paths that every job of this process tree may read.

        To be called after the job types are loaded: the folders of all loaded modules are included.
        """
        protected = tuple(map(os.path.realpath, self.protected))
        paths = [part for path in _code_folders() for part in without(path, protected)]
        paths += [part for path in _SYSTEM for part in without(path, protected)]
        return _outermost(map(os.path.realpath, [*paths, *self.read]))

    def writable(self) -> tuple[str, ...]:
        """Return the paths that every job may write, apart from its own folder."""
        protected = tuple(map(os.path.realpath, self.protected))
        shared = (path for path in _WRITABLE if list(without(path, protected)) == [path])
        return (*shared, *self.write)

    def exposes_protected(self, except_for: Sequence[str] = ()) -> bool:
        """Return whether `read` or `write` contain something protected, or are in it."""
        given = {*self.read, *self.write} - set(except_for)
        pairs = product(map(os.path.realpath, given), map(os.path.realpath, self.protected))
        return any(_contains(a, b) or _contains(b, a) for a, b in pairs)


def without(path: str, protected: Sequence[str]) -> Iterator[str]:
    """Yield a path; if it contains a protected one, its visible entries without that instead."""
    real = os.path.realpath(path)
    if any(_contains(each, real) for each in protected):
        return
    if not any(_contains(real, each) for each in protected):
        yield path
        return
    for name in os.listdir(real):
        if not name.startswith("."):
            yield from without(f"{real}/{name}", protected)


def _contains(folder: str, path: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _code_folders() -> tuple[str, ...]:
    """Return the folders of Python, of the module search path, and of all loaded modules.

    Links are followed first: a virtual environment can be a link out of a folder on the path.
    """
    prefixes = sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    modules = (os.path.dirname(file) for file in files if file)
    paths = {path for path in (*prefixes, *sys.path, *modules) if os.path.isabs(path)}
    return _outermost(map(os.path.realpath, paths))


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that are not below others."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not any(_contains(each, path) for each in kept):
            kept.append(path)
    return tuple(kept)


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

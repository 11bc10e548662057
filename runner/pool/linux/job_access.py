"""What a job may read and write: its own folder, Python and the job types, and parts of the system.

Landlock allows whole folders, and cannot take anything back below them. So a folder that contains
something protected, such as a working folder with DATA_DIR in it, is replaced by its visible
entries without that. New entries of such a folder can then be read by new job processes only.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

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
    """What jobs may read and write in addition, and what they must not. All paths are absolute."""

    protected: tuple[str, ...]
    """Files and folders, which need not exist: DATA_DIR, secrets."""
    shared_files: str | None = None
    """The folder of the files that calls are given, one each."""
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    network: bool = True
    """Whether jobs may use the network."""

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
    """Return the folders of Python, of the module search path, and of all loaded modules."""
    prefixes = sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    modules = (os.path.dirname(file) for file in files if file)
    return _outermost(path for path in (*prefixes, *sys.path, *modules) if os.path.isabs(path))


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that are not below others."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not any(_contains(each, path) for each in kept):
            kept.append(path)
    return tuple(kept)

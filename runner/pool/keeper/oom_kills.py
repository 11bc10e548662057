"""Counts the processes that the kernel's OOM killer has killed.

The counter belongs to the memory cgroup (version 1 or 2) of this process. It counts every kill in
the cgroup, no matter whether the limit of this cgroup or of a parent was reached. Without a cgroup,
the counter of the whole system is used.
"""

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path

_FIELD = b"oom_kill"
_READ_BYTES = 65536
_SYSTEM_COUNTER = Path("/proc/vmstat")


def count() -> int:
    """Return the number of OOM kills so far, in the cgroup that this process had at first call."""
    counter = _open_counter()
    try:
        return 0 if counter is None else _parse(os.pread(counter, _READ_BYTES, 0)) or 0
    except OSError:
        return 0  # the cgroup has been removed


def candidate_files(cgroups: str, mounts: str) -> Iterator[Path]:
    """Yield the files that may contain the counter, the most specific first.

    `cgroups` and `mounts` are the texts of /proc/self/cgroup and /proc/self/mountinfo.
    """
    paths = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in cgroups.splitlines()}
    for line in mounts.splitlines():
        mount, _, system = line.partition(" - ")
        root, point = mount.split()[3:5]
        kind, _, options = system.split(" ", 2)
        if kind == "cgroup" and "memory" in options.split(","):
            names = (names for names in paths if "memory" in names.split(","))
            # In a container, its own cgroup may be all that is mounted, under the host's path.
            path = os.path.relpath(paths[next(names)], root)
            yield Path(point, path, "memory.oom_control")
        elif kind == "cgroup2" and "" in paths:
            yield Path(point, os.path.relpath(paths[""], root), "memory.events")
    yield _SYSTEM_COUNTER


@functools.cache
def _open_counter() -> int | None:
    """Open the file with the counter, once, because it is read for every call."""
    own = Path("/proc/self/cgroup"), Path("/proc/self/mountinfo")
    found = candidate_files(*(file.read_text() if file.exists() else "" for file in own))
    for file in found:
        with contextlib.suppress(OSError):
            if _parse(file.read_bytes()) is not None:
                return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    return None


def _parse(text: bytes) -> int | None:
    """Return the counter from the text of such a file, or None if it has none."""
    lines = (line.split() for line in text.splitlines())
    return next((int(line[1]) for line in lines if line[0] == _FIELD), None)

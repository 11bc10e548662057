"""How many processes the kernel has killed since memory ran out.

The number is that of this process's cgroup, of version 1 or 2, whoever's limit it was that they
ran into; where there is no cgroup, it is that of the whole system.

Imports nothing of ours.
"""

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path

_FIELD = b"oom_kill"
_READ_BYTES = 65536
_OF_THE_SYSTEM = Path("/proc/vmstat")


def count() -> int:
    """The number up to now, from where this process was at the first call."""
    counter = _counter()
    try:
        return 0 if counter is None else _in(os.pread(counter, _READ_BYTES, 0)) or 0
    except OSError:
        return 0  # the cgroup is gone, and so is whoever it could tell of


def files(cgroups: str, mounts: str) -> Iterator[Path]:
    """Where the number may stand, the best first, by /proc/self/cgroup and /proc/self/mountinfo."""
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
    yield _OF_THE_SYSTEM


@functools.cache
def _counter() -> int | None:
    """An open file that has the number; opened once, since it is read for each call."""
    own = Path("/proc/self/cgroup"), Path("/proc/self/mountinfo")
    found = files(*(file.read_text() if file.exists() else "" for file in own))
    for file in found:
        with contextlib.suppress(OSError):
            if _in(file.read_bytes()) is not None:
                return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    return None


def _in(text: bytes) -> int | None:
    """The number in such a file."""
    lines = (line.split() for line in text.splitlines())
    return next((int(line[1]) for line in lines if line[0] == _FIELD), None)

"""The mounts of this machine, as the kernel lists them in /proc/self/mountinfo."""

import os
from pathlib import Path
from typing import NamedTuple

MOUNTS = Path("/proc/self/mountinfo")
IN_MEMORY = frozenset({"tmpfs", "ramfs"})
"""The kinds of file systems whose files are gone when the machine stops."""


class Mount(NamedTuple):
    """The mount that has a folder: where, its kind, and its options."""

    point: str
    kind: str
    options: frozenset[str]


def first_existing(path: Path) -> Path:
    """Return a file or a folder, or the nearest folder above it that exists."""
    return next(each for each in (path, *path.parents) if each.exists())


def mount_of(folder: Path, mounts: str) -> Mount:
    """Return the mount of a folder, from the text of /proc/self/mountinfo."""
    real, best = os.path.realpath(folder), Mount("/", "unknown", frozenset())
    for line in mounts.splitlines():
        mount, _, system = line.partition(" - ")
        fields, kind = mount.split(), system.split()
        point = fields[4].encode().decode("unicode_escape")  # a space is written as \040
        is_above = real == point or real.startswith(f"{point.rstrip('/')}/")
        if is_above and len(point) >= len(best.point):
            options = {*fields[5].split(","), *(kind[2].split(",") if len(kind) > 2 else ())}
            best = Mount(point, kind[0], frozenset(options))
    return best

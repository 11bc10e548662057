"""Moves the files that a program has made to where the service stores files of a job.

The job process does this, with the rights of the job. The service checks the moved files again, and
stores only regular ones.
"""

import glob
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from runner.job_types.base import NotRetryable


def is_inside(path: str) -> bool:
    """Return whether a relative path stays in its folder."""
    parts = path.split("/")
    return not ({"", ".", ".."} & set(parts)) and "\0" not in path


def stored_path(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder, whose own folder is made.

    Raises NotRetryable for a name that leads out of the folder.
    """
    if not is_inside(name):
        raise NotRetryable(f"{name!r} is no name of a file")
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def move_files(patterns: Iterable[str], work: Path, target: Path, kept: Collection[str]) -> None:
    """Move files from the work folder, with their relative paths.

    patterns: as of `glob`, relative to `work`. One without wildcards must match.
    kept: paths below `work` that stay where they are.

    Raises NotRetryable if a file is missing.
    """
    for pattern in patterns:
        found = [each for each in _matches(pattern, work, target) if each not in kept]
        if not found and not glob.has_magic(pattern):
            raise NotRetryable(f"the program has made no file {pattern!r}")
        for name in found:
            os.replace(work / name, stored_path(target, name))


def _matches(pattern: str, work: Path, target: Path) -> Iterator[str]:
    """Yield the relative paths of what a pattern matches, except folders."""
    if not is_inside(pattern):
        raise NotRetryable(f"{pattern!r} is no path in the folder of the job")
    inside = f"{target.name}/"
    for name in sorted(glob.iglob(pattern, root_dir=work, recursive=True)):
        path = work / name
        if not name.startswith(inside) and (path.is_symlink() or not path.is_dir()):
            yield name


def names_in(folder: Path) -> list[str]:
    """Return the relative paths of all files below a folder, sorted."""
    found = (path for path in folder.rglob("*") if not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)

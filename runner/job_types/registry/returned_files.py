"""Files that `run` returns as paths: they are moved into `Context.files`."""

import os
from pathlib import Path
from typing import Any

from runner.job_types.base import Context, NotRetryable


def keep_returned_files(result: Any, context: Context) -> Any:
    """Return the result of a job.

    If `result` is a Path or a list of Paths, their files become those of the job, and the result is
    `{"files": [names]}`. Raises NotRetryable if a path is not a file or folder in the work folder.
    """
    if isinstance(result, Path):
        return {"files": _keep(result, context)}
    if not isinstance(result, list | tuple) or not result:
        return result
    if not all(isinstance(each, Path) for each in result):
        return result
    return {"files": [name for path in dict.fromkeys(result) for name in _keep(path, context)]}


def _keep(path: Path, context: Context) -> list[str]:
    """Move a file or folder to the files of the job, unless it is there; returns the names."""
    work, folder = Path(os.path.realpath(context.work_folder)), context.files.resolve()
    found = Path(os.path.realpath(path))
    if not found.is_relative_to(work) or found == work:
        raise NotRetryable(
            f"run returned the path {str(path)!r}, which is not in the work folder of the job; "
            "copy the file to context.files"
        )
    if not (found.is_file() or found.is_dir()):
        raise NotRetryable(f"run returned the path {str(path)!r}, but there is no such file")
    if not found.is_relative_to(folder):
        target = folder / found.name
        if os.path.lexists(target):
            raise NotRetryable(
                f"run returned the path {str(path)!r}, but context.files has another file named "
                f"{found.name!r}"
            )
        found = found.rename(target)
    if found.is_file():
        return [str(found.relative_to(folder))]
    inner = sorted(each for each in found.rglob("*") if each.is_file())
    return [str(each.relative_to(folder)) for each in inner]

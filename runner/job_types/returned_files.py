"""Files that `run` returns as paths: they are moved into `Context.files`."""

import os
from pathlib import Path

from runner.job_types.base import Context, NotRetryable, has_path
from runner.job_types.json_values import JsonValue


def keep_returned_files(result: JsonValue, context: Context) -> JsonValue:
    """Return the result of a job, whose paths have become names of files of the job.

    A Path or a list of Paths becomes `{"files": [names]}`. Raises NotRetryable if one of them is
    not a file or folder in the work folder. A Path within another value becomes the name of its
    file; if there is no such file in the work folder, its text.
    """
    if isinstance(result, Path):
        return {"files": _keep(result, context)}
    if not has_path(result):
        return result
    if isinstance(result, list | tuple) and all(isinstance(each, Path) for each in result):
        return {"files": [name for path in dict.fromkeys(result) for name in _keep(path, context)]}
    return _named(result, context, {})


def _named(value: JsonValue, context: Context, kept: dict[Path, str]) -> JsonValue:
    """Return a value with names in the place of paths. `kept` has the names of moved files."""
    if isinstance(value, Path):
        if value not in kept:
            kept[value] = _name(value, context)
        return kept[value]
    if isinstance(value, dict):
        return {key: _named(each, context, kept) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_named(each, context, kept) for each in value]
    return value


def _name(path: Path, context: Context) -> str:
    """Move a file or folder to the files of the job; return its name, or the text of the path."""
    found = Path(os.path.realpath(path))
    folder = context.files.resolve()
    is_kept = _is_inside(found, context) and found.exists() and found != folder
    return str(_moved(path, found, context).relative_to(folder)) if is_kept else str(path)


def _keep(path: Path, context: Context) -> list[str]:
    """Move a file or folder to the files of the job, unless it is there; returns the names."""
    found = Path(os.path.realpath(path))
    if not _is_inside(found, context):
        raise NotRetryable(
            f"run returned the path {str(path)!r}, which is not in the work folder of the job; "
            "copy the file to context.files"
        )
    if not (found.is_file() or found.is_dir()):
        raise NotRetryable(f"run returned the path {str(path)!r}, but there is no such file")
    found, folder = _moved(path, found, context), context.files.resolve()
    if found.is_file():
        return [str(found.relative_to(folder))]
    inner = sorted(each for each in found.rglob("*") if each.is_file())
    return [str(each.relative_to(folder)) for each in inner]


def _is_inside(found: Path, context: Context) -> bool:
    work = Path(os.path.realpath(context.work_folder))
    return found.is_relative_to(work) and found != work


def _moved(path: Path, found: Path, context: Context) -> Path:
    """Move what `found` names to the files of the job, unless it is there; returns its place."""
    folder = context.files.resolve()
    if found.is_relative_to(folder):
        return found
    target = folder / found.name
    if os.path.lexists(target):
        raise NotRetryable(
            f"run returned the path {str(path)!r}, but context.files has another file named "
            f"{found.name!r}"
        )
    return found.rename(target)

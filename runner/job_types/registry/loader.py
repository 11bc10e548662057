"""Finds job types, and makes the entry that runs jobs in a job process.

listener:     find() ─▶ job_type.Payload.model_validate(payload)   before a job is stored
job process:  load() ─▶ entry(request, report) ─▶ result           request and result as JSON text
"""

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from runner.job_types.base import AnyJobType
from runner.job_types.commands.command import Command
from runner.job_types.commands.file import command_types
from runner.job_types.registry.broken import BrokenType, DeclarationError, explain, one_line
from runner.job_types.registry.declarations import (
    almost_job_types,
    check,
    check_schema,
    job_types_of,
    line_of,
)
from runner.job_types.registry.entry import JobEntry
from runner.job_types.registry.found import JobTypes, Origin
from runner.job_types.registry.sources import BUILT_IN, COMMANDS, Source, import_module, parse
from runner.job_types.registry.survey import mentioned_types, survey

PACKAGES = (BUILT_IN,)


class JobTypesError(Exception):
    """A job type or its module is invalid; the message says which one and why."""


def find(packages: Sequence[str] = PACKAGES) -> JobTypes:
    """Return the job types of all sources, by name; `sources.py` describes the texts.

    Modules and job types of a folder or of an installed package that do not work are left out:
    `JobTypes.broken` has them. Of two job types with one name, the first counts.

    A package or module that is named must work. Raises JobTypesError for one that cannot be
    imported, for an invalid job type or a name that two of them share, and for a -NAME that is not
    built in.
    """
    surveyed = survey(packages)
    found = JobTypes(surveyed.packages, surveyed.broken)
    left_out = {each[1:].strip() for each in found.packages if each.startswith("-")}
    built_in: set[str] = set()
    for text in found.packages:
        source = parse(text)
        if source is None and not text.startswith(("-", COMMANDS)):
            _add_package(found, text, left_out, built_in)
    for source in filter(None, map(parse, found.packages)):
        _add_source(found, source)
    for text in found.packages:
        if text.startswith(COMMANDS):
            _add_commands(found, text.removeprefix(COMMANDS))
    if unknown := sorted(left_out - built_in):
        raise JobTypesError(
            f"-{unknown[0]}: the built-in job types are {', '.join(sorted(built_in))}"
        )
    if not found:
        raise JobTypesError("no job types are left")
    return found


def load(packages: Sequence[str] = PACKAGES) -> JobEntry:
    """Load all job types, and return the entry that job processes call.

    Raises JobTypesError for an invalid job type, or for one whose `load` raises, if its module was
    named; others are left out.

    The entry is called as `entry(request, report)` and returns the result as JSON text. It calls
    `report` with progress as JSON text. It raises what the job type raises, and NotRetryable for a
    request that this code cannot serve or a result that JSON cannot hold. The request is the JSON
    text of an object with these fields:

    job_id, attempt, type, payload: as the job has them.
    upload: null, or an object with "name", "size", and one of "path", "url" and "problem". The path
        is relative to the folder of the job.
    cores: how many processors the job may keep busy; 1 if missing.
    traceparent: the W3C trace context of the attempt, if the job is traced. The job finds it in
        its environment as TRACEPARENT.
    """
    found = find(packages)
    for job_type in list(found.values()):
        _load(found, job_type)
    return JobEntry(found)


def drop_missing_programs(found: JobTypes) -> None:
    """Remove the commands whose programs this machine does not have, as a worker does."""
    for job_type in list(found.values()):
        if isinstance(job_type, Command):
            _load(found, job_type)


def _add_package(found: JobTypes, package: str, left_out: set[str], built_in: set[str]) -> None:
    """Add the job types of a package or module that must work. Raises JobTypesError."""
    for module in _modules(package):
        for cls in job_types_of(module):
            try:
                check(cls)
            except DeclarationError as error:
                raise JobTypesError(f"{_location(cls)}: {error.reason}") from None
            if _is_built_in(cls):
                built_in.add(cls.name)
                if cls.name in left_out:
                    continue
            other = found.get(cls.name)
            if other is None:
                kind = "built-in" if _is_built_in(cls) else "package"
                found.add(cls(), Origin(kind, _location(cls)))
            elif type(other) is not cls:
                raise JobTypesError(_conflict(type(other), cls))


def _add_source(found: JobTypes, source: Source) -> None:
    """Add the job types of a module in a folder or in an installed package, as far as they work."""
    try:
        module = import_module(source)
        classes = list(job_types_of(module))
        for almost in almost_job_types(module):
            found.broken.append(_broken(source, almost))
    except BaseException as error:  # the import runs arbitrary code; SystemExit must not end us
        if isinstance(error, KeyboardInterrupt):
            raise
        found.broken.append(_broken(source, error))
        return
    for cls in classes:
        try:
            check(cls)
            check_schema(cls)
            _require_free(found, cls)
            if cls.name not in found:
                origin = Origin(source.origin, _location(cls), source.file, source.version)
                found.add(cls(), origin)
        except Exception as error:
            found.broken.append(_broken(source, error))


def _add_commands(found: JobTypes, path: str) -> None:
    """Add the job types of the commands in a file, as far as they are right."""
    types, wrong = command_types(Path(path))
    file = os.path.basename(path)
    for each in wrong:
        reason, name = one_line(each.reason), each.name or None
        mentions = frozenset() if name else mentioned_types(path)
        found.broken.append(
            BrokenType("commands", file, each.line, reason, each.remedy, name, mentions)
        )
    for cls in types:
        try:
            _add_command(found, cls, file)
        except DeclarationError as error:
            found.broken.append(
                BrokenType("commands", file, cls.line, error.reason, error.remedy, cls.name)
            )


def _add_command(found: JobTypes, cls: type[Command], file: str) -> None:
    """Add the job type of a command. Raises DeclarationError."""
    check(cls)
    _require_free(found, cls)
    found.add(cls(), Origin("commands", file, file))


def _require_free(found: JobTypes, cls: type[AnyJobType]) -> None:
    """Raise DeclarationError if another job type has this name already."""
    other = found.get(cls.name)
    if other is None or type(other) is cls:
        return
    origin = found.origins[cls.name]
    reason = f"the name {cls.name!r} is taken by {origin.file or origin.place}"
    remedy = "choose another name"
    if origin.kind == "built-in":
        remedy += f", or add -{cls.name} to JOB_TYPES to leave out the built-in one"
    raise DeclarationError(reason, remedy, line_of(cls), cls.name)


def _broken(source: Source, error: BaseException) -> BrokenType:
    line, reason, remedy = explain(error, source.path)
    name = error.name if isinstance(error, DeclarationError) else None
    mentions = mentioned_types(source.path)
    return BrokenType(source.origin, source.file, line, reason, remedy, name, mentions)


def _modules(package: str) -> Iterator[ModuleType]:
    module = _import(package)
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        yield _import(f"{package}.{info.name}")


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # the import runs arbitrary code
        raise JobTypesError(f"cannot import {name}: {type(error).__name__}: {error}") from error


def _load(found: JobTypes, job_type: AnyJobType) -> None:
    origin = found.origins[job_type.name]
    try:
        job_type.load()
    except Exception as error:  # arbitrary code
        reason = f"{type(error).__name__}: {error}"
        if origin.kind in ("built-in", "package"):
            raise JobTypesError(f"cannot load job type {job_type.name!r}: {reason}") from error
        line, reason, remedy = explain(error, getattr(_module_of(job_type), "__file__", None) or "")
        if isinstance(job_type, Command):
            line, reason = job_type.line, one_line(str(error))
        else:
            reason, remedy = f"its method load failed: {reason}", "correct load, and start again"
        file = origin.file or origin.place
        found.drop(
            job_type.name, BrokenType(origin.kind, file, line, reason, remedy, job_type.name)
        )


def _module_of(job_type: AnyJobType) -> ModuleType | None:
    return sys.modules.get(type(job_type).__module__)


def _is_built_in(cls: type) -> bool:
    return cls.__module__.startswith(f"{BUILT_IN}.")


def _conflict(one: type[AnyJobType], two: type[AnyJobType]) -> str:
    text = f"two job types are named {one.name!r}: {_location(one)} and {_location(two)}"
    if _is_built_in(one) or _is_built_in(two):
        return f"{text}; add -{one.name} to JOB_TYPES to leave out the built-in one"
    return text


def _location(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"

"""Finds job types, and makes the entry that runs jobs in a job process.

listener:     find() ─▶ job_type.Payload.model_validate(payload)   before a job is stored
job process:  load() ─▶ entry(request, report) ─▶ result           request and result as JSON text
"""

import importlib
import inspect
import json
import os
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from runner.job_types.base import (
    MAX_DATA_RATIO,
    Context,
    JobError,
    JobType,
    NotRetryable,
    Payload,
    UploadFile,
    to_json,
)
from runner.job_types.in_parts import InParts
from runner.job_types.payload_errors import flaws

PACKAGES = ("runner.job_types",)
TRACEPARENT = "TRACEPARENT"

Entry = Callable[[str, Callable[[str], None]], str]


class JobTypesError(Exception):
    """A job type or its module is invalid; the message says which one and why."""


def find(packages: Sequence[str] = PACKAGES) -> dict[str, JobType[Any]]:
    """Return the job types that packages or single modules define, by name.

    An entry -NAME leaves out the built-in job type NAME. Raises JobTypesError for a module that
    cannot be imported, an invalid job type, a name that two job types share, and a NAME that is not
    built in.
    """
    modules = [each for each in packages if not each.startswith("-")]
    left_out = {each[1:].strip() for each in packages if each.startswith("-")}
    found: dict[str, JobType[Any]] = {}
    built_in = set()
    for cls in _classes(modules):
        _check(cls)
        if _is_built_in(cls):
            built_in.add(cls.name)
            if cls.name in left_out:
                continue
        other = type(found.setdefault(cls.name, cls()))
        if other is not cls:
            raise JobTypesError(_conflict(other, cls))
    if unknown := sorted(left_out - built_in):
        raise JobTypesError(
            f"-{unknown[0]}: the built-in job types are {', '.join(sorted(built_in))}"
        )
    if not found:
        raise JobTypesError("no job types are left")
    return found


def load(
    packages: Sequence[str] = PACKAGES,
    max_data_bytes: int | None = None,
    max_data_ratio: int = MAX_DATA_RATIO,
) -> Entry:
    """Load all job types, and return the entry that job processes call.

    `max_data_bytes` and `max_data_ratio` become the attributes of the same names of each Context.
    Raises JobTypesError for an invalid job type, or for one whose `load` raises.

    The entry is called as `entry(request, report)` and returns the result as JSON text. It calls
    `report` with progress as JSON text. It raises what the job type raises, and NotRetryable for a
    request that this code cannot serve or a result that JSON cannot hold. The request is the JSON
    text of an object with these fields:

    job_id, attempt, type, payload: those of the job.
    upload: null, or an object with "name", "size", and one of "path", "url" and "problem". The path
        is relative to the folder of the job.
    cores: how many processors the job may keep busy; 1 if missing.
    step: the whole job if missing, or one step of a split job:
        {"kind": "run"}                     ──▶ the result of the job
        {"kind": "plan", "part_bytes"}      ──▶ the parts, [{"spec", "progress"}, …]
        {"kind": "part", "spec"}            ──▶ the result of a part
        {"kind": "fold", "seconds": null}   ──▶ the folded results
        {"kind": "fold", "seconds": 1.5}    ──▶ the result of the job, from the last parts
    results: the part results that a fold combines.
    traceparent: the W3C trace context of the attempt, if the job is traced. The job finds it in
        its environment as TRACEPARENT.
    """
    found = find(packages)
    for job_type in found.values():
        _load(job_type)
    return partial(_run, found, max_data_bytes, max_data_ratio)


def _run(
    job_types: Mapping[str, JobType[Any]],
    max_data_bytes: int | None,
    max_data_ratio: int,
    request: str,
    report: Callable[[str], None],
) -> str:
    fields = json.loads(request)
    os.environ.pop(TRACEPARENT, None)
    if "traceparent" in fields:
        os.environ[TRACEPARENT] = fields["traceparent"]
    job_type = job_types.get(fields["type"])
    if job_type is None:
        name = fields["type"]
        raise NotRetryable(
            f"there is no job type {name!r} in this worker: JOB_TYPES must be the same everywhere"
        )
    upload = _upload(job_type, fields["upload"])
    payload = _payload(job_type, fields["payload"])
    context = Context(fields["job_id"], fields["attempt"], upload, report, fields.get("cores", 1))
    context.max_data_bytes, context.max_data_ratio = max_data_bytes, max_data_ratio
    step = fields.get("step", {"kind": "run"})
    try:
        done = _run_step(job_type, payload, context, step, fields.get("results", ()))
    finally:
        context.flush()  # a job that fails shows how far it came
    return to_json("result", done)


def _run_step(
    job_type: JobType[Any],
    payload: Payload,
    context: Context,
    step: dict[str, Any],
    results: Sequence[Any],
) -> Any:
    kind = step["kind"]
    if kind == "run":
        return job_type.run(payload, context)
    if not isinstance(job_type, InParts):
        if kind == "plan":
            return []
        raise NotRetryable(f"job type {job_type.name!r} cannot run in parts")
    if kind == "plan":
        return [vars(part) for part in job_type.plan(payload, context, step["part_bytes"])]
    if kind == "part":
        return job_type.run_part(payload, context, step["spec"])
    folded = job_type.fold(payload, results)
    seconds = step["seconds"]
    return folded if seconds is None else job_type.finish(payload, context, folded, seconds)


def _upload(job_type: JobType[Any], upload: dict[str, Any] | None) -> UploadFile | None:
    if (upload is not None) != (job_type.upload == "required"):
        takes = "needs an" if upload is None else "takes no"
        raise NotRetryable(f"job type {job_type.name!r} {takes} upload")
    if upload is None:
        return None
    if "problem" in upload:
        raise JobError(f"cannot read upload {upload['name']!r}: {upload['problem']}")
    if "path" in upload:
        path = Path(os.path.abspath(upload["path"]))  # seen from the job's folder
        return UploadFile(path, upload["name"], upload["size"])
    from runner.job_types.remote_upload import RemoteUpload  # imported late: few jobs need it

    return RemoteUpload(upload["url"], upload["name"], upload["size"])


def _payload(job_type: JobType[Any], payload: dict[str, Any]) -> Payload:
    try:
        valid: Payload = job_type.Payload.model_validate(payload)
    except ValidationError as error:
        # The listener that accepted the payload ran another version of this code.
        found = flaws(error, payload, job_type.Payload)
        problems = "; ".join(f"{flaw.path or 'payload'}: {flaw.detail}" for flaw in found)
        raise NotRetryable(f"payload is not valid: {problems}") from None
    return valid


def _classes(packages: Sequence[str]) -> Iterator[type[JobType[Any]]]:
    for module in _modules(packages):
        for _, cls in inspect.getmembers(module, inspect.isclass):
            # Skip classes that the module only imports, for example to extend them.
            defined_here = cls.__module__ == module.__name__
            if defined_here and issubclass(cls, JobType) and not inspect.isabstract(cls):
                yield cls


def _modules(packages: Sequence[str]) -> Iterator[ModuleType]:
    for name in packages:
        module = _import(name)
        yield module
        for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
            yield _import(f"{name}.{info.name}")


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # the import runs arbitrary code
        raise JobTypesError(f"cannot import {name}: {type(error).__name__}: {error}") from error


def _load(job_type: JobType[Any]) -> None:
    try:
        job_type.load()
    except Exception as error:  # arbitrary code
        reason = f"{type(error).__name__}: {error}"
        raise JobTypesError(f"cannot load job type {job_type.name!r}: {reason}") from error


def _check(cls: type[JobType[Any]]) -> None:
    name, payload = getattr(cls, "name", None), getattr(cls, "Payload", None)
    if not (isinstance(name, str) and name):
        raise JobTypesError(f"{_location(cls)}: name must be a non-empty string")
    if not (inspect.isclass(payload) and issubclass(payload, Payload)):
        raise JobTypesError(f"{_location(cls)}: Payload must be a subclass of base.Payload")
    if getattr(cls, "upload", None) not in ("none", "required"):
        raise JobTypesError(f"{_location(cls)}: upload must be 'none' or 'required'")


def _is_built_in(cls: type) -> bool:
    return cls.__module__.startswith(f"{PACKAGES[0]}.")


def _conflict(one: type[JobType[Any]], two: type[JobType[Any]]) -> str:
    text = f"two job types are named {one.name!r}: {_location(one)} and {_location(two)}"
    if _is_built_in(one) or _is_built_in(two):
        return f"{text}; add -{one.name} to JOB_TYPES to leave out the built-in one"
    return text


def _location(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"

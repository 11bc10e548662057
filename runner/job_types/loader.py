"""Job types: finds them by name, and runs one. A leaf: imports nothing of ours but its base.

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
from runner.job_types.steps import RUN, do_step

PACKAGES = ("runner.job_types",)
TRACEPARENT = "TRACEPARENT"

Entry = Callable[[str, Callable[[str], None]], str]


class JobTypesError(Exception):
    """What is wrong with the job types that are to be found."""


def find(packages: Sequence[str] = PACKAGES) -> dict[str, JobType[Any]]:
    """The job types defined in these packages, or single modules, by name.

    Raises JobTypesError for a module that cannot be imported, a job type that lacks a part of
    its contract, and a name that two job types have.
    """
    found: dict[str, JobType[Any]] = {}
    for cls in _classes(packages):
        _check(cls)
        other = type(found.setdefault(cls.name, cls()))
        if other is not cls:
            raise JobTypesError(
                f"two job types are named {cls.name!r}: {_place(other)} and {_place(cls)}"
            )
    return found


def load(
    packages: Sequence[str] = PACKAGES,
    max_data_bytes: int | None = None,
    max_data_ratio: int = MAX_DATA_RATIO,
) -> Entry:
    """What a job process runs: `entry(request, report) -> result`, with all job types loaded.

    Raises like `find`, and JobTypesError for a job type that cannot be loaded.

    `max_data_bytes` is what jobs are told that a compressed file may become, None for any size;
    and `max_data_ratio`, how many bytes each of its bytes may.

    The request is the JSON text of {"job_id", "attempt", "type", "payload", "upload", "cores",
    "step", "results", "traceparent"}, where upload is null, or has "name", "size", and one of
    "path", "url" and "problem"; the step is one of `steps`, by default the whole job, the results
    are what it needs of others, and the traceparent names the span of the attempt, if the job is
    traced: the job has it in its environment as TRACEPARENT. The result is JSON text, and `report`
    gets each progress as JSON text. The entry raises what the job type raises, and NotRetryable
    for a request that this code cannot serve or a result that is not JSON.
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
    asked = json.loads(request)
    os.environ.pop(TRACEPARENT, None)
    if "traceparent" in asked:
        os.environ[TRACEPARENT] = asked["traceparent"]
    job_type = job_types.get(asked["type"])
    if job_type is None:
        raise NotRetryable(f"there is no job type {asked['type']!r}")
    upload = _upload(job_type, asked["upload"])
    payload = _payload(job_type, asked["payload"])
    context = Context(asked["job_id"], asked["attempt"], upload, report, asked.get("cores", 1))
    context.max_data_bytes, context.max_data_ratio = max_data_bytes, max_data_ratio
    step, results = asked.get("step", RUN), asked.get("results", ())
    done = do_step(job_type, payload, context, step, results)
    result = to_json("result", done)
    context.flush()
    return result


def _upload(job_type: JobType[Any], upload: dict[str, Any] | None) -> UploadFile | None:
    if (upload is not None) != (job_type.upload == "required"):
        takes = "needs an" if upload is None else "takes no"
        raise NotRetryable(f"job type {job_type.name!r} {takes} upload")
    if upload is None:
        return None
    if "problem" in upload:
        raise JobError(f"cannot read upload {upload['name']!r}: {upload['problem']}")
    if "path" in upload:
        return UploadFile(Path(upload["path"]), upload["name"], upload["size"])
    from runner.job_types.remote_upload import RemoteUpload  # not above: few have such files

    return RemoteUpload(upload["url"], upload["name"], upload["size"])


def _payload(job_type: JobType[Any], payload: dict[str, Any]) -> Payload:
    try:
        valid: Payload = job_type.Payload.model_validate(payload)
    except ValidationError as error:
        # Checked before it was stored: by a listener with another version of this code.
        problems = (f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors())
        raise NotRetryable(f"payload is not valid: {'; '.join(problems)}") from None
    return valid


def _classes(packages: Sequence[str]) -> Iterator[type[JobType[Any]]]:
    for module in _modules(packages):
        for _, cls in inspect.getmembers(module, inspect.isclass):
            # Only where it is defined: another module may import it, say to extend it.
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
    except Exception as error:  # a module of job types may raise anything
        raise JobTypesError(f"cannot import {name}: {type(error).__name__}: {error}") from error


def _load(job_type: JobType[Any]) -> None:
    try:
        job_type.load()
    except Exception as error:  # it is code of the operator's
        reason = f"{type(error).__name__}: {error}"
        raise JobTypesError(f"cannot load job type {job_type.name!r}: {reason}") from error


def _check(cls: type[JobType[Any]]) -> None:
    name, payload = getattr(cls, "name", None), getattr(cls, "Payload", None)
    if not (isinstance(name, str) and name):
        raise JobTypesError(f"{_place(cls)}: name must be a text")
    if not (inspect.isclass(payload) and issubclass(payload, Payload)):
        raise JobTypesError(f"{_place(cls)}: Payload must be a subclass of base.Payload")
    if getattr(cls, "upload", None) not in ("none", "required"):
        raise JobTypesError(f"{_place(cls)}: upload must be 'none' or 'required'")


def _place(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"

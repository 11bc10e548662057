"""Checks what a class declares as a job type, and finds the job types of a module."""

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_args

from runner.job_types.base import AnyJobType, Defaults, Isolation, JobType, Payload
from runner.job_types.json_values import JsonValue
from runner.job_types.registry.broken import DeclarationError
from storage.records.backoff import parse_backoff
from storage.records.queue_name import validate_queue_name

YEAR_SECONDS = 366 * 86400
MAX_NAME_LENGTH = 100
_UPLOADS = ("none", "required", "optional")
BOUNDS: dict[str, tuple[type, float | None, float | None, float]] = {
    # name: its type, the least value or else what it must be above, the most
    "timeout": (float, None, 0, YEAR_SECONDS),
    "max_retries": (int, 0, None, 100),
    "priority": (int, -100, None, 100),
    "keep_for": (float, 0, None, 10 * YEAR_SECONDS),
    "memory_bytes": (int, 64 * 2**20, None, 2**50),
    "cpu_seconds": (int, 1, None, 10**9),
    "max_output_bytes": (int, 0, None, 2**24),
    "nice": (int, 0, None, 19),
}
"""The bounds of defaults, which are those of the options of a submission."""
_EXAMPLES = {
    "timeout": 60,
    "max_retries": 3,
    "priority": 10,
    "keep_for": 86400,
    "memory_bytes": 2**30,
    "cpu_seconds": 600,
    "max_output_bytes": 4096,
    "nice": 10,
}
_NAME = re.compile(rf"\w[\w.:-]{{0,{MAX_NAME_LENGTH - 1}}}")


def job_types_of(module: ModuleType) -> Iterator[type[AnyJobType]]:
    """Yield the job types that a module defines: classes, and functions with a `job_type`.

    Classes that it only imports, for example to extend them, are left out.
    """
    seen: set[type] = set()
    for _, member in inspect.getmembers(module):
        cls = member if inspect.isclass(member) else vars_of(member).get("job_type")
        if not inspect.isclass(cls) or cls.__module__ != module.__name__ or cls in seen:
            continue
        seen.add(cls)
        if issubclass(cls, JobType) and not inspect.isabstract(cls):
            yield cls


def almost_job_types(module: ModuleType) -> Iterator[DeclarationError]:
    """Yield an error for each class of a module that looks like a job type and is none."""
    for _, cls in inspect.getmembers(module, inspect.isclass):
        if cls.__module__ != module.__name__:
            continue
        given = vars(cls)
        name = given.get("name") if isinstance(given.get("name"), str) else None
        if issubclass(cls, JobType):
            if name and inspect.isabstract(cls):
                missing = ", ".join(sorted(cls.__abstractmethods__))
                reason = f"class {cls.__name__} has no method {missing}"
                remedy = "add `def run(self, payload, context):`"
                yield DeclarationError(reason, remedy, line_of(cls), name)
        elif name and callable(given.get("run")):
            reason = f"class {cls.__name__} has a name and a method run, but is no job type"
            remedy = f"write `class {cls.__name__}(JobType[…]):`"
            yield DeclarationError(reason, remedy, line_of(cls), name)


def check(cls: type[AnyJobType]) -> None:
    """Check all class attributes of a job type. Raises DeclarationError."""
    name = getattr(cls, "name", None)
    try:
        _check_name(name)
        _check_attributes(cls)
        _check_defaults(getattr(cls, "defaults", None))
    except DeclarationError as error:
        named = name if isinstance(name, str) else None
        raise DeclarationError(error.reason, error.remedy, line_of(cls), named) from None


def check_schema(cls: type[AnyJobType]) -> None:
    """Check that the payload of a job type can be described to clients. Raises DeclarationError."""
    try:
        cls.Payload.model_json_schema()
    except Exception as error:  # code of the payload's class may run
        first = str(error).partition("\n")[0]
        reason = f"its payload has no JSON Schema: {first}"
        remedy = "use types that JSON has, or Annotated with WithJsonSchema"
        raise DeclarationError(reason, remedy, line_of(cls), cls.name) from None


def line_of(cls: type) -> int | None:
    """Return the line where a class begins; None if that is not known."""
    try:
        return inspect.getsourcelines(cls)[1] or None
    except (OSError, TypeError, SyntaxError, IndexError):
        return None


def vars_of(member: object) -> dict[str, Any]:
    """Return the attributes of an object itself; none if it has no such dictionary."""
    found = getattr(member, "__dict__", None)
    return found if isinstance(found, dict) else {}


def _check_name(name: object) -> None:
    if not (isinstance(name, str) and name):
        raise DeclarationError("name must be a non-empty string", 'write `name = "resize"`')
    if not _NAME.fullmatch(name):
        reason = (
            f"name must be 1 to {MAX_NAME_LENGTH} letters, digits and . : _ - and begin with a"
            " letter, a digit or _"
        )
        raise DeclarationError(reason, 'correct it, as in `name = "resize"`')


def _check_attributes(cls: type[AnyJobType]) -> None:
    payload, upload = getattr(cls, "Payload", None), getattr(cls, "upload", None)
    if not (inspect.isclass(payload) and issubclass(payload, Payload)):
        reason = "Payload must be a subclass of base.Payload"
        raise DeclarationError(reason, "write `class Input(Payload):` and `Payload = Input`")
    if upload not in _UPLOADS:
        reason = "upload must be 'none', 'required' or 'optional'"
        raise DeclarationError(reason, 'write `upload = "none"`')
    if not isinstance(cls.version, str) or len(cls.version) > MAX_NAME_LENGTH:
        reason = f"version must be a text of at most {MAX_NAME_LENGTH} characters"
        raise DeclarationError(reason, 'write `version = "1.2"`')
    if cls.isolation not in get_args(Isolation):
        raise DeclarationError(
            "isolation must be 'caller', 'shared' or 'fresh'", 'write `isolation = "fresh"`'
        )
    if not isinstance(cls.network, bool):
        raise DeclarationError("network must be True or False", "write `network = False`")


def _check_defaults(defaults: JsonValue) -> None:
    if not isinstance(defaults, Defaults):
        raise DeclarationError(
            "defaults must be Defaults", "write `defaults = Defaults(timeout=60)`"
        )
    for name, value in defaults.given().items():
        if name in BOUNDS:
            _check_number(name, value)
            continue
        try:
            if name == "queue":
                validate_queue_name(value)
            elif name == "backoff":
                parse_backoff(value)
        except (ValueError, TypeError) as error:
            example = 'queue="slow"' if name == "queue" else "backoff=[1, 10, 60]"
            raise DeclarationError(f"defaults: {name}: {error}", f"for example {example}") from None


def _check_number(name: str, value: JsonValue) -> None:
    kind, least, above, most = BOUNDS[name]
    kinds = int if kind is int else (int, float)
    is_number = isinstance(value, kinds) and not isinstance(value, bool)
    is_low = is_number and (value < least if least is not None else value <= (above or 0))
    if not is_number or is_low or not value <= most:
        lower = f"from {least}" if least is not None else f"above {above}"
        what = "a whole number" if kind is int else "a number of seconds"
        reason = f"defaults: {name} must be {what} {lower} to {most}"
        raise DeclarationError(reason, f"for example {name}={_EXAMPLES[name]}")

"""Reads a call of a function as the job that makes it, for `Client.call`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jobservice.json_values import Json, JsonValue

CONTEXT: Any = object()
"""Stands in a call for the context of the job, which the worker makes."""


def read_call(
    function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, JsonValue]
) -> tuple[str, Json, list[Any]]:
    """Return the job type, the payload and the files of a call.

    Raises TypeError if the function is no job type or does not take the arguments, and ValueError
    if the payload would not be valid.
    """
    kind: Any = getattr(function, "job_type", None)
    if not hasattr(kind, "read_call"):
        raise TypeError(f"call takes a function decorated with @job, not {function!r}")
    payload, files = kind.read_call(args, kwargs)
    return kind.name, payload, files

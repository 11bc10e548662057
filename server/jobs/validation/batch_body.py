"""Splits the body of a batch into its jobs, without parsing them into objects.

A body is a JSON array of jobs, an object with this array and the job that follows, or JSON lines.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from server.documents.field_errors import unknown_name
from server.http import strict_json
from server.http.problems import BODY, FieldError, unacceptable
from storage.records.ids import MAX_BATCH_JOBS

_SPACES = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()
_FIELDS = ("jobs", "then")
_EXAMPLE = '[{"type": "sleep", "payload": {…}}] or {"jobs": […], "then": {…}}'


@dataclass(frozen=True)
class BatchBody:
    """The body of a batch: JSON, or with `is_lines` JSON lines."""

    content: bytes
    is_lines: bool
    batch_id: UUID


@dataclass(frozen=True)
class SplitBatch:
    """The jobs of a batch, and the job that runs when they have ended, as JSON texts.

    names: the indexes of the jobs that have names, by name.
    """

    jobs: list[bytes]
    then: bytes | None = None
    names: Mapping[str, int] = field(default_factory=dict)


def split_batch(body: BatchBody) -> SplitBatch:
    """Return the jobs of a batch, unparsed. Raises Problem 400 and 422."""
    if body.is_lines:
        lines = (line.strip() for line in body.content.split(b"\n"))
        split = SplitBatch([line for line in lines if line])
    else:
        split = _read(body.content)
    if not split.jobs:
        raise unacceptable([FieldError(BODY, f"it has no job; give 1 to {MAX_BATCH_JOBS}")])
    if len(split.jobs) > MAX_BATCH_JOBS:
        detail = f"it has more than {MAX_BATCH_JOBS} jobs; send them as several batches"
        raise unacceptable([FieldError(BODY, detail, "out_of_range")])
    return split


def _read(body: bytes) -> SplitBatch:
    try:
        text = body.decode()
        at = _skip(text, 0)
        found, at = _object(text, at) if text[at : at + 1] == "{" else _whole_array(text, at)
        if _skip(text, at) == len(text):
            return found
    except (ValueError, RecursionError, StopIteration):  # also of bytes that are not UTF-8
        pass
    strict_json.parse(body)  # names the place of the error
    raise unacceptable([FieldError(BODY, f"it must be JSON such as {_EXAMPLE}", "wrong_type")])


def _whole_array(text: str, at: int) -> tuple[SplitBatch, int]:
    jobs, at = _array(text, at)
    return SplitBatch(jobs), at


def _object(text: str, at: int) -> tuple[SplitBatch, int]:
    """Read an object with the members `jobs` and `then`. Raises Problem 422 for other members."""
    members: dict[str, list[bytes] | bytes] = {}
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        key, at = _key(text, at)
        if key in members:
            raise ValueError(key)
        start = at
        if key == "jobs" and text[start : start + 1] == "[":
            members[key], at = _array(text, start)
        else:
            at = _DECODER.raw_decode(text, start)[1]
            members[key] = text[start:at].encode()
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
            if text[at : at + 1] != '"':
                raise ValueError(key)
        elif text[at : at + 1] != "}":
            raise ValueError(key)
    return _split(members), at + 1


def _key(text: str, at: int) -> tuple[str, int]:
    """Read the key of a member and the colon. Raises ValueError."""
    key, at = _DECODER.raw_decode(text, at)
    at = _skip(text, at)
    if not isinstance(key, str) or text[at : at + 1] != ":":
        raise ValueError(key)
    return key, _skip(text, at + 1)


def _split(members: Mapping[str, list[bytes] | bytes]) -> SplitBatch:
    jobs, then = members.get("jobs"), members.get("then")
    errors = [
        FieldError(key, unknown_name("field", key, _FIELDS), "unknown")
        for key in members
        if key not in _FIELDS
    ]
    if jobs is None:
        errors.append(FieldError("jobs", f"it is missing, as in {_EXAMPLE}", "missing"))
    elif isinstance(jobs, bytes):
        errors.append(FieldError("jobs", f"it must be an array, as in {_EXAMPLE}", "wrong_type"))
    if errors or not isinstance(jobs, list):
        raise unacceptable(errors)
    return SplitBatch(jobs, then if isinstance(then, bytes) and then != b"null" else None)


def _array(text: str, at: int) -> tuple[list[bytes], int]:
    """Return the items of an array and the position behind it, or of its first items if too many.

    Raises ValueError if it is not an array.
    """
    if text[at : at + 1] != "[":
        raise ValueError("no array")
    items: list[bytes] = []
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        return items, at + 1
    while len(items) <= MAX_BATCH_JOBS:
        after = _DECODER.raw_decode(text, at)[1]
        items.append(text[at:after].encode())
        at = _skip(text, after)
        if text[at : at + 1] == "]":
            return items, at + 1
        if text[at : at + 1] != ",":
            raise ValueError("no comma")
        at = _skip(text, at + 1)
    detail = f"it has more than {MAX_BATCH_JOBS} jobs; send them as several batches"
    raise unacceptable([FieldError(BODY, detail, "out_of_range")])


def _skip(text: str, at: int) -> int:
    """Return the position of the next character that is no space."""
    found = _SPACES.match(text, at)
    assert found
    return found.end()

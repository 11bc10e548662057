"""Splits the body of a batch into its jobs, and checks them piece by piece.

    body ──split──▶ jobs as bytes ──some at a time──▶ checked jobs: templates and payloads

The jobs of a batch mostly differ only in their payloads. So what is passed between the processes is
one template for each kind of job, and for each job its payload as text.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from runner.job_types.base import JobType
from server.checking.received import Received
from server.checking.sets import NO_SETS, FoundSets, SetsNeeded, sets_of
from server.checking.submission import CheckedSubmission, check_submission, job_type_of
from server.http import strict_json
from server.http.problems import BODY, FieldError, Problem, unacceptable
from storage.jobs.transitions import to_json_text
from storage.records.ids import MAX_BATCH_JOBS
from storage.records.job import NewJob

_SPACES = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class BatchBody:
    """The body of a batch: a JSON array, or with `is_lines` JSON lines."""

    content: bytes
    is_lines: bool


@dataclass(frozen=True)
class BatchPiece:
    """Some jobs of a batch as bytes; the first of them has the index `start`."""

    start: int
    jobs: Sequence[bytes]

    @property
    def indexed(self) -> Iterator[tuple[int, bytes]]:
        """The jobs with their indexes in the batch."""
        return enumerate(self.jobs, self.start)


@dataclass
class CheckedPiece:
    """The checked jobs of a piece.

    templates: jobs that others are like, but for id and payload; equal ones have equal texts.
    jobs: for each valid job its index, the number of its template, and its payload as JSON text.
    refused: for each other job its index and its problem.
    compared: the indexes of jobs that name an earlier analysis to be compared with, with its id and
        the type that it must have.
    """

    templates: list[tuple[str, NewJob]] = field(default_factory=list)
    jobs: list[tuple[int, int, str]] = field(default_factory=list)
    refused: list[tuple[int, Problem]] = field(default_factory=list)
    compared: dict[int, tuple[UUID, str]] = field(default_factory=dict)


class SlowJob(Exception):
    """A job takes long to check, so that another process has to do it."""


def split_batch(body: BatchBody) -> list[bytes]:
    """Return the jobs of a batch, unparsed. Raises Problem 400 and 422."""
    if body.is_lines:
        lines = (line.strip() for line in body.content.split(b"\n"))
        jobs = [line for line in lines if line]
    else:
        jobs = _items(body.content)
    if not jobs:
        raise unacceptable([FieldError(BODY, f"it has no job; give 1 to {MAX_BATCH_JOBS}")])
    if len(jobs) > MAX_BATCH_JOBS:
        detail = f"it has more than {MAX_BATCH_JOBS} jobs; send them as several batches"
        raise unacceptable([FieldError(BODY, detail, "out_of_range")])
    return jobs


def check_piece(
    piece: BatchPiece,
    job_types: Mapping[str, JobType[Any]],
    callback_hosts: Collection[str],
    cell: int | None,
    sets: FoundSets | None,
    refuse_slow: bool = False,
) -> CheckedPiece:
    """Check some jobs of a batch.

    `sets` has the pattern sets that the jobs name. If it is None, they are not known yet. Raises
    SetsNeeded, and SlowJob with `refuse_slow`.
    """
    checked = CheckedPiece()
    numbers: dict[str, int] = {}
    documents: list[tuple[int, Any]] = []
    for index, text in piece.indexed:
        try:
            documents.append((index, strict_json.parse(text)))
        except Problem as problem:
            checked.refused.append((index, problem))
    types = [job_type_of(document, job_types) for _, document in documents]
    found = zip(documents, types, strict=True)
    if sets is None and (names := _set_names(found)):
        raise SetsNeeded(names)
    if refuse_slow and any(_is_slow(*each) for each in zip(documents, types, strict=True)):
        raise SlowJob
    settings = callback_hosts, cell, sets or NO_SETS
    for index, document in documents:
        try:
            received = Received(b"")
            one = check_submission(received, (document, []), job_types, *settings)
            assert one
            _add(checked, numbers, index, document, one)
        except Problem as problem:
            checked.refused.append((index, problem))
    checked.refused.sort(key=lambda each: each[0])
    return checked


def _add(
    checked: CheckedPiece,
    numbers: dict[str, int],
    index: int,
    document: dict[str, Any],
    one: CheckedSubmission,
) -> None:
    """Add a valid job to a piece. `numbers` has the templates by what was submitted beside the
    payload."""
    if one.question is not None:
        detail = "a job of a batch cannot reuse an earlier result; submit it alone"
        raise unacceptable([FieldError("payload.reuse", detail)])
    if one.compared is not None:
        checked.compared[index] = one.compared, one.submission.type
    rest = repr([(name, value) for name, value in document.items() if name != "payload"])
    key = f"{one.source}{rest}"
    number = numbers.get(key)
    if number is None:
        number = numbers[key] = len(checked.templates)
        checked.templates.append((key, replace(one.new_job(None, None), payload={})))
    checked.jobs.append((index, number, to_json_text(one.submission.payload)))


def _set_names(found: Any) -> list[str]:
    """Return the names of the pattern sets in documents, each once."""
    names: dict[str, None] = {}
    for (_, document), job_type in found:
        names |= dict.fromkeys(sets_of(document, job_type))
    return [*names]


def _is_slow(found: tuple[int, Any], job_type: JobType[Any] | None) -> bool:
    """Whether the job type says that a payload takes long to check."""
    document = found[1]
    if job_type is None or not isinstance(payload := document.get("payload"), dict):
        return False
    try:
        return job_type.is_slow_to_check(payload)
    except Exception:  # the payload is not checked yet, so the job type may trip over it
        return True


def _items(body: bytes) -> list[bytes]:
    """Return the items of a JSON array, unparsed; at most one more than a batch may have."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    try:
        if text and (items := _scan(text)) is not None:
            return items
    except (ValueError, RecursionError, StopIteration):
        pass
    document = strict_json.parse(body)  # names the place of the error
    if not isinstance(document, list):
        detail = 'it must be a JSON array of jobs, such as [{"type": "sleep", "payload": {…}}]'
        raise unacceptable([FieldError(BODY, detail, "wrong_type")])
    return [to_json_text(each).encode() for each in document[: MAX_BATCH_JOBS + 1]]


def _scan(text: str) -> list[bytes] | None:
    """Return the items of an array; None if the text is no array. Raises ValueError."""
    at, end = _skip(text, 0), len(text)
    if at == end or text[at] != "[":
        return None
    items: list[bytes] = []
    at = _skip(text, at + 1)
    while len(items) <= MAX_BATCH_JOBS:
        if not items and text[at : at + 1] == "]":
            break
        _, after = _DECODER.raw_decode(text, at)
        items.append(text[at:after].encode())
        at = _skip(text, after)
        if text[at : at + 1] == "]":
            break
        if text[at : at + 1] != ",":
            raise ValueError("no comma")
        at = _skip(text, at + 1)
    else:
        return items
    if _skip(text, at + 1) != end:
        raise ValueError("more text")
    return items


def _skip(text: str, at: int) -> int:
    """Return the position of the next character that is no space."""
    found = _SPACES.match(text, at)
    assert found
    return found.end()

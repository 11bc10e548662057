"""Checks the jobs of a batch, some at a time.

    body ──split──▶ jobs as bytes ──some at a time──▶ checked jobs: templates and payloads

The jobs of a batch mostly differ only in their payloads. So the processes pass on one template for
each kind of job, and the payload of each job as text.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from runner.job_types.registry.found import JobTypes
from server.http import strict_json
from server.http.problems import FieldError, Problem, unacceptable
from server.jobs.validation.received import Received
from server.jobs.validation.sets import NO_SETS, FoundSets, SetsNeeded, sets_of
from server.jobs.validation.submission import (
    CheckedSubmission,
    check_submission,
    is_slow,
    job_type_of,
)
from storage.jobs.transitions import to_json_text
from storage.records.job import NewJob
from storage.records.json_values import Json, JsonValue


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


def check_piece(
    piece: BatchPiece,
    job_types: JobTypes,
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
    documents: list[tuple[int, JsonValue]] = []
    for index, text in piece.indexed:
        try:
            documents.append((index, strict_json.parse(text)))
        except Problem as problem:
            checked.refused.append((index, problem))
    types = [job_type_of(document, job_types) for _, document in documents]
    found = list(zip(documents, types, strict=True))
    if sets is None and (names := _set_names(found)):
        raise SetsNeeded(names)
    if refuse_slow and any(is_slow(document, job_type) for (_, document), job_type in found):
        raise SlowJob
    settings = callback_hosts, cell, sets or NO_SETS
    for index, document in documents:
        try:
            received = Received(b"", may_have_file=False)
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
    document: Json,
    one: CheckedSubmission,
) -> None:
    """Add a valid job to a piece. `numbers` has the number of a template by the other fields of a
    submission, without the payload."""
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
        checked.templates.append((key, one.new_job(None, None).replaced(payload={})))
    checked.jobs.append((index, number, to_json_text(one.submission.payload)))


def _set_names(found: JsonValue) -> list[str]:
    """Return the names of the pattern sets in documents, each once."""
    names: dict[str, None] = {}
    for (_, document), job_type in found:
        names |= dict.fromkeys(sets_of(document, job_type))
    return [*names]

"""Reads a submitted job from JSON or a form and validates it completely.

    submission ─┬─ small ─▶ parsed here ─┬─ quick to check ─▶ checked here
                │                        └─ slow, says its job type ─┐
                └─ large ────────────────────────────────────────────┴──▶ CheckProcess

So the event loop is not blocked. Threads would not help: Python's json, Pydantic and RE2 hold the
interpreter's lock.
"""

import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace
from typing import Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError

from runner.job_types.base import NO_DEFAULTS, AnyJobType
from runner.job_types.registry.found import JobTypes
from server.documents.field_errors import field_errors, unknown_name
from server.documents.options.dependencies import InputFrom
from server.documents.options.limits import take_limits
from server.documents.submission import Submission
from server.http.problems import BODY, FieldError, Problem, joined, unacceptable
from server.jobs.validation.conflicts import FAILS, complaint, conflicts, file_errors, input_errors
from server.jobs.validation.process import CheckProcess
from server.jobs.validation.received import Received, parse
from server.jobs.validation.sets import (
    NO_SETS,
    FoundSets,
    SetsNeeded,
    at_sets,
    sets_of,
    with_patterns,
)
from storage.jobs.transitions import to_json_text
from storage.records.ids import new_id
from storage.records.job import EncodedJson, Job, NewJob, Upload
from storage.records.json_values import Json, JsonValue

M = TypeVar("M", bound=BaseModel)

REQUIRED = {"type", "payload"}
SMALL_BYTES = 16 * 1024
"""The largest submission that is parsed in the event loop. The worst takes 10 ms."""


@dataclass(frozen=True)
class CheckedSubmission:
    """A valid submission.

    `source` is the id of an earlier job whose file the new job uses, and `compared` of one whose
    result is compared with its own. `cell` is the number that goes into the new job's id (CELL), or
    None. `encoded` has the payload if the submission lacks it.
    `question` is what the job asks about its file, if an earlier job may answer it.
    """

    submission: Submission
    source: UUID | None
    cell: int | None = None
    encoded: EncodedJson | None = None
    compared: UUID | None = None
    question: str | None = None
    """What the job asks about its file, if the result of an earlier job may be the answer."""
    submitted: Json | None = None
    """The payload without the patterns of its sets, if it names some."""

    def with_encoded_payload(self) -> Self:
        """Return this with the payload as text: a large payload takes long to pass on and encode.

        The fingerprint comes from the submitted payload, so a submission that is repeated after a
        set was changed is still equal to the first one.
        """
        payload = self.submission.payload
        in_order = json.dumps(self.submitted or payload, sort_keys=True, ensure_ascii=False)
        encoded = EncodedJson(to_json_text(payload), in_order)
        submission = self.submission.model_copy(update={"payload": {}})
        return replace(self, submission=submission, encoded=encoded, submitted=None)

    def new_job(
        self,
        upload: Upload | None,
        submitted_by: str | None,
        traceparent: str | None = None,
        replaces_all: bool = False,
    ) -> NewJob:
        """Build the job to store, with its file, its caller's name and its trace context.

        `replaces_all` says whether the caller may cancel the jobs of all callers.
        """
        options = vars(self.submission)
        # Only what was given: most jobs have few of the options.
        names = self.submission.model_fields_set
        given = {name: options[name] for name in names if options[name] is not None}
        given.pop("upload", None)
        if "tags" in given:
            given["tags"] = tuple(given["tags"])
        if limits := take_limits(given):
            given["limits"] = limits
        if "unique" in given:
            given["unique_scope"] = given.pop("unique")
        if "after" in given or "input" in given:
            given["after"], given["input_from"] = self._predecessors(given.pop("input", None))
        if self.encoded is not None:
            given["payload"] = self.encoded
        return NewJob(
            **given,
            upload=upload,
            source=self.source,
            submitted_by=submitted_by,
            traceparent=traceparent,
            replaces_all=replaces_all,
            id=new_id(self.cell),
        )

    def _predecessors(self, given: InputFrom | None) -> tuple[tuple[UUID, ...], UUID | None]:
        """Return the jobs that the new job waits for, and the one whose result it gets."""
        after = tuple(self.submission.after or ())
        source = None if given is None else given.source
        return (after if source is None or source in after else (*after, source)), source


class SubmissionChecks:
    """Checks submissions against job types, which the check process finds again."""

    def __init__(
        self,
        job_types: JobTypes,
        callback_hosts: Collection[str],
        cell: int | None,
        find_sets: Callable[[list[str]], Awaitable[FoundSets]],
    ):
        """`find_sets` reads the pattern sets that a submission names."""
        self._job_types = job_types
        self._find_sets = find_sets
        self._settings = (callback_hosts, cell)
        self.process = CheckProcess(job_types.packages)

    async def check(self, received: Received) -> CheckedSubmission | None:
        """Parse and check a submission; None if it lacks fields that may still follow.

        Raises Problem 400 or 422, and 503 if that fails.
        """
        sets: FoundSets | None = None
        if received.size <= SMALL_BYTES:
            parsed = parse(received)
            job_type = job_type_of(parsed[0], self._job_types)
            if names := sets_of(parsed[0], job_type):
                sets = await self._find_sets(names)
            elif not is_slow(parsed[0], job_type):
                return check_submission(received, parsed, self._job_types, *self._settings)
        checked: CheckedSubmission | None
        try:
            checked = await self.process.check((received, *self._settings, sets))
        except SetsNeeded as needed:
            sets = await self._find_sets(needed.names)
            checked = await self.process.check((received, *self._settings, sets))
        return checked

    def asks(self, job: Job, question: str) -> bool:
        """Return whether a stored job asks this question about its file."""
        job_type = self._job_types.get(job.type)
        if job_type is None:
            return False
        try:
            payload = job_type.Payload.model_validate(job.payload)
        except ValidationError:  # of another release
            return False
        return job_type.question(payload) == question


def is_slow(document: JsonValue, job_type: AnyJobType | None) -> bool:
    """Whether the job type of a document says that its payload takes long to check."""
    if job_type is None or not isinstance(payload := document.get("payload"), dict):
        return False
    try:
        return job_type.is_slow_to_check(payload)
    except FAILS:  # the payload is not checked yet, so the job type may trip over it
        return True


def check_submission(
    received: Received,
    parsed: tuple[JsonValue, list[Problem]],
    job_types: JobTypes,
    callback_hosts: Collection[str] = (),
    cell: int | None = None,
    sets: FoundSets = NO_SETS,
) -> CheckedSubmission | None:
    """Validate a submission and, by its job type, its payload with the patterns of its sets.

    Returns None if it lacks required fields that may still follow. Raises Problem 400 or 422 with
    all errors.
    """
    document, problems = parsed
    if not isinstance(document, dict):
        raise unacceptable([FieldError(BODY, "it must be a JSON object", "wrong_type")])
    job_type, payload = job_type_of(document, job_types), None
    document = submitted = with_defaults(document, job_type)
    document = with_patterns(document, job_type, sets)
    submission, errors = _validate(Submission, document)
    errors += [*conflicts(document, callback_hosts), *input_errors(document, job_type)]
    if job_type is not None:
        payload, more = _check_payload(job_type, document, received)
        errors += at_sets(more, submitted)
    elif isinstance(name := document.get("type"), str):
        errors.append(FieldError("type", _unknown_type(name, job_types), "unknown"))
    absent = _absent(received, document)
    errors = [each for each in errors if each.code != "missing" or each.field not in absent]
    if errors or problems:
        problem = joined([*problems, *([unacceptable(errors)] if errors else [])])
        if isinstance(document.get("queue"), str) and "queue" not in {e.field for e in errors}:
            problem.queue = document["queue"]
        raise problem
    if submission is None:
        return None
    source, compared, question = None, None, None
    if job_type is not None and payload is not None:
        source, compared = job_type.source(payload), job_type.compared(payload)
        question = job_type.question(payload) if job_type.reuses(payload) else None
    return CheckedSubmission(
        submission,
        source,
        cell,
        compared=compared,
        question=question,
        submitted=None if submitted is document else submitted["payload"],
    )


def _absent(received: Received, document: Json) -> set[str]:
    """Return the fields that are not missing: they could not be parsed, or may still follow."""
    content = received.content
    unparsed = set() if isinstance(content, bytes) else set(content) - set(document)
    return unparsed if received.is_whole else unparsed | REQUIRED


def _validate(
    model: type[M], document: Json, prefix: str = ""
) -> tuple[M | None, list[FieldError]]:
    try:
        return model.model_validate(document), []
    except ValidationError as error:
        return None, list(field_errors(error, document, model, prefix))


def _validate_payload(job_type: AnyJobType, payload: Json) -> tuple[JsonValue, list[FieldError]]:
    """Validate a payload. If the job type trips over it, that is an error of the payload, too."""
    try:
        return _validate(job_type.Payload, payload, "payload")
    except FAILS as error:
        return None, [FieldError("payload", complaint(job_type, "a payload", error))]


def job_type_of(document: JsonValue, job_types: JobTypes) -> AnyJobType | None:
    """Return the job type that a document names, None if it names none that exists."""
    name = document.get("type") if isinstance(document, dict) else None
    return job_types.get(name) if isinstance(name, str) else None


def with_defaults(document: Json, job_type: AnyJobType | None) -> Json:
    """Return a submission with the defaults of its job type for the options that it leaves out."""
    if job_type is None or job_type.defaults is NO_DEFAULTS:
        return document
    return {**job_type.defaults.given(), **document}


def _unknown_type(name: str, job_types: JobTypes) -> str:
    if broken := job_types.broken_for(name):
        return f"this job type does not work: {broken.text}"
    return unknown_name("job type", name, job_types)


def _check_payload(
    job_type: AnyJobType, document: Json, received: Received
) -> tuple[JsonValue, list[FieldError]]:
    """Validate a payload and the presence of a file; returns the payload, None if it is invalid."""
    payload = document.get("payload")
    checked: JsonValue = None
    errors: list[FieldError] = []
    if isinstance(payload, dict):
        checked, errors = _validate_payload(job_type, payload)
    source = None if checked is None else job_type.source(checked)
    names_source = source is not None or (
        checked is None and isinstance(payload, dict) and "source" in payload
    )
    names_upload = document.get("upload") is not None
    return checked, [*errors, *file_errors(job_type, received, names_source, names_upload)]

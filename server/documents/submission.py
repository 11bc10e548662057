"""Reads a submitted job from JSON or a form and validates it completely."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner.job_types.base import JobType
from server.documents.callback_hosts import refusal
from server.documents.field_errors import field_errors, unknown_name
from server.documents.queues import QueueName
from server.documents.times import Time
from server.http import strict_json
from server.http.problems import BODY, FieldError, Problem, joined, unacceptable
from storage.jobs.transitions import to_json_text
from storage.records.ids import new_id
from storage.records.job import DEFAULT_MAX_LOSSES, EncodedJson, NewJob, Upload
from storage.records.queue_name import DEFAULT_QUEUE

M = TypeVar("M", bound=BaseModel)

FILE_PART = "filename"
FILE_PARTS = (FILE_PART, "file")
"""The names that the file's part of a form may have."""
_REQUIRED = {"type", "payload"}
_TEXT_FIELDS = {"type", "run_at", "callback_url", "queue"}
_YEAR_SECONDS = 366 * 86400


class Submission(BaseModel):
    """The fields of a new job; `timeout` and `delay` are in seconds."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    type: str
    payload: dict[str, Any]
    max_retries: int = Field(1, ge=0, le=100)
    max_losses: int = Field(DEFAULT_MAX_LOSSES, ge=0, le=100)
    timeout: float | None = Field(None, gt=0, le=_YEAR_SECONDS)
    priority: int = Field(0, ge=-100, le=100)
    run_at: Time | None = None
    delay: float | None = Field(None, ge=0, le=10 * _YEAR_SECONDS)
    callback_url: str | None = Field(None, max_length=2000)
    queue: QueueName = DEFAULT_QUEUE


@dataclass(frozen=True)
class CheckedSubmission:
    """A valid submission.

    `source` is the id of an earlier job whose file the new job uses. `cell` is the number that goes
    into the new job's id (CELL), or None. `encoded` has the payload if the submission lacks it.
    """

    submission: Submission
    source: UUID | None
    cell: int | None = None
    encoded: EncodedJson | None = None

    def with_encoded_payload(self) -> Self:
        """The same with the payload as text: a large one takes long to pass on, and to encode."""
        payload = self.submission.payload
        in_order = json.dumps(payload, sort_keys=True, ensure_ascii=False)
        encoded = EncodedJson(to_json_text(payload), in_order)
        submission = self.submission.model_copy(update={"payload": {}})
        return replace(self, submission=submission, encoded=encoded)

    def new_job(
        self, upload: Upload | None, submitted_by: str | None, traceparent: str | None = None
    ) -> NewJob:
        """Build the job to store, with its file, its caller's name and its trace context."""
        given = self.submission
        return NewJob(
            type=given.type,
            payload=self.encoded or given.payload,
            max_retries=given.max_retries,
            max_losses=given.max_losses,
            timeout=given.timeout,
            priority=given.priority,
            run_at=given.run_at,
            delay=given.delay or 0.0,
            upload=upload,
            source=self.source,
            callback_url=given.callback_url,
            submitted_by=submitted_by,
            queue=given.queue,
            traceparent=traceparent,
            id=new_id(self.cell),
        )


@dataclass(frozen=True)
class Received:
    """A submission as it was received.

    content: a JSON body, or the text fields of a form.
    file_part: the name of the form's part that has the file; None without a file.
    is_whole: False if more fields of the form may follow.
    errors: what is wrong with the form's other parts.
    """

    content: bytes | Mapping[str, bytes]
    file_part: str | None = None
    is_whole: bool = True
    errors: tuple[FieldError, ...] = ()


def parse(received: Received) -> tuple[Any, list[Problem]]:
    """Parse a submission into a document.

    Also returns the problems of form fields that cannot be parsed; the document lacks these fields.
    Raises Problem 400 if it is not a form.
    """
    if isinstance(received.content, bytes):
        return strict_json.parse(received.content), []
    document: dict[str, Any] = {}
    problems = [unacceptable(received.errors)] if received.errors else []
    for name, value in received.content.items():
        try:
            document[name] = _form_value(name, value)
        except Problem as problem:
            problems.append(problem)
    return document, problems


def check_submission(
    received: Received,
    parsed: tuple[Any, list[Problem]],
    job_types: Mapping[str, JobType[Any]],
    callback_hosts: Collection[str] = (),
    cell: int | None = None,
) -> CheckedSubmission | None:
    """Validate a submission and, by its job type, its payload.

    Returns None if it lacks required fields that may still follow. Raises Problem 400 or 422 with
    all errors.
    """
    document, problems = parsed
    if not isinstance(document, dict):
        raise unacceptable([FieldError(BODY, "it must be a JSON object", "wrong_type")])
    submission, errors = _validate(Submission, document)
    errors += _conflicts(document, callback_hosts)
    job_type, type_errors = _job_type(document.get("type"), job_types)
    errors += type_errors
    source = None
    if job_type is not None:
        source, more = _check_payload(job_type, document.get("payload"), received.file_part)
        errors += more
    # A field that could not be parsed, or may still follow, is not missing.
    unparsed = (
        set() if isinstance(received.content, bytes) else set(received.content) - set(document)
    )
    absent = unparsed if received.is_whole else unparsed | _REQUIRED
    errors = [each for each in errors if each.code != "missing" or each.field not in absent]
    if errors or problems:
        problem = joined([*problems, *([unacceptable(errors)] if errors else [])])
        if isinstance(document.get("queue"), str) and "queue" not in {e.field for e in errors}:
            problem.queue = document["queue"]
        raise problem
    return None if submission is None else CheckedSubmission(submission, source, cell)


def _validate(
    model: type[M], document: dict[str, Any], prefix: str = ""
) -> tuple[M | None, list[FieldError]]:
    try:
        return model.model_validate(document), []
    except ValidationError as error:
        return None, list(field_errors(error, document, model, prefix))


def _job_type(
    name: Any, job_types: Mapping[str, JobType[Any]]
) -> tuple[JobType[Any] | None, list[FieldError]]:
    """Return the job type with this name; None for an unknown name, and for one that is no text."""
    job_type = job_types.get(name) if isinstance(name, str) else None
    if job_type is None and isinstance(name, str):
        return None, [FieldError("type", unknown_name("job type", name, job_types), "unknown")]
    return job_type, []


def _check_payload(
    job_type: JobType[Any], payload: Any, file_part: str | None
) -> tuple[UUID | None, list[FieldError]]:
    """Validate a payload and the presence of a file; returns the source that the payload names."""
    checked: Any = None
    errors: list[FieldError] = []
    if isinstance(payload, dict):
        checked, errors = _validate(job_type.Payload, payload, "payload")
    source = None if checked is None else job_type.source(checked)
    names_source = source is not None or (
        checked is None and isinstance(payload, dict) and "source" in payload
    )
    return source, [*errors, *_file_errors(job_type, file_part, names_source)]


def _conflicts(document: dict[str, Any], callback_hosts: Collection[str]) -> Iterator[FieldError]:
    url = document.get("callback_url")
    if isinstance(url, str) and (refused := refusal(url, callback_hosts)):
        yield FieldError("callback_url", refused)
    if document.get("run_at") is not None and document.get("delay") is not None:
        yield FieldError("delay", "give either run_at or delay, not both")


def _file_errors(
    job_type: JobType[Any], file_part: str | None, names_source: bool
) -> Iterator[FieldError]:
    if job_type.upload == "none":
        if file_part:
            yield FieldError(file_part, f"the job type {job_type.name} does not take a file")
    elif file_part and names_source:
        yield FieldError("payload.source", "give either a source or a file, not both")
    elif not file_part and not names_source:
        detail = f"the job type {job_type.name} needs a file: send multipart/form-data with a file"
        yield FieldError(FILE_PART, f"{detail} part named {FILE_PART}", "missing")


def _form_value(name: str, value: bytes) -> Any:
    if name not in _TEXT_FIELDS:
        return strict_json.parse(value, name)
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        detail = f"it is not UTF-8: invalid byte at position {error.start}"
        raise unacceptable([FieldError(name, detail, "malformed")]) from None

"""Reads a submitted job from JSON or a form and validates it completely."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner.job_types.base import JobType
from server.documents.callback_hosts import refusal
from server.documents.queues import QueueName
from server.documents.times import Time
from server.http import strict_json
from server.http.problems import BODY, FieldError, unacceptable
from storage.records.ids import new_id
from storage.records.job import DEFAULT_MAX_LOSSES, NewJob, Upload
from storage.records.queue_name import DEFAULT_QUEUE

FILE_PART = "filename"
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
    into the new job's id (CELL), or None.
    """

    submission: Submission
    source: UUID | None
    cell: int | None = None

    def new_job(
        self, upload: Upload | None, submitted_by: str | None, traceparent: str | None = None
    ) -> NewJob:
        """Build the job to store, with its file, its caller's name and its trace context."""
        given = self.submission
        return NewJob(
            type=given.type,
            payload=given.payload,
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


def read_form(fields: Mapping[str, bytes]) -> dict[str, Any]:
    """Parse the text fields of a form into one document. Raises Problem 400 or 422."""
    return {name: _form_value(name, value) for name, value in fields.items()}


def check_submission(
    document: Any,
    has_file: bool,
    job_types: Mapping[str, JobType[Any]],
    callback_hosts: Collection[str] = (),
    cell: int | None = None,
) -> CheckedSubmission:
    """Validate a submission and, by its job type, its payload. Raises Problem 422."""
    if not isinstance(document, dict):
        raise unacceptable([FieldError(BODY, "it must be a JSON object")])
    try:
        submission = Submission.model_validate(document)
    except ValidationError as error:
        raise unacceptable(field_errors(error)) from None
    errors = list(_field_conflicts(submission, callback_hosts))
    job_type = job_types.get(submission.type)
    if job_type is None:
        known = ", ".join(sorted(job_types))
        errors.append(FieldError("type", f"unknown job type; the known types are {known}"))
        raise unacceptable(errors)
    try:
        payload = job_type.Payload.model_validate(submission.payload)
    except ValidationError as error:
        raise unacceptable([*errors, *field_errors(error, "payload")]) from None
    source = job_type.source(payload)
    errors += _file_errors(job_type, has_file, source)
    if errors:
        raise unacceptable(errors)
    return CheckedSubmission(submission, source, cell)


def _field_conflicts(
    submission: Submission, callback_hosts: Collection[str]
) -> Iterator[FieldError]:
    refused = submission.callback_url is not None and refusal(
        submission.callback_url, callback_hosts
    )
    if refused:
        yield FieldError("callback_url", refused)
    if submission.run_at is not None and submission.delay is not None:
        yield FieldError("delay", "give either run_at or delay, not both")


def _file_errors(
    job_type: JobType[Any], has_file: bool, source: UUID | None
) -> Iterator[FieldError]:
    if has_file and source is not None:
        yield FieldError("payload.source", "give either a source or a file, not both")
    elif has_file and job_type.upload == "none":
        yield FieldError(FILE_PART, f"the job type {job_type.name} does not take a file")
    elif job_type.upload == "required" and not has_file and source is None:
        detail = f"the job type {job_type.name} needs a file: send multipart/form-data with a file"
        yield FieldError(FILE_PART, f"{detail} part named {FILE_PART}")


def field_errors(error: ValidationError, *prefix: str) -> Iterator[FieldError]:
    """Convert Pydantic's errors to field errors; `prefix` is prepended to each field's path."""
    for found in error.errors(include_url=False, include_context=False):
        path = [*prefix, *map(str, found["loc"])]
        message = found["msg"].removeprefix("Value error, ")
        yield FieldError(".".join(path) or BODY, f"{message[0].lower()}{message[1:]}")


def _form_value(name: str, value: bytes) -> Any:
    if name not in _TEXT_FIELDS:
        return strict_json.parse(value, name)
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        detail = f"it is not UTF-8: invalid byte at {error.start}"
        raise unacceptable([FieldError(name, detail)]) from None

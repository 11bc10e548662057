"""Reads a submitted job from JSON or a form and validates it completely.

    submission ─┬─ small ─▶ parsed here ─┬─ quick to check ─▶ checked here
                │                        └─ slow, says its job type ─┐
                └─ large ────────────────────────────────────────────┴──▶ CheckProcess

So the event loop is not blocked. Threads would not help: Python's json, Pydantic and RE2 hold the
interpreter's lock.
"""

import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner.job_types.base import JobType
from server.checking.process import CheckProcess
from server.checking.sets import (
    NO_SETS,
    FoundSets,
    SetsNeeded,
    at_sets,
    sets_of,
    with_patterns,
)
from server.documents.field_errors import field_errors, unknown_name
from server.documents.job_options import (
    Delay,
    ExpiresAt,
    ExpiresIn,
    JobTags,
    KeepFor,
    MaxRetries,
    Priority,
    Queue,
    RunAt,
    Timeout,
    Waits,
)
from server.documents.tags import Metadata
from server.http import strict_json
from server.http.problems import BODY, FieldError, Problem, joined, unacceptable
from storage.jobs.transitions import to_json_text
from storage.records.ids import new_id
from storage.records.job import DEFAULT_MAX_LOSSES, EncodedJson, Job, NewJob, Upload
from storage.records.queue_name import DEFAULT_QUEUE

M = TypeVar("M", bound=BaseModel)

FILE_PART = "filename"
FILE_PARTS = (FILE_PART, "file")
"""The names that the file's part of a form may have."""
FILES_PART = "files"
"""The name of each part with a file, if a form has several: they are stored as one zip archive."""
REQUIRED = {"type", "payload"}
TEXT_FIELDS = {"type", "run_at", "callback_url", "queue"}
SMALL_BYTES = 16 * 1024
"""The largest submission that is parsed in the event loop. The worst takes 10 ms."""


class Submission(BaseModel):
    """The fields of a new job."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    type: str = Field(description="name of the job type")
    payload: dict[str, Any] = Field(description="the input of the job, as its type defines it")
    max_retries: MaxRetries = 1
    max_losses: int = Field(
        DEFAULT_MAX_LOSSES,
        ge=0,
        le=100,
        description="how often the job may run again after its worker died",
    )
    timeout: Timeout = None
    priority: Priority = 0
    run_at: RunAt = None
    delay: Delay = None
    callback_url: str | None = Field(
        None, max_length=2000, description="address that is called at the end of the job"
    )
    queue: Queue = DEFAULT_QUEUE
    tags: JobTags = None
    keep_for: KeepFor = None
    expires_at: ExpiresAt = None
    expires_in: ExpiresIn = None
    backoff: Waits = None
    metadata: Metadata | None = Field(
        None, description="a small JSON object that is stored and returned with the job"
    )


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
    submitted: dict[str, Any] | None = None
    """The payload without the patterns of its sets, if it names some."""

    def with_encoded_payload(self) -> Self:
        """The same with the payload as text: a large one takes long to pass on, and to encode.

        Its fingerprint is that of the submitted payload: a submission that is repeated after a set
        was changed is still equal to the first one.
        """
        payload = self.submission.payload
        in_order = json.dumps(self.submitted or payload, sort_keys=True, ensure_ascii=False)
        encoded = EncodedJson(to_json_text(payload), in_order)
        submission = self.submission.model_copy(update={"payload": {}})
        return replace(self, submission=submission, encoded=encoded, submitted=None)

    def new_job(
        self, upload: Upload | None, submitted_by: str | None, traceparent: str | None = None
    ) -> NewJob:
        """Build the job to store, with its file, its caller's name and its trace context."""
        given = {**vars(self.submission), "delay": self.submission.delay or 0.0}
        given["tags"] = tuple(self.submission.tags or ())
        if self.encoded is not None:
            given["payload"] = self.encoded
        return NewJob(
            **given,
            upload=upload,
            source=self.source,
            submitted_by=submitted_by,
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

    @property
    def size(self) -> int:
        """The bytes of the content."""
        if isinstance(self.content, bytes):
            return len(self.content)
        return sum(map(len, self.content.values()))


class SubmissionChecks:
    """Checks submissions against job types, which the check process finds in `packages`."""

    def __init__(
        self,
        job_types: Mapping[str, JobType[Any]],
        packages: Sequence[str],
        callback_hosts: Collection[str],
        cell: int | None,
        find_sets: Callable[[list[str]], Awaitable[FoundSets]],
    ):
        """`find_sets` reads the pattern sets that a submission names."""
        self._job_types = job_types
        self._find_sets = find_sets
        self._settings = (callback_hosts, cell)
        self.process = CheckProcess(packages)

    async def check(self, received: Received) -> CheckedSubmission | None:
        """Parse and check a submission; None if it lacks fields that may still follow.

        Raises Problem 400 or 422, and 503 if that fails.
        """
        sets: FoundSets | None = None
        if received.size <= SMALL_BYTES:
            parsed = parse(received)
            if names := sets_of(parsed[0], job_type_of(parsed[0], self._job_types)):
                sets = await self._find_sets(names)
            elif not self._is_slow(parsed[0]):
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

    def _is_slow(self, document: Any) -> bool:
        """Whether the job type says that the payload takes long to check."""
        job_type = job_type_of(document, self._job_types)
        if job_type is None or not isinstance(payload := document.get("payload"), dict):
            return False
        try:
            return job_type.is_slow_to_check(payload)
        except Exception:  # the payload is not checked yet, so the job type may trip over it
            return True


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
            is_text = name in TEXT_FIELDS
            document[name] = value.decode() if is_text else strict_json.parse(value, name)
        except UnicodeDecodeError as error:
            detail = f"it is not UTF-8: invalid byte at position {error.start}"
            problems.append(unacceptable([FieldError(name, detail, "malformed")]))
        except Problem as problem:
            problems.append(problem)
    return document, problems


def check_submission(
    received: Received,
    parsed: tuple[Any, list[Problem]],
    job_types: Mapping[str, JobType[Any]],
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
    job_type, payload, submitted = job_type_of(document, job_types), None, document
    document = with_patterns(document, job_type, sets)
    submission, errors = _validate(Submission, document)
    errors += _conflicts(document, callback_hosts)
    if job_type is not None:
        payload, more = _check_payload(job_type, document.get("payload"), received.file_part)
        errors += at_sets(more, submitted)
    elif isinstance(name := document.get("type"), str):
        errors.append(FieldError("type", unknown_name("job type", name, job_types), "unknown"))
    # A field that could not be parsed, or may still follow, is not missing.
    unparsed = (
        set() if isinstance(received.content, bytes) else set(received.content) - set(document)
    )
    absent = unparsed if received.is_whole else unparsed | REQUIRED
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


def _validate(
    model: type[M], document: dict[str, Any], prefix: str = ""
) -> tuple[M | None, list[FieldError]]:
    try:
        return model.model_validate(document), []
    except ValidationError as error:
        return None, list(field_errors(error, document, model, prefix))


def job_type_of(document: Any, job_types: Mapping[str, JobType[Any]]) -> JobType[Any] | None:
    """Return the job type that a document names, None if it names none that exists."""
    name = document.get("type") if isinstance(document, dict) else None
    return job_types.get(name) if isinstance(name, str) else None


def _check_payload(
    job_type: JobType[Any], payload: Any, file_part: str | None
) -> tuple[Any, list[FieldError]]:
    """Validate a payload and the presence of a file; returns the payload, None if it is invalid."""
    checked: Any = None
    errors: list[FieldError] = []
    if isinstance(payload, dict):
        checked, errors = _validate(job_type.Payload, payload, "payload")
    source = None if checked is None else job_type.source(checked)
    names_source = source is not None or (
        checked is None and isinstance(payload, dict) and "source" in payload
    )
    return checked, [*errors, *_file_errors(job_type, file_part, names_source)]


def _conflicts(document: dict[str, Any], callback_hosts: Collection[str]) -> Iterator[FieldError]:
    url = document.get("callback_url")
    if isinstance(url, str) and (refused := callback_refusal(url, callback_hosts)):
        yield FieldError("callback_url", refused)
    if document.get("run_at") is not None and document.get("delay") is not None:
        yield FieldError("delay", "give either run_at or delay, not both")
    if document.get("expires_at") is not None and document.get("expires_in") is not None:
        yield FieldError("expires_in", "give either expires_at or expires_in, not both")
    delay, limit = document.get("delay"), document.get("expires_in")
    if isinstance(delay, int | float) and isinstance(limit, int | float) and limit <= delay:
        detail = f"it must be above the delay of {delay} s, or the job would never start"
        yield FieldError("expires_in", detail, "out_of_range")


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


def callback_refusal(url: str, hosts: Collection[str]) -> str | None:
    """Return why callbacks to this URL are refused, or None if they are allowed.

    Each entry of `hosts` is a host name, which allows any port, or `host:port`. An empty collection
    means that callbacks are switched off.
    """
    if not hosts:
        return "callbacks are switched off: CALLBACK_HOSTS is empty"
    if not url.isprintable() or " " in url:
        return "it contains characters that are not allowed in a URL"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "it is not a URL"
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or parts.fragment:
        return "it must be a URL such as https://host/path, without a user or a fragment"
    port = port or {"http": 80, "https": 443}[parts.scheme]
    if not {host, f"{host}:{port}"} & set(hosts):
        return f"the host {host} is not listed in CALLBACK_HOSTS"
    return None

"""The documents of the service as frozen dataclasses. Fields that this release does not know are
kept in `raw`. Times are aware datetimes. Imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

from jobservice.json_values import Json, JsonValue

_TIMES = ("_at", "finish_by")
"""The ends of the names of fields that are times."""
Status = Literal["queued", "running", "succeeded", "failed", "canceled"]
"""The status of a job."""
FINAL: frozenset[Status] = frozenset({"succeeded", "failed", "canceled"})
"""The statuses of jobs that have ended."""


@dataclass(frozen=True)
class ErrorData:
    """Why an attempt or a job failed."""

    type: str
    message: str


@dataclass(frozen=True)
class UploadData:
    """The file of a job; `size` is in bytes."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class AttemptData:
    """One attempt to run a job. `outcome` is None while it runs."""

    attempt: int
    runner: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    seconds: float | None = None
    outcome: str | None = None
    error: ErrorData | None = None
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    pid: int | None = None
    traceback: str | None = None
    last_lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobData:
    """A job as the service described it last.

    Fields that the service leaves out, because they were not set, have their defaults. Right after
    a submission, only the fields of the submission and `status` are known.
    """

    job_id: str
    status: Status
    type: str = ""
    payload: Mapping[str, JsonValue] | None = None
    result: JsonValue = None
    error: ErrorData | None = None
    progress: Mapping[str, JsonValue] | None = None
    attempt: int = 0
    retry_count: int = 0
    max_retries: int = 1
    loss_count: int = 0
    max_losses: int = 10
    client_retries: int = 0
    priority: int = 0
    queue: str = "default"
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, JsonValue] | None = None
    after: tuple[str, ...] = ()
    on_failure: str | None = None
    input: Mapping[str, str] | None = None
    expires_at: datetime | None = None
    finish_by: datetime | None = None
    missed_at: datetime | None = None
    backoff: JsonValue = None
    unique_key: str | None = None
    unique: str | None = None
    schedule: str | None = None
    """The schedule that submitted the job, for `nominal_at`; both are None for other jobs."""
    nominal_at: datetime | None = None
    concurrency_key: str | None = None
    max_per_key: int | None = None
    memory_bytes: int | None = None
    cpu_seconds: int | None = None
    max_output_bytes: int | None = None
    nice: int | None = None
    keep_for: float | None = None
    callback_url: str | None = None
    submitted_by: str | None = None
    canceled_by: str | None = None
    timeout: float | None = None
    created_at: datetime | None = None
    run_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    runner: str | None = None
    """The runner that holds the job; None unless it is running."""
    locked_by: str | None = None
    """The same as `runner`, as earlier releases called it."""
    upload: UploadData | None = None
    files: int = 0
    """How many files the job has left."""
    attempts: tuple[AttemptData, ...] = ()
    batch_id: str | None = None
    """The batch with which it was submitted; None for a job that was submitted alone."""
    reused_from: str | None = None
    """The id of this job if it is an earlier one, whose result answers a submission."""
    existing: bool = False
    """Whether this job holds the unique key of a submission, which was therefore not stored."""
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self.status in FINAL

    @property
    def has_end(self) -> bool:
        """Whether the job has ended and this is its whole document, with its result or error."""
        return self.is_final and self.raw.get("status") == self.status and "attempts" in self.raw


@dataclass(frozen=True)
class DryRun:
    """What would happen to a job that was not stored.

    job: the job as it would be stored.
    reasons: why it would not run at once, each with a `code` and a `detail`.
    position: its place in the order of claims, from 1; None if it is not due at once.
    The estimates are None where nothing is known.
    """

    job: JobData
    reasons: tuple[Mapping[str, str], ...] = ()
    position: int | None = None
    ahead: int | None = None
    ahead_is_more: bool = False
    runners: int = 0
    slots: int = 0
    busy: int = 0
    estimated_start_at: datetime | None = None
    estimated_seconds: float | None = None
    estimated_duration: float | None = None
    estimated_end_at: datetime | None = None
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class LineData:
    """A line of the file of a job.

    line: the number of the line, from 1.
    time: the time at the start of the line, or None.
    text: the line without its line end; of a long one, the start (then `truncated`).
    matches: the start and end of each match, in characters of the text.
    context: whether the line does not match, but is near one that does.
    continues: whether it is a line of a record after its first one.
    member, member_line: the file of an archive that has the line, and the number of the line there.
    `line` is its number in all files of the archive that are read.
    """

    line: int
    time: datetime | None
    text: str
    matches: tuple[tuple[int, int], ...] = ()
    context: bool = False
    continues: bool = False
    truncated: bool = False
    member: str | None = None
    member_line: int | None = None
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class QueueData:
    """A queue. `queued` is counted up to 10,000; `queued_is_more` is true beyond."""

    name: str
    max_running: int | None = None
    paused: bool = False
    paused_at: datetime | None = None
    running: int = 0
    queued: int = 0
    queued_is_more: bool = False
    oldest_due_seconds: float | None = None
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class PatternSetData:
    """A pattern set. In a list, `patterns` is None.

    A built-in set has no times, no callers and the version 0.
    """

    name: str
    built_in: bool = False
    description: str = ""
    pattern_count: int = 0
    created_by: str | None = None
    changed_by: str | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None
    version: int = 0
    patterns: tuple[str | Mapping[str, JsonValue], ...] | None = None
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class BulkChange:
    """How many jobs a bulk change has selected and changed; a dry run changes none."""

    matched: int
    changed: int
    dry_run: bool


def read_job(document: Mapping[str, JsonValue]) -> JobData:
    """Build a job from its JSON document."""
    known = known_fields(JobData, document)
    known["error"] = read_error(document.get("error"))
    upload = document.get("upload")
    known["upload"] = UploadData(**known_fields(UploadData, upload)) if upload else None
    known["attempts"] = tuple(map(_read_attempt, document.get("attempts") or ()))
    known["tags"] = tuple(document.get("tags") or ())
    known["after"] = tuple(document.get("after") or ())
    known.setdefault("runner", known.get("locked_by"))
    return JobData(**known, raw=document)


def read_dry_run(document: Mapping[str, JsonValue]) -> DryRun:
    """Build the outcome of a dry run from the job document that describes it."""
    known = known_fields(DryRun, document["dry_run"])
    known["reasons"] = tuple(known["reasons"])
    return DryRun(**known, job=read_job(document), raw=document)


def read_queue(document: Mapping[str, JsonValue]) -> QueueData:
    """Build a queue from its JSON document."""
    return QueueData(**known_fields(QueueData, document), raw=document)


def read_pattern_set(document: Mapping[str, JsonValue]) -> PatternSetData:
    """Build a pattern set from its JSON document."""
    known = known_fields(PatternSetData, document)
    if "patterns" in known:
        known["patterns"] = tuple(known["patterns"])
    return PatternSetData(**known, raw=document)


def read_line(document: Mapping[str, JsonValue]) -> LineData:
    """Build a line from its JSON document."""
    known = known_fields(LineData, document)
    known["time"] = read_time(known["time"]) if known.get("time") else None
    known["matches"] = tuple((start, end) for start, end in known.get("matches") or ())
    return LineData(**known, raw=document)


def read_error(document: Mapping[str, JsonValue] | None) -> ErrorData | None:
    """Build an error from its JSON document, if there is one."""
    return ErrorData(**known_fields(ErrorData, document)) if document else None


def read_time(text: str) -> datetime:
    """Read a time of a response, such as 2030-01-31T12:00:00.250Z."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def total(changes: Iterable[Mapping[str, JsonValue]]) -> BulkChange:
    """Add up the documents of a bulk change that took several calls."""
    done = list(changes)
    return BulkChange(
        matched=sum(each["matched"] for each in done),
        changed=sum(each["changed"] for each in done),
        dry_run=any(each["dry_run"] for each in done),
    )


def _read_attempt(document: Mapping[str, JsonValue]) -> AttemptData:
    known = known_fields(AttemptData, document)
    known["error"] = read_error(document.get("error"))
    known["last_lines"] = tuple(document.get("last_lines") or ())
    return AttemptData(**known)


def known_fields(kind: JsonValue, document: Mapping[str, JsonValue]) -> Json:
    """The values of a document that a dataclass has fields for, with times as datetimes."""
    names = {each.name for each in fields(kind)} - {"raw"}
    return {
        name: read_time(value) if name.endswith(_TIMES) and value else value
        for name, value in document.items()
        if name in names
    }

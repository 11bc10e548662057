"""The documents of schedules, as clients read and put them."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from server.documents.filters import Query, Whole
from server.documents.job_documents import rfc3339
from server.documents.options.job_options import (
    IN_SECONDS,
    ConcurrencyKey,
    Delay,
    ExpiresIn,
    HeldUntil,
    IfExists,
    JobTags,
    KeepFor,
    MaxPerKey,
    MaxRetries,
    Priority,
    Queue,
    Timeout,
    UniqueKey,
    Waits,
)
from server.documents.options.limits import CpuSeconds, MaxOutputBytes, MemoryBytes, Nice
from server.documents.options.tags import Metadata
from server.documents.options.times import Time as GivenTime
from server.documents.schemas.common import Id, Time
from server.http.problems import FieldError
from server.http.response import encode_json, etag_of
from storage.records.job import DEFAULT_MAX_LOSSES
from storage.records.json_values import Json, JsonValue
from storage.records.queue_name import DEFAULT_QUEUE, validate_queue_name
from storage.records.schedule import Firing, FiringOutcome, Missed, Overlap, Schedule
from storage.records.states import Status
from storage.schedules.schedules import calendar_of
from storage.schedules.timing import EXAMPLE, MAX_EVERY, MIN_EVERY, validate_cron, validate_timezone


class FiringDocument(TypedDict):
    """One nominal time of a schedule, or one run that a client asked for."""

    nominal_at: Time
    """The time for which the schedule was fired; of a run by a client, the time of the call."""
    fired_at: Time
    """When a worker came to it."""
    job_id: Id | None
    """Id of the job that was submitted; null if none was."""
    outcome: FiringOutcome
    """Whether a job was submitted, and why not."""
    reason: str | None
    """Why no job was submitted, for people; null for most submitted jobs."""
    status: Status | None
    """The status of the job now; null without a job, and after it was deleted."""


class ScheduleHeadDocument(TypedDict):
    """A schedule without the payload and the options of its jobs, and without its past."""

    name: str
    """Name of the schedule."""
    type: str
    """Job type of its jobs."""
    cron: str | None
    """The times at which it is due, as a cron expression; null with `every`."""
    every: int | None
    """Seconds between two times at which it is due; null with `cron`."""
    timezone: str
    """The time zone by whose clock `cron` is read."""
    missed: Missed
    """What happens to times at which no worker was running."""
    overlap: Overlap
    """What happens while its last job is queued or running."""
    paused: bool
    """Whether it is not due until it is resumed."""
    until: Time | None
    """It is not due after this time; null without an end."""
    next: list[Time]
    """The next times at which it is due: one in a list, up to five otherwise."""
    last_job_id: Id | None
    """Id of the job that it submitted last; null before the first."""
    created_by: str | None
    """Name of the caller who created it; null without tokens."""
    changed_by: str | None
    """Name of the caller who changed it last; null without tokens."""
    created_at: Time
    """When it was created."""
    updated_at: Time
    """When a client changed it last."""
    version: int
    """1 for a new schedule, and one more with each change by a client."""


class ScheduleDocument(ScheduleHeadDocument):
    """A schedule."""

    payload: Json
    """The input of its jobs, as it was submitted."""
    options: Json
    """The options of its jobs that differ from their defaults, as they were submitted."""
    recent: list[FiringDocument]
    """Its newest firings, up to 20, the newest first."""


class SchedulesDocument(TypedDict):
    """A page of the list of schedules."""

    schedules: list[ScheduleHeadDocument]
    """The schedules, sorted by name."""
    next: str | None
    """Pass it as `cursor` to get the following page; null on the last page."""


MAX_SCHEDULE_BYTES = 64 * 1024
"""The largest body that puts a schedule."""
NEXT_TIMES = 5
"""How many of the next times clients see."""
_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class ScheduleOptions(BaseModel):
    """The options of the jobs of a schedule, as in a submission."""

    model_config = _STRICT

    priority: Priority = 0
    queue: Queue = DEFAULT_QUEUE
    tags: JobTags = None
    max_retries: MaxRetries = 1
    max_losses: int = Field(
        DEFAULT_MAX_LOSSES,
        ge=0,
        le=100,
        description="how often the job may run again after its worker died",
    )
    timeout: Timeout = None
    delay: Delay = None
    expires_in: ExpiresIn = None
    backoff: Waits = None
    keep_for: KeepFor = None
    memory_bytes: MemoryBytes = None
    cpu_seconds: CpuSeconds = None
    max_output_bytes: MaxOutputBytes = None
    nice: Nice = None
    unique_key: UniqueKey = None
    unique: HeldUntil = None
    if_exists: IfExists = None
    concurrency_key: ConcurrencyKey = None
    max_per_key: MaxPerKey = None
    callback_url: str | None = Field(
        None, max_length=2000, description="address that is called at the end of the job"
    )
    metadata: Metadata | None = Field(
        None,
        description="a small JSON object that is stored and returned with the job",
        examples=[{"customer": 42}],
    )


class ScheduleBody(BaseModel):
    """A schedule to put. It replaces all of an earlier one."""

    model_config = _STRICT

    type: str = Field(description="name of the job type")
    payload: Json = Field(description="the input of each job, as its type defines it")
    cron: Annotated[str, AfterValidator(validate_cron)] | None = Field(
        None,
        description="when it is due: minute, hour, day of the month, month and day of the week, as"
        f" in {EXAMPLE}; with a sixth field, the first one is the second; or @hourly, @daily,"
        " @weekly, @monthly, @yearly",
    )
    every: int | None = Field(
        None,
        ge=MIN_EVERY,
        le=MAX_EVERY,
        description="instead of cron: seconds between two times at which it is due",
        examples=[3600],
        json_schema_extra=IN_SECONDS,
    )
    timezone: Annotated[str, AfterValidator(validate_timezone)] = Field(
        "UTC", description="time zone by whose clock cron is read, such as Europe/Berlin"
    )
    missed: Annotated[Missed, Field(strict=False)] = Field(
        Missed.ONCE,
        description="what happens to times at which no worker was running: once makes up for the"
        " last one, all for each one (the newest 100), skip for none that is more than a minute"
        " late",
    )
    overlap: Annotated[Overlap, Field(strict=False)] = Field(
        Overlap.SKIP,
        description="what happens while jobs of it are queued or running: skip submits no job,"
        " queue lets the new one wait for all of them, cancel_running also cancels them",
    )
    paused: bool = Field(False, description="true keeps it from being due until it is resumed")
    until: GivenTime | None = Field(None, description="it is not due after this time")
    options: Annotated[
        ScheduleOptions | None, Field(description="options of its jobs, as in a submission")
    ] = None


OPTIONS = frozenset(ScheduleOptions.model_fields)


class ScheduleChanges(ScheduleBody):
    """New values of some fields of a schedule (RFC 7396); null sets a field to its default."""

    type: str = Field("", description="name of the job type")
    payload: Json = Field({}, description="members of the input of each job to change")


def _require_cursor(text: str) -> str:
    try:
        return validate_queue_name(text)
    except ValueError:
        raise ValueError("not a cursor: use the value of `next` from the previous page") from None


class SchedulesQuery(Query):
    """The query parameters of the list of schedules."""

    limit: Whole = Field(
        50, ge=1, le=500, description="maximum number of schedules in the response; by default 50"
    )
    cursor: Annotated[str, AfterValidator(_require_cursor)] | None = Field(
        None, description="`next` from the previous response"
    )


def schedule_conflicts(document: Json) -> Iterator[FieldError]:
    """Yield the errors of fields of a schedule that contradict each other."""
    cron, every = document.get("cron"), document.get("every")
    if cron is None and every is None:
        detail = f'give cron, for example "{EXAMPLE}", or every, in seconds, for example 3600'
        yield FieldError("cron", detail, "missing")
    if cron is not None and every is not None:
        yield FieldError("every", "give either cron or every, not both")
    overlap = document.get("overlap", Overlap.SKIP)
    if document.get("missed") == Missed.ALL and overlap == Overlap.SKIP:
        detail = "missed: all submits several jobs at once, of which overlap: skip skips all but"
        yield FieldError("missed", f"{detail} the first: use overlap: queue, or missed: once")


def body_of(schedule: Schedule) -> Json:
    """Return a stored schedule as a client could put it."""
    settings = schedule.settings
    return {
        "type": settings.type,
        "payload": settings.payload,
        **vars(settings.timing),
        "missed": str(settings.missed),
        "overlap": str(settings.overlap),
        "paused": settings.paused,
        "until": rfc3339(settings.until),
        "options": settings.options,
    }


def merge_patch(old: JsonValue, patch: JsonValue) -> JsonValue:
    """Return a document after a patch (RFC 7396): members are merged, and null removes one."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(old) if isinstance(old, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def schedules_document(schedules: Sequence[Schedule], limit: int) -> SchedulesDocument:
    """Build one page of the list of schedules; with more than `limit`, there is a next page."""
    shown = schedules[:limit]
    heads = [_head(each, [] if each.next_at is None else [each.next_at]) for each in shown]
    return {"schedules": heads, "next": shown[-1].name if len(schedules) > limit else None}


def schedule_document(schedule: Schedule, recent: Sequence[Firing]) -> ScheduleDocument:
    """Build the document of a schedule."""
    times: list[int] = []
    if schedule.next_at is not None:
        times = [schedule.next_at]
        times += calendar_of(schedule).next(schedule.next_at, NEXT_TIMES - 1)
    return {
        **_head(schedule, times),
        "payload": schedule.settings.payload,
        "options": schedule.settings.options,
        "recent": [_firing(each) for each in recent],
    }


def schedule_etag(schedule: Schedule | None) -> str | None:
    """Return a tag of what clients change of a schedule; None for no schedule."""
    if schedule is None:
        return None
    return etag_of(encode_json([schedule.name, schedule.created_at, schedule.version]))


def _head(schedule: Schedule, times: Sequence[int]) -> ScheduleHeadDocument:
    settings, last = schedule.settings, schedule.last_job_id
    return {
        "name": schedule.name,
        "type": settings.type,
        "cron": settings.timing.cron,
        "every": settings.timing.every,
        "timezone": settings.timing.timezone,
        "missed": settings.missed,
        "overlap": settings.overlap,
        "paused": settings.paused,
        "until": rfc3339(settings.until),
        "next": [rfc3339(time) for time in times],
        "last_job_id": None if last is None else str(last),
        "created_by": schedule.created_by,
        "changed_by": schedule.changed_by,
        "created_at": rfc3339(schedule.created_at),
        "updated_at": rfc3339(schedule.changed_at),
        "version": schedule.version,
    }


def _firing(firing: Firing) -> FiringDocument:
    return {
        "nominal_at": rfc3339(firing.nominal_at),
        "fired_at": rfc3339(firing.fired_at),
        "job_id": None if firing.job_id is None else str(firing.job_id),
        "outcome": firing.outcome,
        "reason": firing.reason,
        "status": firing.job_status,
    }

"""Options that select jobs, and options of new jobs, for the commands that share them."""

import dataclasses
import json
import math
from typing import Annotated

import typer

from jobservice.cli import completion
from jobservice.cli.output import formats
from jobservice.cli.parameters import argument, option
from jobservice.json_values import Json, JsonValue


def seconds(text: str) -> float:
    """Read a duration of the command line."""
    try:
        return formats.parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def whole_seconds(text: str) -> int:
    """Read a duration of the command line in whole seconds."""
    return math.ceil(seconds(text))


def byte_size(text: str) -> int:
    """Read a number of bytes of the command line."""
    try:
        return formats.parse_size(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def json_value(text: str) -> JsonValue:
    """Read JSON of the command line."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"it is not JSON: {error}") from error


def json_object(text: str) -> Json:
    """Read a JSON object of the command line."""
    value = json_value(text)
    if not isinstance(value, dict):
        raise typer.BadParameter('it must be a JSON object such as {"customer": 42}')
    return value


OneType = Annotated[
    str | None,
    option("--type -t", "TYPE", "Jobs of this type.", ..., autocompletion=completion.job_types),
]
OneQueue = Annotated[
    str | None,
    option("--queue -q", "QUEUE", "Jobs of this queue.", ..., autocompletion=completion.queues),
]
Tags = Annotated[
    list[str] | None,
    option("--tag", "TAG", "Jobs with this tag; several: with all of them.", ...),
]
OneBatch = Annotated[str | None, option("--batch", "ID", "Jobs of the batch with this id.", ...)]
JobIds = Annotated[
    list[str] | None,
    argument(
        "[ID...]",
        "Ids, or 4 digits of their beginnings or ends.",
        autocompletion=completion.job_ids,
    ),
]
RequiredIds = Annotated[
    list[str],
    argument(
        "ID...", "Ids, or 4 digits of their beginnings or ends.", autocompletion=completion.job_ids
    ),
]


@dataclasses.dataclass
class Filters:
    """The filters of the API."""

    status: list[str] | None = option(
        "--status -s",
        "STATUS",
        "A status; several are allowed.",
        autocompletion=completion.statuses,
    )
    type: OneType = None
    queue: OneQueue = None
    schedule: str | None = option(
        "--schedule", "NAME", "Jobs of this schedule.", autocompletion=completion.schedules
    )
    submitted_by: str | None = option("--submitted-by", "NAME", "Jobs of this caller.")
    tag: Tags = None
    batch: OneBatch = None
    follows: str | None = option("--follows", "JOB", "Jobs that run after this one, by its id.")
    text: str | None = option("--text", "TEXT", "Text in payload, metadata, file name or id.")
    after: str | None = option("--after", "TIME", "Created at or after, such as 2030-01-31.")
    before: str | None = option("--before", "TIME", "Created before this time.")

    ended_after: str | None = option("--ended-after", "TIME", "Ended at or after this time.")
    ended_before: str | None = option("--ended-before", "TIME", "Ended before this time.")
    failure: str | None = option(
        "--failure",
        "ID",
        "Failed like the jobs of this group of `failures`.",
        autocompletion=completion.failures,
    )

    def given(self) -> Json:
        """The filters that are set, as the client names them."""
        values = {
            "status": [each for text in self.status or [] for each in text.split(",")],
            "type": self.type,
            "queue": self.queue,
            "schedule": self.schedule,
            "submitted_by": self.submitted_by,
            "tag": self.tag,
            "batch": self.batch,
            "after": self.follows,
            "text": self.text,
            "created_after": self.after,
            "created_before": self.before,
            "finished_after": self.ended_after,
            "finished_before": self.ended_before,
            "failure": self.failure,
        }
        return {name: value for name, value in values.items() if value}


@dataclasses.dataclass
class _Shared:
    """The options of single jobs and of schedules that can be changed while a job is queued."""

    queue: str | None = option(
        "--queue -q", "QUEUE", "Queue to wait in.", autocompletion=completion.queues
    )
    priority: int | None = option("--priority", "N", "-100 to 100; higher ones start first.")
    timeout: float | None = option(
        "--timeout", "TIME", "Kill an attempt after 90, 5m or 2h.", parser=seconds
    )
    delay: float | None = option("--delay", "TIME", "Start after 90, 5m, 2h or 1d.", parser=seconds)
    max_retries: int | None = option("--max-retries", "N", "Run again after errors, 0 to 100.")
    tags: list[str] | None = option("--tag", "TAG", "A name to find the job by; up to 20.")
    keep_for: float | None = option(
        "--keep-for", "TIME", "Delete it 2h or 30d after its end.", parser=seconds
    )
    memory_bytes: int | None = option(
        "--memory", "SIZE", "At most 512M or 2G of memory.", parser=byte_size
    )
    cpu_seconds: int | None = option(
        "--cpu-time", "TIME", "End an attempt after 90 or 5m of CPU time.", parser=whole_seconds
    )
    max_output_bytes: int | None = option(
        "--max-output", "SIZE", "Keep at most 4K of its output.", parser=byte_size
    )
    nice: int | None = option("--nice", "N", "Up to 19: less CPU time than other jobs.")

    def given(self) -> Json:
        """The options that are set, as the client names them."""
        values = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclasses.dataclass
class Changes(_Shared):
    """The options of a new job that can be changed while it is queued."""

    run_at: str | None = option("--run-at", "TIME", "Start at 2030-01-31T12:00:00Z.")


@dataclasses.dataclass
class ScheduleOptions(_Shared):
    """The options of the jobs of a schedule."""

    max_losses: int | None = option("--max-losses", "N", "Run again after lost workers, 0 to 100.")
    expires_in: float | None = option(
        "--expires-in", "TIME", "Cancel it unless it starts within 90, 5m or 2h.", parser=seconds
    )
    backoff: str | None = option(
        "--backoff",
        "JSON",
        'Seconds before retries: 30, [1,10,60] or {"base": 2, "max": 600}.',
        parser=json_value,
    )
    callback_url: str | None = option("--callback-url", "URL", "Call this at the end.")
    metadata: str | None = option(
        "--metadata", "JSON", "An object kept with the job.", parser=json_object
    )
    unique_key: str | None = option("--unique-key", "KEY", "Only one job at a time has this key.")
    unique: str | None = option(
        "--unique",
        "SCOPE",
        "How long: queued, running (default) or final.",
        autocompletion=completion.one_of("queued", "running", "final"),
    )
    if_exists: str | None = option(
        "--if-exists",
        "POLICY",
        "If a job has the key: refuse (default), return or replace it.",
        autocompletion=completion.one_of("refuse", "return", "replace"),
    )
    concurrency_key: str | None = option(
        "--concurrency-key", "KEY", "Few jobs with this key run at the same time."
    )
    max_per_key: int | None = option("--max-per-key", "N", "How many: 1 (default) to 1000.")


@dataclasses.dataclass
class JobOptions(ScheduleOptions, Changes):
    """The options of a new job."""

    expires_at: str | None = option("--expires-at", "TIME", "Cancel it unless it started before.")
    finish_by: str | None = option("--finish-by", "TIME", "Refuse it if it would end later.")
    after: list[str] | None = option(
        "--after",
        "JOB",
        "Start when this job has ended; repeat it for more.",
        autocompletion=completion.job_ids,
    )
    on_failure: str | None = option(
        "--on-failure",
        "POLICY",
        "If one of them fails: cancel (default) or run.",
        autocompletion=completion.one_of("cancel", "run"),
    )
    input_from: str | None = option(
        "--input-from",
        "JOB",
        "The result of this job becomes the field input.",
        autocompletion=completion.job_ids,
    )

"""Options that select jobs, and options of new jobs, for the commands that share them."""

import dataclasses
import json
import math
from typing import Annotated

import typer

from jobservice.cli import completion
from jobservice.cli.output import formats
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
    typer.Option(
        "--type",
        "-t",
        metavar="TYPE",
        autocompletion=completion.job_types,
        help="Jobs of this type.",
    ),
]
OneQueue = Annotated[
    str | None,
    typer.Option(
        "--queue",
        "-q",
        metavar="QUEUE",
        autocompletion=completion.queues,
        help="Jobs of this queue.",
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="Jobs with this tag; several: with all of them."),
]
OneBatch = Annotated[
    str | None, typer.Option("--batch", metavar="ID", help="Jobs of the batch with this id.")
]
JobIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID...]",
        autocompletion=completion.job_ids,
        help="Ids, or 4 digits of their beginnings or ends.",
    ),
]
RequiredIds = Annotated[
    list[str],
    typer.Argument(
        metavar="ID...",
        autocompletion=completion.job_ids,
        help="Ids, or 4 digits of their beginnings or ends.",
    ),
]


@dataclasses.dataclass
class Filters:
    """The filters of the API."""

    status: Annotated[
        list[str] | None,
        typer.Option(
            "--status",
            "-s",
            metavar="STATUS",
            autocompletion=completion.statuses,
            help="A status; several are allowed.",
        ),
    ] = None
    type: OneType = None
    queue: OneQueue = None
    schedule: Annotated[
        str | None,
        typer.Option(
            "--schedule",
            metavar="NAME",
            autocompletion=completion.schedules,
            help="Jobs of this schedule.",
        ),
    ] = None
    submitted_by: Annotated[
        str | None, typer.Option("--submitted-by", metavar="NAME", help="Jobs of this caller.")
    ] = None
    tag: Tags = None
    batch: OneBatch = None
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help="Text in payload, file name or id."),
    ] = None
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="TIME", help="Created at or after, such as 2030-01-31."),
    ] = None
    before: Annotated[
        str | None, typer.Option("--before", metavar="TIME", help="Created before this time.")
    ] = None

    ended_after: Annotated[
        str | None,
        typer.Option("--ended-after", metavar="TIME", help="Ended at or after this time."),
    ] = None
    ended_before: Annotated[
        str | None, typer.Option("--ended-before", metavar="TIME", help="Ended before this time.")
    ] = None
    failure: Annotated[
        str | None,
        typer.Option(
            "--failure",
            metavar="ID",
            autocompletion=completion.failures,
            help="Failed like the jobs of this group of `failures`.",
        ),
    ] = None

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

    queue: Annotated[
        str | None,
        typer.Option(
            "--queue",
            "-q",
            metavar="QUEUE",
            autocompletion=completion.queues,
            help="Queue to wait in.",
        ),
    ] = None
    priority: Annotated[
        int | None,
        typer.Option("--priority", metavar="N", help="-100 to 100; higher ones start first."),
    ] = None
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", metavar="TIME", parser=seconds, help="Kill an attempt after 90, 5m or 2h."
        ),
    ] = None
    delay: Annotated[
        float | None,
        typer.Option(
            "--delay", metavar="TIME", parser=seconds, help="Start after 90, 5m, 2h or 1d."
        ),
    ] = None
    max_retries: Annotated[
        int | None,
        typer.Option("--max-retries", metavar="N", help="Run again after errors, 0 to 100."),
    ] = None
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="TAG", help="A name to find the job by; up to 20."),
    ] = None
    keep_for: Annotated[
        float | None,
        typer.Option(
            "--keep-for", metavar="TIME", parser=seconds, help="Delete it 2h or 30d after its end."
        ),
    ] = None
    memory_bytes: Annotated[
        int | None,
        typer.Option(
            "--memory", metavar="SIZE", parser=byte_size, help="At most 512M or 2G of memory."
        ),
    ] = None
    cpu_seconds: Annotated[
        int | None,
        typer.Option(
            "--cpu-time",
            metavar="TIME",
            parser=whole_seconds,
            help="End an attempt after 90 or 5m of CPU time.",
        ),
    ] = None
    max_output_bytes: Annotated[
        int | None,
        typer.Option(
            "--max-output", metavar="SIZE", parser=byte_size, help="Keep at most 4K of its output."
        ),
    ] = None
    nice: Annotated[
        int | None,
        typer.Option("--nice", metavar="N", help="Up to 19: less CPU time than other jobs."),
    ] = None

    def given(self) -> Json:
        """The options that are set, as the client names them."""
        values = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclasses.dataclass
class Changes(_Shared):
    """The options of a new job that can be changed while it is queued."""

    run_at: Annotated[
        str | None,
        typer.Option("--run-at", metavar="TIME", help="Start at 2030-01-31T12:00:00Z."),
    ] = None


@dataclasses.dataclass
class ScheduleOptions(_Shared):
    """The options of the jobs of a schedule."""

    max_losses: Annotated[
        int | None,
        typer.Option("--max-losses", metavar="N", help="Run again after lost workers, 0 to 100."),
    ] = None
    expires_in: Annotated[
        float | None,
        typer.Option(
            "--expires-in",
            metavar="TIME",
            parser=seconds,
            help="Cancel it unless it starts within 90, 5m or 2h.",
        ),
    ] = None
    backoff: Annotated[
        str | None,
        typer.Option(
            "--backoff",
            metavar="JSON",
            parser=json_value,
            help='Seconds before retries: 30, [1,10,60] or {"base": 2, "max": 600}.',
        ),
    ] = None
    callback_url: Annotated[
        str | None, typer.Option("--callback-url", metavar="URL", help="Call this at the end.")
    ] = None
    metadata: Annotated[
        str | None,
        typer.Option(
            "--metadata", metavar="JSON", parser=json_object, help="An object kept with the job."
        ),
    ] = None
    unique_key: Annotated[
        str | None,
        typer.Option("--unique-key", metavar="KEY", help="Only one job at a time has this key."),
    ] = None
    unique: Annotated[
        str | None,
        typer.Option(
            "--unique",
            metavar="SCOPE",
            autocompletion=completion.one_of("queued", "running", "final"),
            help="How long: queued, running (default) or final.",
        ),
    ] = None
    if_exists: Annotated[
        str | None,
        typer.Option(
            "--if-exists",
            metavar="POLICY",
            autocompletion=completion.one_of("refuse", "return", "replace"),
            help="If a job has the key: refuse (default), return or replace it.",
        ),
    ] = None
    concurrency_key: Annotated[
        str | None,
        typer.Option(
            "--concurrency-key", metavar="KEY", help="Few jobs with this key run at the same time."
        ),
    ] = None
    max_per_key: Annotated[
        int | None,
        typer.Option("--max-per-key", metavar="N", help="How many: 1 (default) to 1000."),
    ] = None


@dataclasses.dataclass
class JobOptions(ScheduleOptions, Changes):
    """The options of a new job."""

    expires_at: Annotated[
        str | None,
        typer.Option("--expires-at", metavar="TIME", help="Cancel it unless it started before."),
    ] = None
    finish_by: Annotated[
        str | None,
        typer.Option("--finish-by", metavar="TIME", help="Refuse it if it would end later."),
    ] = None
    after: Annotated[
        list[str] | None,
        typer.Option(
            "--after",
            metavar="JOB",
            autocompletion=completion.job_ids,
            help="Start when this job has ended; repeat it for more.",
        ),
    ] = None
    on_failure: Annotated[
        str | None,
        typer.Option(
            "--on-failure",
            metavar="POLICY",
            autocompletion=completion.one_of("cancel", "run"),
            help="If one of them fails: cancel (default) or run.",
        ),
    ] = None
    input_from: Annotated[
        str | None,
        typer.Option(
            "--input-from",
            metavar="JOB",
            autocompletion=completion.job_ids,
            help="The result of this job becomes the field input.",
        ),
    ] = None

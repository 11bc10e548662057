"""Commands that follow jobs: `watch`, `logs`, `wait`."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jobservice.cli import completion, exits, ids
from jobservice.cli.command import command
from jobservice.cli.commands.details import JobId
from jobservice.cli.options import JobIds, OneBatch, OneQueue, OneType, Tags, seconds
from jobservice.cli.output import formats
from jobservice.cli.output.console import STYLES, Cell, Output, status_cell
from jobservice.cli.output.progress import JobProgress
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session
from jobservice.errors import JobCanceled, WaitTimeout
from jobservice.json_values import Json

if TYPE_CHECKING:
    from jobservice import Event, Job, LogEntry

WatchedId = Annotated[
    str | None,
    argument("[ID]", "Job to watch; without it, all jobs.", autocompletion=completion.job_ids),
]
OneStatus = Annotated[
    str | None,
    option(
        "--status -s", "STATUS", "Changes to this status.", ..., autocompletion=completion.statuses
    ),
]

LEVEL_STYLES: dict[str | None, str] = {
    "debug": "dim",
    "warning": "yellow",
    "error": "red",
    "critical": "bold red",
}
"""Colors of log entries."""
SHOWN = ("status", "deadline")
"""The events that have a line of their own."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "watch", ("watch 6af1b43d", "watch --type analyze --status failed"))(watch)
    command(app, "logs", ("logs 6af1b43d", "logs -f 6af1b43d", "logs 6af1b43d --level warning"))(
        logs
    )
    wait_examples = ("wait 6af1b43d 7bc2 --timeout 5m", "wait --tag nightly")
    command(app, "wait", wait_examples)(wait)


def watch(
    session: Session,
    job_id: WatchedId = None,
    type: OneType = None,
    queue: OneQueue = None,
    status: OneStatus = None,
    tag: Tags = None,
    batch: OneBatch = None,
) -> int:
    """Print each change of a job until it ends, or the changes of all jobs until Ctrl-C.

    The exit code of `jobservice watch ID` tells how the job ended.
    """
    if job_id is not None and (type or queue or status or tag or batch):
        raise typer.BadParameter("options filter the changes of all jobs, so they need no ID")
    client = session.patient_client
    if job_id is not None:
        return _watch_job(session, client.get(ids.resolve(client, job_id)))
    session.output.hint("Waiting for changes; Ctrl-C ends.")
    for event in client.events(type=type, queue=queue, status=status, tag=tag, batch=batch):
        if event.name in SHOWN or session.output.as_json:
            print_event(session.output, event, with_job=True)
    return exits.SUCCEEDED


def _watch_job(session: Session, job: "Job") -> int:
    last = job.status
    with JobProgress(session.output, formats.short_id(job.id)) as progress:
        for event in job.events():
            if event.name in ("status", "progress"):
                last = event.data["status"]
                if last not in exits.OF_STATUS:
                    progress.changed(last, event.data.get("progress"))
            if event.name == "end":
                last = event.data["status"] or last
            if event.name in (*SHOWN, "end") or session.output.as_json:
                print_event(session.output, event, with_job=False)
    return exits.OF_STATUS.get(last, exits.FAILED)


def print_event(output: Output, event: "Event", with_job: bool) -> None:
    """Print an event as a line: time, job, status, and what belongs to the status."""
    data = event.data
    if output.as_json:
        output.item({"event": event.name, "id": event.id, "data": data})
        return
    if event.name not in SHOWN:
        return
    cells: list[Cell] = [formats.clock()]
    if with_job:
        job_id = str(data["job_id"])
        cells += [formats.short_id(job_id) if output.on_terminal else job_id, data["type"]]
    status = str(data["status"])
    text = about(data) if event.name == "status" else _about_deadline(data)
    output.cells([*cells, (f"{status:<9}", STYLES.get(status, "")), text])


def _about_deadline(data: Json) -> str:
    return f"missed its deadline {formats.moment(data.get('finish_by'))}".rstrip()


def about(data: Json) -> str:
    """The runner of the attempt, or the error of the last attempt."""
    if data["status"] == "running":
        asked = ", cancel requested" if data.get("cancel_requested_at") else ""
        return f"attempt {data['attempt']} on {data.get('runner')}{asked}"
    if data.get("error"):
        return f"{data['error']['type']}: {data['error']['message']}".splitlines()[0]
    return ""


def logs(
    session: Session,
    job_id: JobId,
    follow: bool = flag("--follow -f", "Go on until the job ends."),
    attempt: int | None = option("--attempt", "N", "An attempt; the newest by default.", min=1),
    level: Literal["debug", "info", "warning", "error", "critical"] | None = option(
        "--level -l", None, "Log entries of this level or a higher one."
    ),
    stream: Literal["stdout", "stderr", "log"] | None = option(
        "--stream", None, "What was printed to this stream, or logged."
    ),
) -> None:
    """Print what a job has printed and logged.

    A terminal shows warnings and errors in color. With --json, each line is a log entry.
    """
    output = session.output
    client = session.patient_client if follow else session.client
    job = client.get(ids.resolve(client, job_id))
    if output.as_json or output.on_terminal:
        for entry in job.log_entries(follow, attempt, level=level, stream=stream):
            _print_entry(output, job.id, entry)
        return
    for line in job.logs(follow, attempt, level=level, stream=stream):
        sys.stdout.buffer.write(line.encode(errors="replace"))
        sys.stdout.buffer.flush()


def _print_entry(output: Output, job_id: str, entry: "LogEntry") -> None:
    if output.as_json:
        output.item({"job_id": job_id, "text": entry.text, **entry.raw})
    elif style := LEVEL_STYLES.get(entry.level):
        output.styled(formats.printable_output(entry.text), style)
    else:
        output.write(formats.printable_output(entry.text))


def wait(
    session: Session,
    job_ids: JobIds = None,
    tag: Tags = None,
    timeout: float | None = option("--timeout", "TIME", "At most 90, 5m or 2h.", parser=seconds),
) -> int:
    """Wait for jobs to end, and print how each of them ended.

    With --tag, it waits for the jobs that are queued or running now. The exit code is 1 if a job
    failed, 3 if none failed but one was canceled, 124 after --timeout.
    """
    output = session.output
    client = session.patient_client
    if bool(job_ids) == bool(tag):
        raise typer.BadParameter("name the jobs to wait for by their ids, or by --tag")
    jobs = [client.get(job_id) for job_id in ids.resolve_all(client, job_ids or [])]
    if tag:
        jobs = list(client.list(tag=tag, status=["queued", "running"]))
    if not jobs:
        output.hint("No queued or running jobs.")
    try:
        for job in client.as_completed(jobs, timeout=timeout):
            _print_end(output, job)
    except WaitTimeout:
        unfinished = [job.id for job in jobs if not job.is_final]
        output.error(WaitTimeout(f"not final in time: {', '.join(unfinished)}"))
        return exits.TIMEOUT
    return exits.of_statuses([job.status for job in jobs])


def _print_end(output: Output, job: "Job") -> None:
    if output.as_json:
        output.item(job.data.raw)
        return
    error = JobCanceled(job).error if job.status == "canceled" else job.data.error
    reason = [f"{error.type}: {error.message}".splitlines()[0]] if error else []
    output.cells([job.id, status_cell(job.status), *reason])

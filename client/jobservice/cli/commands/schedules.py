"""`jobservice schedules` and its subcommands."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import completion, exits, payloads, program
from jobservice.cli.command import command, default_command
from jobservice.cli.options import ScheduleOptions, seconds
from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell, Output, status_cell
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session
from jobservice.errors import ApiError

if TYPE_CHECKING:
    from jobservice import FiringData, ScheduleData

COLUMNS = ("SCHEDULE", "TYPE", "FIRES", "NEXT", "STATE")
FIRING_COLUMNS = ("DUE", "OUTCOME", "STATUS", "JOB", "NOTE")
Name = Annotated[
    str,
    argument("NAME", "Name of a schedule.", autocompletion=completion.schedules),
]
Names = Annotated[
    list[str],
    argument("NAME...", "Names of schedules.", autocompletion=completion.schedules),
]


@dataclass
class Times:
    """When a schedule fires; None is the default of the service."""

    cron: str | None = option("--cron", "TEXT", "Fire at these times: '30 2 * * *', @daily.")
    every: float | None = option("--every", "TIME", "Fire every 30s, 5m or 2h.", parser=seconds)
    timezone: str | None = option("--timezone", "NAME", "Zone of --cron, such as Europe/Berlin.")
    missed: str | None = option(
        "--missed",
        "HOW",
        "Make up for missed times: skip, once, all.",
        autocompletion=completion.one_of("skip", "once", "all"),
    )
    overlap: str | None = option(
        "--overlap",
        "HOW",
        "While the last job goes on: skip, queue, cancel_running.",
        autocompletion=completion.one_of("skip", "queue", "cancel_running"),
    )
    until: str | None = option("--until", "TIME", "Fire until 2030-01-31T12:00:00Z.")
    paused: bool = flag("--paused", "Do not fire yet.")


app = typer.Typer(rich_markup_mode=None)


def list_schedules(session: Session) -> None:
    """List schedules; the subcommands show and change them."""
    output = session.output
    if output.as_json:
        for each in session.client.schedules.list():
            output.item(dict(each.raw))
    elif rows := [_row(each) for each in session.client.schedules.list()]:
        output.table(COLUMNS, rows)
    else:
        output.hint("No schedules.")


def _row(found: "ScheduleData") -> list[Cell]:
    following = formats.moment(found.next[0]) if found.next else ""
    return [found.name, found.type, _times(found), following, _state(found)]


def _times(found: "ScheduleData") -> str:
    """Say when a schedule fires: 30 2 * * * UTC, or every 5 m."""
    if found.every is not None:
        return f"every {formats.duration(found.every)}"
    return f"{found.cron} {found.timezone}"


def _state(found: "ScheduleData") -> Cell:
    if found.paused:
        return status_cell("paused")
    return "active" if found.next else "over"


def show(session: Session, name: Name) -> None:
    """Show a schedule: its options, its next times, and its newest firings."""
    found = session.client.schedules.get(name)
    output = session.output
    if output.as_json:
        output.document(dict(found.raw))
        return
    _show_fields(output, found)
    if found.recent:
        output.line()
        output.table(FIRING_COLUMNS, [_firing(output, each) for each in found.recent])


def _show_fields(output: Output, found: "ScheduleData") -> None:
    by = f" by {found.created_by}" if found.created_by else ""
    fields: dict[str, Cell] = {
        "schedule": found.name,
        "state": _state(found),
        "fires": _times(found),
        "until": formats.moment(found.until),
        "missed": found.missed,
        "overlap": found.overlap,
        "type": found.type,
        "payload": json.dumps(found.payload, ensure_ascii=False),
        "options": json.dumps(found.options, ensure_ascii=False) if found.options else "",
        "created": formats.moment(found.created_at) + by,
        "next": ", ".join(formats.moment(each) for each in found.next),
    }
    output.fields((name, value) for name, value in fields.items() if value)


def _firing(output: Output, firing: "FiringData") -> list[Cell]:
    job_id = firing.job_id or ""
    return [
        formats.moment(firing.nominal_at),
        firing.outcome,
        status_cell(firing.status or ""),
        formats.short_id(job_id) if job_id and output.on_terminal else job_id,
        firing.reason or "",
    ]


def put(
    session: Session,
    name: Name,
    type: str = argument("TYPE", "Type of its jobs.", autocompletion=completion.job_types),
    payload: list[str] | None = argument(
        "[KEY=VALUE | @FILE.json | -]...", "Payload of its jobs.", None
    ),
    new: bool = flag("--new", "A schedule that exists is an error."),
    *,
    times: Times,
    options: ScheduleOptions,
) -> None:
    """Create a schedule, or replace all of it. It submits a job each time it fires.

    The payload is given as for `submit`, and the options are those of its jobs.
    """
    values = payloads.read(payload or [])
    try:
        given = asdict(times) | options.given()
        found = session.client.schedules.put(name, type, values, only_new=new, **given)
    except ApiError as error:
        if error.code != "precondition_failed":
            raise
        raise exits.CommandError(f"there is a schedule {name!r} already") from None
    _report(session, found)


def pause(session: Session, names: Names) -> int:
    """Pause schedules: they do not fire. Their jobs go on."""
    client = session.client
    return session.try_each(names, lambda name: _report(session, client.schedules.pause(name)))


def resume(session: Session, names: Names) -> int:
    """Let paused schedules fire again, from their next times on."""
    client = session.client
    return session.try_each(names, lambda name: _report(session, client.schedules.resume(name)))


def run(session: Session, name: Name) -> None:
    """Submit a job of a schedule now, also if it is paused, and print the id of the job."""
    job = session.client.schedules.run(name)
    if session.output.as_json:
        session.output.document({"job_id": job.id, "status": job.status})
        return
    session.output.line(job.id)
    session.output.hint(f"Follow it with: {program.name()} watch {job.id}")


def delete(session: Session, names: Names) -> int:
    """Delete schedules. Their jobs stay."""
    return session.delete_each(names, session.client.schedules.delete)


def _report(session: Session, found: "ScheduleData") -> None:
    """Print a schedule after a change."""
    if session.output.as_json:
        session.output.item(dict(found.raw))
        return
    state = "paused" if found.paused else "over"
    if found.next and not found.paused:
        state = f"next at {formats.moment(found.next[0])}"
    session.output.line(f"{found.name}  {_times(found)}, {state}")


default_command(app)(list_schedules)
command(app, "list", ("schedules list",))(list_schedules)
command(app, "show", ("schedules show nightly",))(show)
put_examples = (
    "schedules put nightly report kind=full --cron '30 2 * * *'",
    "schedules put poll fetch url=https://example.org --every 5m --tag poll",
)
command(app, "put", put_examples)(put)
command(app, "pause", ("schedules pause nightly poll",))(pause)
command(app, "resume", ("schedules resume nightly",))(resume)
command(app, "run", ("schedules run nightly",))(run)
command(app, "delete", ("schedules delete nightly",))(delete)

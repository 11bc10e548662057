"""`jobservice queues` and its subcommands."""

from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import completion, exits
from jobservice.cli.command import command, default_command
from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell, status_cell
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session
from jobservice.errors import ApiError

if TYPE_CHECKING:
    from jobservice import QueueData

COLUMNS = ("QUEUE", "RUNNING", "LIMIT", "QUEUED", "OLDEST", "STATE")
SCALE_COLUMNS = ("QUEUE", "WANTED", "RUNNING", "DUE")
NUMBERS = ("RUNNING", "LIMIT", "QUEUED", "OLDEST")
Names = Annotated[
    list[str],
    argument("NAME...", "Names of queues.", autocompletion=completion.queues),
]
Name = Annotated[str, argument("NAME", "Name of a queue.")]

app = typer.Typer(rich_markup_mode=None)


def list_queues(session: Session) -> None:
    """List queues; the subcommands change them."""
    found = session.client.queues()
    if session.output.as_json:
        for queue in found:
            session.output.item(dict(queue.raw))
    else:
        session.output.table(COLUMNS, [row(queue) for queue in found], right=NUMBERS)


def row(queue: "QueueData") -> list[Cell]:
    """The cells of a queue."""
    return [
        queue.name,
        formats.number(queue.running),
        formats.number(queue.max_running) or "none",
        formats.number(queue.queued) + ("+" if queue.queued_is_more else ""),
        formats.duration(queue.oldest_due_seconds),
        status_cell("paused") if queue.paused else "open",
    ]


def create(
    session: Session,
    name: Name,
    max_running: int | None = option("--max-running", "N", "Jobs that may run at once.", min=1),
    paused: bool = flag("--paused", "It starts no jobs yet."),
) -> None:
    """Create a queue. One that exists already is an error."""
    put = session.client.put_queue
    try:
        queue = put(name, max_running=max_running, paused=paused, only_new=True)
    except ApiError as error:
        if error.code != "precondition_failed":
            raise
        raise exits.CommandError(f"there is a queue {name!r} already") from None
    _report(session, queue)


def pause(session: Session, names: Names) -> None:
    """Pause queues: they start no jobs. Running jobs go on."""
    for name in names:
        _report(session, session.client.change_queue(name, paused=True))


def resume(session: Session, names: Names) -> None:
    """Let paused queues start jobs again."""
    for name in names:
        _report(session, session.client.change_queue(name, paused=False))


def limit(
    session: Session,
    name: Name,
    max_running: str = argument("N", "Jobs that may run at once, or none."),
) -> None:
    """Limit how many jobs of a queue run at once, in all workers together."""
    if max_running != "none" and not max_running.isdecimal():
        raise typer.BadParameter(f"{max_running!r} is neither a whole number nor none")
    wanted = None if max_running == "none" else int(max_running)
    _report(session, session.client.change_queue(name, max_running=wanted))


def scale(
    session: Session,
    names: list[str] | None = argument(
        "[NAME]...", "By default all.", None, autocompletion=completion.queues
    ),
    within: float | None = option(
        "--within",
        "TIME",
        "Count what becomes due within 90s or 5m.",
        parser=formats.parse_duration,
    ),
    per_worker: int | None = option(
        "--per-worker", "N", "Print only how many workers with N slots each are wanted.", min=1
    ),
) -> None:
    """Say how many slots the jobs of queues could use now, for autoscaling."""
    found = session.client.scale(names or (), within=within or 0.0)
    if per_worker is not None:
        session.output.line(str(found.workers(per_worker)))
    elif session.output.as_json:
        session.output.document(dict(found.raw))
    else:
        rows = [
            [each.name, *map(formats.number, (each.slots_wanted, each.running, each.due))]
            for each in found.queues
        ]
        session.output.table(SCALE_COLUMNS, rows, right=SCALE_COLUMNS[1:])
        wanted = formats.counted(found.slots_wanted, "slot")
        session.output.line(f"{wanted} wanted, {found.slots} there")


def delete(session: Session, names: Names) -> int:
    """Delete queues without queued or running jobs."""
    return session.delete_each(names, session.client.delete_queue)


def _report(session: Session, queue: "QueueData") -> None:
    """Print a queue after a change."""
    if session.output.as_json:
        session.output.item(dict(queue.raw))
        return
    limited = f"limit {queue.max_running}" if queue.max_running is not None else "no limit"
    session.output.line(f"{queue.name}  {'paused' if queue.paused else 'open'}, {limited}")


default_command(app)(list_queues)
command(app, "create", ("queues create gpu --max-running 2",))(create)
command(app, "pause", ("queues pause gpu",))(pause)
command(app, "resume", ("queues resume gpu",))(resume)
command(app, "limit", ("queues limit gpu 4", "queues limit gpu none"))(limit)
command(app, "scale", ("queues scale", "queues scale gpu --per-worker 3"))(scale)
command(app, "delete", ("queues delete gpu",))(delete)

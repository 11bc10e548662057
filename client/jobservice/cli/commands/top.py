"""`jobservice top`: the whole service at a glance."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobservice.cli import exits
from jobservice.cli.command import command
from jobservice.cli.commands.lists import COLUMNS, row
from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell, Output, build_table
from jobservice.cli.session import Session
from jobservice.errors import JobServiceError
from jobservice.json_values import JsonValue

if TYPE_CHECKING:
    from rich.console import Group

    from jobservice import Job

SHOWN_JOBS = 10
SHOWN_WORKERS = 20
WORKER_COLUMNS = ("WORKER", "BUSY", "SLOTS", "UP", "STATE")
TYPE_COLUMNS = ("TYPE", "QUEUED", "RUNNING", "PER SECOND", "SUCCEEDED", "FAILED", "CANCELED")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "top", ("top", "top --interval 5", "top --json"))(top)


def top(
    session: Session,
    interval: Annotated[
        float, typer.Option("--interval", min=0.2, metavar="SECONDS", help="Time between looks.")
    ] = 2.0,
) -> int:
    """Watch the whole service: slots, jobs by type, and running jobs. Ctrl-C ends.

    Without a terminal, and with --json, it prints the present state once.
    """
    output = session.output
    if output.as_json:
        output.document(session.client.overview())
        return exits.SUCCEEDED
    if not output.on_terminal:
        view = View(session.address.url)
        view.update(session.client.overview(), _running(session), time.monotonic())
        view.print(output)
        return exits.SUCCEEDED
    return _live(session, interval)


def _live(session: Session, interval: float) -> int:
    """Update the terminal until Ctrl-C. An unreachable service is shown, and asked again."""
    from rich.live import Live

    view = View(session.address.url)
    view.update(session.client.overview(), _running(session), time.monotonic())
    try:
        with Live(view.render(), console=session.output.console, screen=True) as live:
            while True:
                time.sleep(interval)
                try:
                    view.update(session.client.overview(), _running(session), time.monotonic())
                except JobServiceError as error:
                    view.problem = exits.message_of(error)
                live.update(view.render(), refresh=True)
    except KeyboardInterrupt:
        return exits.INTERRUPTED


def _running(session: Session) -> list["Job"]:
    return list(session.client.list(status="running", limit=SHOWN_JOBS))


class View:
    """What `jobservice top` shows."""

    def __init__(self, url: str):
        self.problem = ""
        self._url = url
        self._overview: Mapping[str, JsonValue] = {}
        self._running: list[Job] = []
        self._rates: dict[str, float | None] = {}
        self._seen_at = 0.0

    def update(self, overview: Mapping[str, JsonValue], running: list["Job"], now: float) -> None:
        """Take the present state; the rates are those since the state before."""
        for name, figures in overview["types"].items():
            before = self._overview.get("types", {}).get(name)
            ended = _finished(figures) - _finished(before) if before else None
            self._rates[name] = None if ended is None else ended / max(now - self._seen_at, 0.001)
        self._overview, self._running, self._seen_at = overview, running, now
        self.problem = ""

    def heading(self) -> str:
        """One line: the workers, or the present problem."""
        if self.problem:
            return f"{self._url}  {self.problem}"
        overview = self._overview
        stale = sum(runner["stale"] for runner in overview["runners"])
        count = len(overview["runners"])
        workers = formats.counted(count, "worker")
        workers += f", {stale} not responding" if stale else ""
        busy = f"{overview['busy']} of {formats.counted(overview['slots'], 'slot')} busy"
        paused = [queue["name"] for queue in overview["queues"] if queue["paused"]]
        parts = [self._url, formats.clock(), workers, busy]
        return "  ".join(parts + ([f"paused: {', '.join(paused)}"] if paused else []))

    def type_rows(self) -> list[list[Cell]]:
        """The cells of the table of job types."""
        return [
            [
                name,
                formats.number(figures["queued"]),
                formats.number(figures["running"]),
                "" if (rate := self._rates[name]) is None else f"{rate:,.1f}",
                *(
                    formats.number(figures["finished"][status])
                    for status in ("succeeded", "failed", "canceled")
                ),
            ]
            for name, figures in self._overview["types"].items()
        ]

    def worker_rows(self, only_silent: bool = False) -> list[list[Cell]]:
        """Return the cells of the table of workers. Workers that do not respond come first."""
        runners = sorted(self._overview["runners"], key=lambda each: not each["stale"])
        return [
            [
                each["name"],
                formats.number(each["busy"]),
                formats.number(each["slots"]),
                formats.duration(_seconds_since(each["started_at"])),
                _worker_state(each),
            ]
            for each in runners
            if each["stale"] or not only_silent
        ]

    def print(self, output: Output) -> None:
        """Print it once."""
        output.line(self.heading())
        if workers := self.worker_rows():
            output.line()
            output.table(WORKER_COLUMNS, workers[:SHOWN_WORKERS], right=WORKER_COLUMNS[1:4])
        output.line()
        output.table(TYPE_COLUMNS, self.type_rows(), right=TYPE_COLUMNS[1:])
        if self._running:
            output.line()
            rows = [row(job, is_short=False) for job in self._running]
            output.table(COLUMNS, rows, right=["RAN"])

    def render(self) -> "Group":
        """Build it for rich."""
        from rich.console import Group
        from rich.text import Text

        heading = Text(formats.printable(self.heading()), style="red" if self.problem else "bold")
        silent = self.worker_rows(only_silent=True)[:SHOWN_WORKERS]
        types = build_table(TYPE_COLUMNS, self.type_rows(), right=TYPE_COLUMNS[1:])
        rows = [row(job, is_short=True) for job in self._running]
        parts: list[Any] = [types, "", build_table(COLUMNS, rows, right=["RAN"])]
        if silent:
            parts = [build_table(WORKER_COLUMNS, silent, right=WORKER_COLUMNS[1:4]), "", *parts]
        return Group(heading, "", *parts)


def _worker_state(runner: Mapping[str, JsonValue]) -> Cell:
    """Whether a worker responds; one that does not hangs or is stopped."""
    age = runner["heartbeat_age"]
    if not runner["stale"]:
        return "responds"
    return "silent" if age is None else f"silent for {formats.duration(age)}", "red"


def _seconds_since(text: str) -> float:
    started = formats.parse_time(text)
    assert started
    return max(0.0, time.time() - started.timestamp())


def _finished(figures: Mapping[str, JsonValue]) -> int:
    return sum(figures["finished"].values())

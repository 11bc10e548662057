"""`jobservice failures` and its subcommands."""

import dataclasses
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import completion
from jobservice.cli.command import command, default_command
from jobservice.cli.commands.changes import DryRun, Yes, change_selected
from jobservice.cli.options import OneQueue, OneType, Tags
from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell
from jobservice.cli.parameters import argument, option
from jobservice.cli.session import Session
from jobservice.json_values import Json

if TYPE_CHECKING:
    from jobservice import FailureData, Failures

COLUMNS = ("FAILURE", "JOBS", "TYPE", "ERROR", "FIRST", "LAST", "MESSAGE")
MAX_MESSAGE = 60
_DATE = re.compile(r"\d{4}-\d")

app = typer.Typer(rich_markup_mode=None)


def since(text: str) -> object:
    """Read a time, or how long ago it was. The service reads what begins as a date."""
    try:
        return timedelta(seconds=formats.parse_duration(text))
    except ValueError:
        if _DATE.match(text):
            return text
        known = "a duration such as 30m, 24h or 7d, nor a time such as 2030-01-31T12:00:00Z"
        raise typer.BadParameter(f"{text!r} is neither {known}") from None


Since = Annotated[
    str | None,
    option(
        "--since",
        "TIME",
        "Failed in the last 30m, 2h or 7d, or since 2030-01-31.",
        ...,
        parser=since,
    ),
]


@dataclasses.dataclass
class FailureFilters:
    """The filters of failures."""

    type: OneType = None
    queue: OneQueue = None
    tag: Tags = None
    since: Since = None

    def given(self) -> Json:
        """The filters that are set, as the client names them."""
        values = {"type": self.type, "queue": self.queue, "tag": self.tag, "since": self.since}
        return {name: value for name, value in values.items() if value is not None}


Limit = Annotated[int | None, option("--limit -n", "N", "Most groups.", ..., min=1, max=500)]
Everything = Annotated[
    bool,
    option("--all", None, "Look at all failures, not only at the latest ones; may take long.", ...),
]


def list_failures(
    session: Session,
    filters: FailureFilters,
    limit: Limit = None,
    everything: Everything = False,
) -> None:
    """Group failed jobs by type and error; numbers and ids count as equal, and are shown as #.

    The group with the most jobs comes first. `list --failure ID` lists its jobs.
    """
    client, output = session.client, session.output
    found = client.failures.list(**filters.given(), limit=limit, everything=everything)
    if output.as_json:
        for group in found.groups:
            output.item(dict(group.raw))
    elif found.groups:
        rows = [row(session, group) for group in found.groups]
        output.table(COLUMNS, rows, right=("JOBS",))
    else:
        output.hint("No failures.")
    for note in notes(found):
        output.note(note)


def row(session: Session, group: "FailureData") -> list[Cell]:
    """The cells of a group."""
    return [
        group.failure,
        formats.number(group.count),
        group.type,
        (group.error_type, "red"),
        formats.moment(group.first_at),
        formats.moment(group.last_at),
        session.output.shortened(group.message, MAX_MESSAGE),
    ]


def notes(found: "Failures") -> list[str]:
    """Return sentences that say which failures the list leaves out."""
    lines = []
    if found.looked_back_to is not None:
        moment = formats.moment(found.looked_back_to)
        lines.append(f"Jobs that failed before {moment} were not looked at; --all looks at all.")
    if (more := found.group_count - len(found.groups)) > 0:
        groups = formats.counted(more, "group")
        lines.append(f"{groups} more; --limit shows up to 500.")
    return lines


def retry(
    session: Session,
    failure: str = argument(
        "ID", "The first column of the list.", autocompletion=completion.failures
    ),
    queue: OneQueue = None,
    tag: Tags = None,
    since: Since = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Run all jobs of a group again, or those that filters select."""
    given: Json = {"failure": failure, "queue": queue, "tag": tag, "since": since}
    return change_selected(session, "retry", session.client.failures.retry, given, yes, dry_run)


default_command(app)(list_failures)
list_examples = ("failures list --since 24h", "failures list --type analyze --queue nightly")
command(app, "list", list_examples)(list_failures)
command(app, "retry", ("failures retry 3f9a0c1d2b4e5f60 --since 2h",))(retry)

"""`jobservice list`."""

from typing import TYPE_CHECKING

import typer

from jobservice.cli import program
from jobservice.cli.command import command
from jobservice.cli.options import Filters
from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell, status_cell
from jobservice.cli.parameters import flag, option
from jobservice.cli.session import Session

if TYPE_CHECKING:
    from jobservice import Job

DEFAULT_LIMIT = 50
COLUMNS = ("ID", "TYPE", "STATUS", "CREATED", "RAN", "QUEUE", "NOTE")


def register(app: typer.Typer) -> None:
    """Add the command."""
    examples = (
        "list --status failed,canceled --after 2030-01-31",
        "list --type analyze --text ERROR --limit 10 --json",
        f"list --status failed --all --ids | xargs {program.name()} retry",
    )
    command(app, "list", examples)(list_jobs)


def list_jobs(
    session: Session,
    filters: Filters,
    limit: int = option("--limit -n", "N", "At most N jobs.", DEFAULT_LIMIT, min=1),
    every: bool = flag("--all", "All jobs; there is no limit."),
    ids: bool = flag("--ids", "Print only the ids."),
) -> None:
    """List jobs, newest first, that all filters select.

    On a terminal, ids are shortened to their ends, which all commands accept.
    """
    output = session.output
    jobs = session.client.list(limit=None if every else limit, **filters.given())
    if output.as_json:
        for job in jobs:
            output.item(job.id if ids else job.data.raw)
    elif ids:
        for job in jobs:
            output.line(job.id)
    elif rows := [row(job, is_short=output.on_terminal) for job in jobs]:
        output.table(COLUMNS, rows, right=["RAN"])
        if not every and len(rows) == limit:
            output.hint(f"There may be more: --all, or --limit above {limit}.")
    else:
        output.hint("No jobs.")


def row(job: "Job", is_short: bool) -> list[Cell]:
    """The cells of one job."""
    data = job.data
    return [
        formats.short_id(job.id) if is_short else job.id,
        data.type,
        status_cell(job.status),
        formats.moment(data.created_at),
        formats.run_time(data),
        data.queue,
        note(job),
    ]


def note(job: "Job") -> str:
    """The error of a job, or else its file."""
    data = job.data
    if data.error and data.status != "canceled":
        return f"{data.error.type}: {data.error.message}".splitlines()[0]
    return data.upload.name if data.upload else ""

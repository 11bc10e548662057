"""`jobservice audit`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import exits, ids
from jobservice.cli.command import command
from jobservice.cli.commands.failures import since
from jobservice.cli.output import formats
from jobservice.cli.output.console import Cell
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session

if TYPE_CHECKING:
    from jobservice import AuditEntry

DEFAULT_LIMIT = 50
COLUMNS = ("TIME", "CALLER", "ADDRESS", "ACTION", "KIND", "SUBJECT", "DETAIL")
MAX_DETAIL = 60

Subject = Annotated[
    str | None,
    argument(
        "[SUBJECT]", "Id of a job or batch, or name of a queue, schedule, pattern set or token."
    ),
]
Since = Annotated[
    str | None,
    option("--since", "TIME", "In the last 30m, 2h or 7d, or a time.", ..., parser=since),
]
Before = Annotated[
    str | None,
    option("--before", "TIME", "Before a time, or 2h ago.", ..., parser=since),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    examples = (
        "audit 6af1b43d",
        "audit --action cancel --since 24h",
        "audit --caller ops --since 2030-01-31 --all --json > audit.jsonl",
    )
    command(app, "audit", examples)(audit)


def audit(
    session: Session,
    subject: Subject = None,
    kind: str | None = option("--kind", "KIND", "Such as job, queue or schedule."),
    action: str | None = option("--action", "ACTION", "Such as cancel or put queue."),
    caller: str | None = option("--caller", "NAME", "By this caller."),
    since: Since = None,
    before: Before = None,
    limit: int = option("--limit -n", "N", "At most N entries.", DEFAULT_LIMIT, min=1),
    every: bool = flag("--all", "All entries; there is no limit."),
) -> None:
    """Say who has changed what, newest first. Only admins may ask.

    A job that is deleted is found by its whole id.
    """
    output = session.output
    if subject and kind in (None, "job"):
        subject = _subject(session, subject)
    entries = session.client.audit.list(
        subject,
        kind=kind,
        action=action,
        caller=caller,
        since=since,
        before=before,
        limit=None if every else limit,
    )
    if output.as_json:
        for entry in entries:
            output.item(dict(entry.raw))
    elif rows := [_row(session, entry) for entry in entries]:
        output.table(COLUMNS, rows)
        if not every and len(rows) == limit:
            output.hint(f"There may be more: --all, or --limit above {limit}.")
    else:
        output.hint("No entries.")


def _subject(session: Session, text: str) -> str:
    """The id of a job that is named by a part of it; any other text as it is.

    Raises CommandError, which names the jobs, if there are several.
    """
    try:
        return ids.resolve(session.client, text)
    except exits.CommandError as error:
        if error.details.get("candidates"):
            raise
        return text


def _row(session: Session, entry: "AuditEntry") -> list[Cell]:
    """The cells of an entry."""
    output = session.output
    is_job = entry.kind == "job" and output.on_terminal
    detail = json.dumps(entry.detail, ensure_ascii=False) if entry.detail else ""
    return [
        formats.moment(entry.at),
        entry.caller or "",
        entry.address or "",
        entry.action,
        entry.kind,
        formats.short_id(entry.subject) if is_job else entry.subject,
        output.shortened(detail, MAX_DETAIL),
    ]

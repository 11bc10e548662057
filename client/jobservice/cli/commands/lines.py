"""The command that reads the file of a job: `lines`."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import ids
from jobservice.cli.command import command
from jobservice.cli.commands.details import JobId
from jobservice.cli.output import formats
from jobservice.cli.output.console import Output
from jobservice.cli.session import Session

if TYPE_CHECKING:
    from jobservice import LineData

MATCH_STYLE = "bold red"


def register(app: typer.Typer) -> None:
    """Add the command."""
    examples = (
        "lines 6af1b43d --match ERROR -B 2",
        "lines 6af1b43d --from -30m --regex 'db-[0-9]'",
        "lines 6af1b43d --records multi_line --match TimeoutException",
        "lines 6af1b43d --member var/log/app.log --line 1000 -n 20",
    )
    command(app, "lines", examples)(lines)


@dataclass
class Conditions:
    """The conditions that a line must meet, and how many lines to print around it."""

    match: Annotated[
        str | None, typer.Option("--match", "-m", metavar="TEXT", help="A text in the lines.")
    ] = None
    regex: Annotated[
        str | None, typer.Option("--regex", "-e", metavar="REGEX", help="A regex of RE2.")
    ] = None
    ignore_case: Annotated[
        bool, typer.Option("--ignore-case", "-i", help="Ignore the case of letters.")
    ] = False
    level: Annotated[
        str | None, typer.Option("--level", metavar="LEVEL", help="Lines of a level, as ERROR.")
    ] = None
    status: Annotated[
        str | None, typer.Option("--status", metavar="5xx", help="Lines with such a status.")
    ] = None
    from_: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="RFC 3339, or -30m before the last time in the file."
        ),
    ] = None
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Only lines before this time.")
    ] = None
    line: Annotated[
        int | None, typer.Option("--line", "-l", min=1, metavar="N", help="Begin at this line.")
    ] = None
    before: Annotated[
        int, typer.Option("--before", "-B", min=0, max=50, metavar="N", help="Lines before each.")
    ] = 0
    after: Annotated[
        int, typer.Option("--after", "-A", min=0, max=50, metavar="N", help="Lines after each.")
    ] = 0
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", min=1, metavar="N", help="At most N lines.")
    ] = None
    member: Annotated[
        str | None, typer.Option("--member", metavar="NAME", help="A file of an archive.")
    ] = None
    records: Annotated[
        str | None,
        typer.Option(
            "--records",
            metavar="KIND",
            help="multi_line for whole records, or lines; by default what the job has counted.",
        ),
    ] = None


def lines(
    session: Session,
    job_id: JobId,
    conditions: Conditions,
    text: Annotated[
        bool, typer.Option("--text", help="Print the lines alone, without their numbers.")
    ] = False,
) -> None:
    """Print numbered lines of a job's file: all, or only lines that meet all conditions."""
    output = session.output
    job = session.client.get(ids.resolve(session.client, job_id))
    for each in job.lines(**asdict(conditions)):
        if output.as_json:
            output.item(each.raw)
        else:
            _print_line(output, each, "" if text else _prefix(each, conditions.member))


def _prefix(line: "LineData", member: str | None) -> str:
    """The number of a line, and its file if the lines of several files are printed."""
    sign = "-" if line.context or line.continues else ":"
    if line.member is None or member is not None:
        return f"{line.line}{sign}"
    return f"{formats.printable(line.member)}{sign}{line.member_line}{sign}"


def _print_line(output: Output, line: "LineData", prefix: str) -> None:
    """Print a line after a prefix, with its matches in color on terminals."""
    if not output.on_terminal:
        output.line(prefix + line.text)
        return
    from rich.text import Text

    shown = Text(prefix + formats.printable(line.text))
    for start, end in line.matches:
        shown.stylize(MATCH_STYLE, len(prefix) + start, len(prefix) + end)
    output.console.print(shown, soft_wrap=True)

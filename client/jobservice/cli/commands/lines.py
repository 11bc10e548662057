"""The command that reads the file of a job: `lines`."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from jobservice.cli import ids
from jobservice.cli.command import command
from jobservice.cli.commands.details import JobId
from jobservice.cli.output import formats
from jobservice.cli.output.console import Output
from jobservice.cli.parameters import flag, option
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

    match: str | None = option("--match -m", "TEXT", "A text in the lines.")
    regex: str | None = option("--regex -e", "REGEX", "A regex of RE2.")
    ignore_case: bool = flag("--ignore-case -i", "Ignore the case of letters.")
    level: str | None = option("--level", "LEVEL", "Lines of a level, as ERROR.")
    status: str | None = option("--status", "5xx", "Lines with such a status.")
    from_: str | None = option(
        "--from", "TIME", "RFC 3339, or -30m before the last time in the file."
    )
    to: str | None = option("--to", "TIME", "Only lines before this time.")
    line: int | None = option("--line -l", "N", "Begin at this line.", min=1)
    before: int = option("--before -B", "N", "Lines before each.", 0, min=0, max=50)
    after: int = option("--after -A", "N", "Lines after each.", 0, min=0, max=50)
    limit: int | None = option("--limit -n", "N", "At most N lines.", min=1)
    member: str | None = option("--member", "NAME", "A file of an archive.")
    records: str | None = option(
        "--records",
        "KIND",
        "multi_line for whole records, or lines; by default what the job has counted.",
    )


def lines(
    session: Session,
    job_id: JobId,
    conditions: Conditions,
    text: bool = flag("--text", "Print the lines alone, without their numbers."),
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

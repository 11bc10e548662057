"""The commands about results of analyses: `report` and `range`."""

from pathlib import Path

import typer

from jobservice.cli import ids
from jobservice.cli.command import command
from jobservice.cli.commands.details import JobId
from jobservice.cli.output import analysis_tables
from jobservice.cli.parameters import option
from jobservice.cli.session import Session

EXAMPLES = ("report 6af1b43d -o report.html", "report 6af1b43d --csv patterns > patterns.csv")
RANGE_EXAMPLES = (
    "range 6af1b43d --from 2026-11-25T13:00Z --to 2026-11-25T13:10Z",
    "range 6af1b43d --from -10m",
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "report", EXAMPLES)(report)
    command(app, "range", RANGE_EXAMPLES)(explain_range)


def report(
    session: Session,
    job_id: JobId,
    file: str | None = option("--output -o", "PATH", "File to write."),
    csv: str | None = option("--csv", "TABLE", "A table as CSV, such as patterns, timeline."),
    before: str | None = option("--before", "ID", "Compare with this job."),
) -> None:
    """Print the result of an analysis as an HTML page, or a table of it as CSV.

    The page is one file. It works offline, and prints well.
    """
    client, output = session.client, session.output
    before_id = ids.resolve(client, before) if before is not None else None
    job = client.get(ids.resolve(client, job_id))
    text = job.report(csv=csv, before=before_id)
    if file is not None:
        write(Path(file), text)
        return
    if output.as_json:
        output.document({"job_id": job.id, "report": text})
    else:
        output.write(text)


def explain_range(
    session: Session,
    job_id: JobId,
    since: str = option("--from", "TIME", "Begin: RFC 3339, or -30m before the last time.", ...),
    until: str | None = option("--to", "TIME", "End; by default, that of the log."),
) -> None:
    """Show what is different in a range of time of an analysis.

    Analyze with --explain or --over-time, so that the values of fields can be compared, too.
    """
    client, output = session.client, session.output
    found = client.get(ids.resolve(client, job_id)).explain_range(since, until)
    if output.as_json:
        output.document(found)
    else:
        analysis_tables.show_explanation(output, found)


def write(path: Path, text: str) -> None:
    """Write a report to a file. CSV has its own line ends."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)

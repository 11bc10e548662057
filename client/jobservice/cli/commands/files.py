"""The command that downloads files of jobs: `download`."""

import sys
from typing import Annotated

import typer

from jobservice.cli import exits, ids
from jobservice.cli.command import command
from jobservice.cli.commands.details import JobId
from jobservice.cli.output.progress import JobProgress
from jobservice.cli.session import Session

EXAMPLES = ("download 6af1b43d --upload", "download 6af1b43d --upload -o - | zcat | head")


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "download", EXAMPLES)(download)


def download(
    session: Session,
    job_id: JobId,
    upload: Annotated[
        bool, typer.Option("--upload", help="The file that the job was given.")
    ] = False,
    file: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="PATH", help="File or folder; - is stdout."),
    ] = None,
) -> None:
    """Download the file of a job, and print the path that was written.

    A broken download continues. The file appears when it is complete and its digest is right.
    """
    if not upload:
        raise typer.BadParameter("say what to download: --upload is the file of the job")
    output, calls = session.output, session.patient_client.files
    found = ids.resolve(session.client, job_id)
    target = sys.stdout.buffer if file == "-" else file
    with JobProgress(output, found) as progress:
        try:
            got = calls.download_upload(found, target, on_progress=progress.received)
        except OSError as error:
            raise exits.CommandError(_reason(error)) from None
    if output.as_json and file != "-":
        size = got.size if got.size is not None else got.received
        output.document({"path": str(got.path), "size": size, "sha256": got.sha256})
    elif file != "-":
        output.line(str(got.path))


def _reason(error: OSError) -> str:
    """What kept a file from being written, and the file."""
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror

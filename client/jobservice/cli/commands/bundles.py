"""`jobservice bundle` and `jobservice replay`."""

import sys
from typing import TYPE_CHECKING, Any

import typer

from jobservice.cli import exits, ids
from jobservice.cli.command import command
from jobservice.cli.commands import files
from jobservice.cli.commands.details import JobId
from jobservice.cli.commands.submit import Waiting, resolve_jobs, send_and_report
from jobservice.cli.options import JobOptions
from jobservice.cli.output.progress import JobProgress
from jobservice.cli.parameters import argument, flag
from jobservice.cli.session import Session

if TYPE_CHECKING:
    from jobservice import Job


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "bundle", ("bundle 6af1b43d", "bundle 6af1b43d --files -o fault.zip"))(bundle)
    command(app, "replay", ("replay fault.zip", "replay fault.zip --queue test --wait"))(replay)


def bundle(
    session: Session,
    job_id: JobId,
    with_files: bool = flag("--files", "Also the file that it was given, and those it left."),
    target: files.Target = None,
) -> None:
    """Download all that is stored about a job as one zip archive, and print its path.

    It has the payload, the result and the output of the job: look into it before you pass it on.
    """
    found = ids.resolve(session.client, job_id)
    place: Any = sys.stdout.buffer if target == files.STDOUT else target
    with JobProgress(session.output, found) as progress, files.os_errors():
        done = session.patient_client.files.download_bundle(
            found, place, files=with_files, on_progress=progress.received
        )
    if session.output.as_json and done.path:
        session.output.document({"job_id": found, "path": str(done.path)})
    elif done.path:
        session.output.line(str(done.path))


def replay(
    session: Session,
    options: JobOptions,
    until: Waiting,
    path: str = argument("BUNDLE", "The zip archive of `bundle`."),
) -> int:
    """Submit the job of a bundle again, here or at another service, and print its id.

    It has the payload, the file and most options of the first job. Options that are given replace
    them; its queue, its times and its unique key are not taken over.
    """
    from jobservice.bundles import read_bundle

    if until.download is not None:
        files.checked_folder(until.download)
    resolve_jobs(session, options)
    try:
        type = read_bundle(path).type
    except OSError as error:
        raise exits.CommandError(f"{path} cannot be read: {error.strerror}") from None

    def send(progress: JobProgress) -> "Job":
        client = session.patient_client
        return client.replay(path, on_progress=progress.uploaded, **options.given())

    return send_and_report(session, type, send, until if until.is_wanted else None)

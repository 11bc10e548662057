"""The commands for files of jobs: `files` and `download`."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobservice.cli import exits, ids
from jobservice.cli.command import command
from jobservice.cli.commands.details import JobId
from jobservice.cli.output import formats
from jobservice.cli.output.console import Output
from jobservice.cli.output.progress import JobProgress
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session

if TYPE_CHECKING:
    from jobservice import Client, Job
    from jobservice.downloads import Download

EXAMPLES = (
    "download 6af1b43d report.pdf",
    "download 6af1b43d --all -o results",
    "download 6af1b43d --upload -o - | zcat | head",
)
STDOUT = "-"
Target = Annotated[
    str | None,
    option("--output -o", "PATH", "File or folder; - is stdout.", ...),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "files", ("files 6af1b43d",))(list_files)
    command(app, "download", EXAMPLES)(download)


def list_files(session: Session, job_id: JobId) -> None:
    """List the files that a job has left."""
    client, output = session.client, session.output
    files = client.files.list(ids.resolve(client, job_id))
    if output.as_json:
        for file in files:
            output.item(dict(file.raw))
        return
    rows = [(file.name, formats.size(file.size), file.media_type, file.sha256) for file in files]
    output.table(("NAME", "SIZE", "TYPE", "SHA256"), rows, right=("SIZE",))


@dataclass
class Selected:
    """The options that select files without naming them."""

    all_: bool = flag("--all", "All files that the job has left.")
    zip: bool = flag("--zip", "All of them as one zip archive.")
    upload: bool = flag("--upload", "The file that the job was given.")


def download(
    session: Session,
    job_id: JobId,
    selected: Selected,
    names: list[str] | None = argument("[NAME]...", "Files; by default the only one.", None),
    target: Target = None,
) -> None:
    """Download files of a job, and print the paths that were written.

    A broken download continues. A file appears when it is complete and its digest is right.
    """
    if bool(names) + selected.all_ + selected.zip + selected.upload > 1:
        raise typer.BadParameter("name files, or give one of --all, --zip and --upload")
    if target == STDOUT and (selected.all_ or len(names or []) > 1):
        raise typer.BadParameter("only one file can be written to standard output: use --zip")
    client = session.patient_client
    found = ids.resolve(session.client, job_id)
    with JobProgress(session.output, found) as progress:
        if selected.all_:
            paths = save_all(client, found, _folder(target or "."), progress)
        else:
            paths = _save(_calls(client, found, selected, names), target, progress)
    _report(session.output, found, paths)


def save_all(client: "Client", job_id: str, folder: str, progress: JobProgress) -> list[Path]:
    """Download all files that a job has left into a folder."""
    with os_errors():
        return client.files.download_all(job_id, folder, on_progress=progress.received)


def save_files(session: Session, job: "Job", folder: str, progress: JobProgress) -> None:
    """Download all files that a submitted job has left, and say where they are."""
    for path in save_all(session.patient_client, job.id, folder, progress):
        session.output.note(f"downloaded {path}")


Call = Callable[..., "Download"]


def _calls(
    client: "Client", job_id: str, selected: Selected, names: list[str] | None
) -> list[Call]:
    """Return the calls that download what was selected. They take a target."""
    files = client.files
    if selected.upload:
        return [partial(files.download_upload, job_id)]
    if selected.zip:
        return [partial(files.download_zip, job_id)]
    wanted = names or [_only_file(client, job_id)]
    return [partial(files.download, job_id, name) for name in wanted]


def _only_file(client: "Client", job_id: str) -> str:
    """The name of the only file that a job has left."""
    found = client.files.list(job_id)
    if not found:
        raise exits.CommandError(f"the job {job_id} has left no files; --upload is its own file")
    if len(found) > 1:
        some = ", ".join(file.name for file in found[:3])
        text = f"the job has left {len(found)} files ({some} …): name one, or use --all or --zip"
        raise typer.BadParameter(text)
    return found[0].name


def _save(calls: list[Call], target: str | None, progress: JobProgress) -> list[Path]:
    """Download files one after another; returns the paths that were written."""
    place: Any = sys.stdout.buffer if target == STDOUT else target
    if len(calls) > 1 and target is not None:
        place = os.path.join(_folder(target), "")  # the slash at the end makes it a folder
    with os_errors():
        done = [call(place, on_progress=progress.received) for call in calls]
    return [each.path for each in done if each.path]


def checked_folder(folder: str) -> str:
    """Return a folder that is there or can be made. Raises BadParameter for the name of a file."""
    if folder == STDOUT:
        raise typer.BadParameter("several files need a folder, not standard output")
    return _folder(folder)


def _folder(folder: str) -> str:
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise typer.BadParameter(f"several files need a folder, and {folder} is none")
    return folder


def _report(output: Output, job_id: str, paths: list[Path]) -> None:
    if output.as_json and paths:
        output.document({"job_id": job_id, "paths": [str(path) for path in paths]})
    elif not output.as_json:
        for path in paths:
            output.line(str(path))


@contextlib.contextmanager
def os_errors() -> Iterator[None]:
    """Turn errors of the disk within the block into an error of the command."""
    try:
        yield
    except OSError as error:
        raise exits.CommandError(_reason(error)) from None


def _reason(error: OSError) -> str:
    """Return why a file could not be written, after its path if the error has it."""
    if error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror

"""`jobservice upload`, and `jobservice uploads` with its subcommand."""

from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import exits, program
from jobservice.cli.command import command, default_command
from jobservice.cli.commands.submit import open_file
from jobservice.cli.output import formats
from jobservice.cli.output.progress import JobProgress
from jobservice.cli.parameters import argument, option
from jobservice.cli.session import Session
from jobservice.errors import ConnectionFailed
from jobservice.uploads import Source

if TYPE_CHECKING:
    from jobservice import UploadState
    from jobservice.cli.output.console import Cell

EXAMPLES = (
    "upload huge.log",
    "upload huge.log --resume 6f1f3a54-9f0e-4a53-8a25-3d2f6e0b8c11",
)


COLUMNS = ("ID", "NAME", "SIZE", "SENT", "BY", "EXPIRES")
Ids = Annotated[list[str], argument("ID...", "Ids of uploads.")]

uploads_app = typer.Typer(rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "upload", EXAMPLES)(upload)


def upload(
    session: Session,
    file: str = argument("FILE", "The file."),
    resume: str | None = option("--resume", "ID", "Go on with this upload, begun before."),
) -> int:
    """Upload a file for a job, and print the id of the upload.

    A broken connection only interrupts it for a moment. An upload that was ended goes on with
    --resume. `submit TYPE --upload ID` then uses the file. An upload expires, by default a day
    after its last change.
    """
    if file == "-":
        raise typer.BadParameter("standard input cannot be sent again: name a file")
    source = open_file(file)
    if Source(source).size is None:
        raise typer.BadParameter(
            f"{file} has no size, so an upload of it cannot continue: {program.name()} submit TYPE"
            f" --file {file} sends it in one go"
        )
    begun: list[UploadState] = []
    with JobProgress(session.output, file) as progress:
        try:
            complete = session.patient_client.uploads.send(
                source,
                upload_id=resume,
                on_progress=progress.uploaded,
                on_begin=begun.append,
            )
        except KeyboardInterrupt:
            progress.hide()
            _tell_how_to_resume(session, file, begun)
            return exits.INTERRUPTED
        except ConnectionFailed:
            progress.hide()
            _tell_how_to_resume(session, file, begun)
            raise
    if session.output.as_json:
        session.output.document(dict(complete.raw))
    else:
        session.output.line(complete.upload_id)
        session.output.hint(
            f"Use it with: {program.name()} submit TYPE --upload {complete.upload_id}"
        )
    return exits.SUCCEEDED


def list_uploads(session: Session) -> None:
    """List your uploads; an admin lists those of all callers."""
    found = session.client.uploads.list()
    if session.output.as_json:
        for each in found:
            session.output.item(dict(each.raw))
    else:
        session.output.table(COLUMNS, [_row(each) for each in found], right=("SIZE", "SENT"))


def _row(upload: "UploadState") -> "list[Cell]":
    return [
        upload.upload_id,
        upload.name,
        formats.size(upload.size),
        formats.size(upload.offset),
        upload.created_by or "",
        formats.moment(upload.expires_at),
    ]


def delete(session: Session, ids: Ids) -> int:
    """Delete uploads. Jobs keep their files."""
    return session.delete_each(ids, session.client.uploads.delete)


default_command(uploads_app)(list_uploads)
command(uploads_app, "delete", ("uploads delete 6f1f3a54-9f0e-4a53-8a25-3d2f6e0b8c11",))(delete)


def _tell_how_to_resume(session: Session, file: str, begun: "list[UploadState]") -> None:
    if begun:
        command_line = f"{program.name()} upload {file} --resume {begun[0].upload_id}"
        session.output.report(f"The upload is not complete. Go on with: {command_line}")

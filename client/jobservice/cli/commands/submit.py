"""`jobservice submit`."""

import os
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobservice.cli import completion, exits, ids, payloads, program, waiting
from jobservice.cli.command import command
from jobservice.cli.commands import files
from jobservice.cli.options import JobOptions, seconds
from jobservice.cli.output import estimates
from jobservice.cli.output.progress import JobProgress
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session
from jobservice.json_values import Json

if TYPE_CHECKING:
    from jobservice import Job

EXAMPLES = (
    "submit sleep seconds=5 --wait",
    "submit report @options.json year=2030 --queue nightly --delay 2h",
    "submit analyze patterns='[\"ERROR\"]' --file app.log --wait",
    "submit sleep seconds=5 --queue nightly --dry-run",
    "submit report year=2030 --download reports",
)


@dataclass
class Waiting:
    """Whether to wait for the job."""

    wait: bool = flag("--wait -w", "Wait, and print the result.")
    wait_timeout: float | None = option(
        "--wait-timeout", "TIME", "Wait at most 90, 5m or 2h.", parser=seconds
    )
    download: str | None = option("--download", "FOLDER", "Wait, and download the job's files.")

    @property
    def is_wanted(self) -> bool:
        """Whether the command waits at all."""
        return self.wait or self.wait_timeout is not None or self.download is not None


@dataclass
class FileOptions:
    """The file of the job."""

    file: list[str] | None = option(
        "--file", "PATH", "Upload a file; - reads stdin. Several become a zip."
    )
    upload: str | None = option("--upload", "ID", "Use the file of an `upload`.")
    by_hash: bool = flag("--by-hash", "Do not send a file that the service has.")

    def paths(self, dry_run: bool) -> list[str]:
        """Return the files to send. Raises BadParameter if two options exclude each other."""
        if self.file and self.upload:
            raise typer.BadParameter("give either --file or --upload")
        if self.by_hash and (len(self.file or []) != 1 or self.file == ["-"]):
            raise typer.BadParameter("--by-hash needs one --file, which can be read twice")
        if self.by_hash and dry_run:
            raise typer.BadParameter("--dry-run sends the file: leave out --by-hash")
        return self.file or []


TypeOfJob = Annotated[
    str,
    argument("TYPE", "Type of the job.", autocompletion=completion.job_types),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "submit", EXAMPLES)(submit)


def submit(
    session: Session,
    options: JobOptions,
    until: Waiting,
    given_file: FileOptions,
    type: TypeOfJob,
    payload: list[str] | None = argument("[KEY=VALUE | @FILE.json | -]...", "Payload.", None),
    idempotency_key: str | None = option(
        "--idempotency-key", "KEY", "The same key gives the same job."
    ),
    dry_run: bool = flag("--dry-run", "Submit nothing: check it, and estimate start and end."),
) -> int:
    """Submit a job, and print its id.

    The payload is made of key=value, where a value is JSON if it can be read as such, of JSON
    files (@options.json) and of standard input (-). Later fields replace earlier ones.
    """
    paths = given_file.paths(dry_run)
    if "-" in paths and "-" in (payload or []):
        raise typer.BadParameter("standard input can be the payload or the file, not both")
    values = payloads.read(payload or [])
    is_waiting = until.is_wanted
    if dry_run and is_waiting:
        raise typer.BadParameter("--dry-run submits no job that --wait could wait for")
    if until.download is not None:
        files.checked_folder(until.download)
    resolve_jobs(session, options)
    if dry_run:
        return _try(session, type, values, paths, {**options.given(), "upload": given_file.upload})
    given = {**options.given(), "upload": given_file.upload, "idempotency_key": idempotency_key}
    given |= {"file": _opened(paths), "by_hash": given_file.by_hash}

    def send(progress: JobProgress) -> "Job":
        client = session.patient_client if paths or is_waiting else session.client
        return client.submit(type, values, on_progress=progress.uploaded, **given)

    return send_and_report(session, type, send, until if is_waiting else None)


def resolve_jobs(session: Session, options: JobOptions) -> None:
    """Replace parts of ids in options by the ids of the jobs."""
    if options.after:
        options.after = [ids.resolve(session.client, each) for each in options.after]
    if options.input_from:
        options.input_from = ids.resolve(session.client, options.input_from)


def send_and_report(
    session: Session, type: str, send: "Callable[[JobProgress], Job]", until: Waiting | None
) -> int:
    """Submit a job, and print its id, or wait for it and print its result."""
    jobs: list[Job] = []
    with JobProgress(session.output, type) as progress:
        try:
            jobs.append(send(progress))
            if until is None:
                return _report_id(session, jobs[0])
            waiting.wait(jobs[0], progress, until.wait_timeout)
            if until.download is not None and jobs[0].status == "succeeded":
                files.save_files(session, jobs[0], until.download, progress)
        except KeyboardInterrupt:
            progress.hide()
            return _interrupted(session, jobs)
    return report_result(session, jobs[0])


def _try(session: Session, type: str, values: Json, paths: list[str], options: Json) -> int:
    """Check a submission, and print the estimates."""
    client = session.patient_client if paths else session.client
    found = client.dry_run(type, values, file=_opened(paths), **options)
    if session.output.as_json:
        session.output.document(found.raw)
    else:
        session.output.line("The job would be accepted. Nothing was submitted.")
        estimates.show(session.output, found.raw["dry_run"])
    return exits.SUCCEEDED


def _opened(paths: list[str]) -> Any:
    """Return one file, a list of several, or None, as the client takes them."""
    opened = [open_file(path) for path in paths]
    return opened if len(opened) > 1 else next(iter(opened), None)


def open_file(path: str, stdin_name: str = "stdin") -> Any:
    """Return the file of a path as the client takes it; `-` is standard input."""
    if path == "-":
        return stdin_name, sys.stdin.buffer
    if os.path.isdir(path):
        raise typer.BadParameter(f"{path} is a folder, not a file")
    try:
        # A pipe is opened only once: closing it ends the program that writes to it.
        if not stat.S_ISFIFO(os.stat(path).st_mode):
            open(path, "rb").close()
    except OSError as error:
        raise typer.BadParameter(f"{path} cannot be read: {error.strerror}") from None
    return path


def report_result(session: Session, job: "Job") -> int:
    """Print the result of a final job, or its error, and return the exit code."""
    output = session.output
    if output.as_json:
        output.document(job.data.raw)
    elif job.status == "succeeded":
        output.value(job.data.result)
    else:
        error = job.data.error
        reason = f": {error.type}: {error.message}" if error else ""
        output.report(f"job {job.id} {job.status}{reason}")
        if job.status == "failed":
            output.hint(f"See where, and what it printed: {program.name()} show {job.id}")
    return exits.OF_STATUS.get(job.status, exits.FAILED)


def _report_id(session: Session, job: "Job") -> int:
    existing = {"existing": True} if job.data.existing else {}
    if session.output.as_json:
        session.output.document({"job_id": job.id, "status": job.status, **existing})
    else:
        if existing:
            session.output.hint("This job has the unique key already; no other one was submitted.")
        session.output.line(job.id)
        session.output.hint(f"Follow it with: {program.name()} watch {job.id}")
    return exits.SUCCEEDED


def _interrupted(session: Session, jobs: list["Job"]) -> int:
    if not jobs:
        return waiting.unconfirmed(session)
    return waiting.interrupted(session, jobs)

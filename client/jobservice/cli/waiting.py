"""Waits for a job while its progress is shown, and handles Ctrl-C."""

import sys
import time
from typing import TYPE_CHECKING

from jobservice.cli import exits, program
from jobservice.cli.output.progress import JobProgress
from jobservice.cli.session import Session
from jobservice.errors import JobServiceError, WaitTimeout

if TYPE_CHECKING:
    from jobservice import Job

STEP_SECONDS = 0.5
"""How old shown progress may become."""


def wait(job: "Job", progress: JobProgress, timeout: float | None = None) -> None:
    """Wait until a job is final. Raises WaitTimeout after `timeout` seconds."""
    if not progress.is_shown:
        job.wait(timeout)
        return
    end = None if timeout is None else time.monotonic() + timeout
    while not job.data.has_end:
        progress.changed(job.status, job.data.progress)
        left = STEP_SECONDS if end is None else end - time.monotonic()
        try:
            job.wait(max(0.0, min(STEP_SECONDS, left)))
        except WaitTimeout as error:
            if left <= STEP_SECONDS and end is not None:
                message = f"job {job.id} is still {job.status} after {timeout} s"
                raise WaitTimeout(message, [job]) from error


def interrupted(session: Session, jobs: list["Job"]) -> int:
    """Ctrl-C while jobs are waited for: ask whether to cancel them, and return the exit code.

    Without a terminal, they go on. A second Ctrl-C counts as no.
    """
    unfinished = [job for job in jobs if not job.is_final]
    if not unfinished:
        return exits.INTERRUPTED
    named = f"job {unfinished[0].id}" if len(unfinished) == 1 else f"{len(unfinished)} jobs"
    output = session.output
    if output.can_ask and confirm(f"Cancel {named}?"):
        for job in unfinished:
            try:
                job.cancel()
            except JobServiceError as error:
                output.error(error)
        if all(job.status == "canceled" for job in unfinished):
            output.note(f"{named} canceled")
            return exits.CANCELED
    for job in unfinished:
        if not job.is_final:
            how = f"{program.name()} watch {job.id}"
            output.note(f"job {job.id} goes on; follow it with: {how}")
    return exits.INTERRUPTED


def unconfirmed(session: Session) -> int:
    """Ctrl-C before the service has answered a submission; return the exit code."""
    name = program.name()
    session.output.report(
        "interrupted before the service has confirmed the job; "
        f"`{name} list` shows whether there is one; if not, run the command again"
    )
    return exits.INTERRUPTED


def confirm(question: str) -> bool:
    """Ask a person on the terminal. No answer, Ctrl-C and anything but yes mean no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    try:
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return False

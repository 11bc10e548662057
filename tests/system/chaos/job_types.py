"""A job type that proves by a lock that it runs alone, and records its executions.

DATA_DIR/runs/<key> <n>  locked by all processes of a job that has the nth place of its key
DATA_DIR/runs/<job id>   locked by all processes of the job, including a child that it leaves behind
DATA_DIR/record          a line for each start, end and overlap, in one write
"""

import fcntl
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from runner.job_types.base import Context, JobError, JobType, NotRetryable, Payload
from tests.system.chaos.files import file_content

STEP_SECONDS = 0.1


class Planned(JobError):
    """The error of an attempt that should fail."""


class ChaosPayload(Payload):
    """How a job behaves.

    The first attempt takes `seconds`, and later ones take `again` seconds. The first `fails`
    attempts fail. The job can start a `child`, which it kills itself ("ended") or leaves to its
    keeper ("left").
    """

    seconds: float
    again: float
    fails: int
    child: Literal["none", "ended", "left"]
    key: str = ""
    most: int = 1
    """At most so many jobs with the same key may run at the same time; any number without a key."""
    files: int = 0
    """How many files the job leaves."""
    input: dict[str, Any] | None = None
    """The result of another job, of which this one's result repeats the `run`."""


class Chaos(JobType[ChaosPayload]):
    """Holds the lock of its job while it runs."""

    name = "chaos"
    Payload = ChaosPayload
    upload = "none"

    def run(self, payload: ChaosPayload, context: Context) -> Any:
        run = secrets.token_hex(4)
        with lock_path(Path(os.environ["DATA_DIR"]), context.job_id).open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                note("overlap", context, run)
                raise NotRetryable("this job runs twice at the same time") from None
            note("start", context, run)
            with _place(payload) as place:
                if payload.key and place is None:
                    note("crowd", context, run)
                _work(payload, context, [each for each in (lock.fileno(), place) if each])
            for number in range(payload.files):
                data = file_content(context.attempt, run, number)
                (context.files / f"{number}.txt").write_bytes(data)
            note("end", context, run)
        if context.attempt <= payload.fails:
            raise Planned(f"attempt {context.attempt} should fail")
        given = payload.input and payload.input.get("run")
        return {"attempt": context.attempt, "run": run, "files": payload.files, "input": given}


def lock_path(data: Path, job_id: str) -> Path:
    """The file that a running job locks."""
    return data / "runs" / job_id


def record_path(data: Path) -> Path:
    """The file in which all executions are recorded."""
    return data / "record"


def note(event: str, context: Context, run: str) -> None:
    """Add a line to the record."""
    line = f"{event} {context.job_id} {context.attempt} {run}\n"
    with record_path(Path(os.environ["DATA_DIR"])).open("ab", buffering=0) as record:
        record.write(line.encode())


@contextmanager
def _place(payload: ChaosPayload) -> Iterator[int | None]:
    """Lock one of the places of the key, and yield its descriptor; None if all are locked."""
    data = Path(os.environ["DATA_DIR"])
    with ExitStack() as files:
        for number in range(payload.most if payload.key else 0):
            file = files.enter_context(lock_path(data, f"{payload.key} {number}").open("ab"))
            with suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield file.fileno()
                return
        yield None


def _work(payload: ChaosPayload, context: Context, locks: list[int]) -> None:
    until = time.monotonic() + (payload.seconds if context.attempt == 1 else payload.again)
    child = None
    if payload.child != "none":
        command = ["sleep", "600"]
        child = subprocess.Popen(command, pass_fds=locks, start_new_session=True)
    while (left := until - time.monotonic()) > 0:
        context.report({"left": round(left, 1)})
        time.sleep(min(left, STEP_SECONDS))
    if child is not None and payload.child == "ended":
        child.kill()
        child.wait()

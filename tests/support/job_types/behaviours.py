"""Job types that behave in every way that jobs behave, for tests of the whole."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from runner.job_types.base import Context, JobType, NotRetryable, Payload
from runner.job_types.in_parts import InParts, JobPart


class NotePayload(Payload):
    """A file to which each run adds a line."""

    notes: str
    seconds: float = 0


def note(notes: str, line: str) -> None:
    """Add a line in one write."""
    with Path(notes).open("a") as file:
        file.write(f"{line}\n")


class Flaky(JobType[NotePayload]):
    """Fails at its first attempt."""

    name = "flaky"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        note(payload.notes, f"attempt {context.attempt}")
        if context.attempt == 1:
            raise ValueError("not the first time")
        return {"attempt": context.attempt}


class Note(JobType[NotePayload]):
    """Does nothing else."""

    name = "note"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        time.sleep(payload.seconds)
        note(payload.notes, "ran")


class GatePayload(NotePayload):
    """A file that is waited for."""

    gate: str


class Gated(JobType[GatePayload]):
    """Notes its id when it begins, and ends when there is a gate."""

    name = "gated"
    Payload = GatePayload
    upload = "none"

    def run(self, payload: GatePayload, context: Context) -> Any:
        note(payload.notes, context.job_id)
        while not Path(payload.gate).exists():
            time.sleep(0.01)
        time.sleep(payload.seconds)


class Hopeless(JobType[NotePayload]):
    """Fails for a reason that stays."""

    name = "hopeless"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        note(payload.notes, "ran")
        raise NotRetryable("it will never work")


class Crash(JobType[NotePayload]):
    """Ends its process by a signal."""

    name = "crash"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        note(payload.notes, "ran")
        ctypes.string_at(0)


class Stubborn(JobType[NotePayload]):
    """Ignores every signal it can, with a child and a daemon that do, too; notes their pids."""

    name = "stubborn"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_IGN)
        code = "import time; time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", code])
        daemon = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        note(payload.notes, f"{os.getpid()} {child.pid} {daemon.pid}")
        while True:
            time.sleep(600)


class Steps(JobType[NotePayload]):
    """Tells of its progress for some seconds."""

    name = "steps"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        end = time.monotonic() + payload.seconds
        step = 0
        while time.monotonic() < end:
            step += 1
            context.report({"step": step})
            time.sleep(0.01)
        note(payload.notes, "ran")
        return {"steps": step}


class TalkPayload(Payload):
    """How many lines to print, and what to do then."""

    lines: int
    then: str


class Talk(JobType[TalkPayload]):
    """Prints."""

    name = "talk"
    Payload = TalkPayload
    upload = "none"

    def run(self, payload: TalkPayload, context: Context) -> Any:
        for number in range(payload.lines):
            print(f"line {number}")  # noqa: T201
        if payload.then == "crash":
            ctypes.string_at(0)
        if payload.then == "sleep":
            time.sleep(600)


class NothingPayload(Payload):
    """Nothing."""


class Traced(JobType[NothingPayload]):
    """Returns what names its span."""

    name = "traced"
    Payload = NothingPayload
    upload = "none"

    def run(self, payload: NothingPayload, context: Context) -> Any:
        return os.environ.get("TRACEPARENT")


class Exit(JobType[NothingPayload]):
    """Ends its process by itself."""

    name = "exit"
    Payload = NothingPayload
    upload = "none"

    def run(self, payload: NothingPayload, context: Context) -> Any:
        os._exit(3)


class Spin(JobType[NothingPayload]):
    """Is busy without end."""

    name = "spin"
    Payload = NothingPayload
    upload = "none"

    def run(self, payload: NothingPayload, context: Context) -> Any:
        while True:
            pass


class Hog(JobType[NothingPayload]):
    """Takes a gibibyte of memory."""

    name = "hog"
    Payload = NothingPayload
    upload = "none"

    def run(self, payload: NothingPayload, context: Context) -> Any:
        return len(b"x" * 2**30)


class PiecesPayload(NotePayload):
    """`seconds` for each part, and a file that it waits for; `fails` is the number of a part, and
    how often it fails."""

    gate: str = ""
    fails: tuple[int, int] = Field((-1, 0), strict=False)
    retryable: bool = True


class Pieces(InParts[PiecesPayload]):
    """Reads its file, and notes each part that is begun, and each that is done."""

    name = "pieces"
    Payload = PiecesPayload
    upload = "required"

    def run(self, payload: PiecesPayload, context: Context) -> Any:
        note(payload.notes, "whole")
        return self._read(context, 0, -1)

    def plan(self, payload: PiecesPayload, context: Context, part_bytes: int) -> list[JobPart]:
        assert context.upload is not None
        note(payload.notes, "plan")
        starts = range(0, context.upload.size, part_bytes)
        return [JobPart([at, at // part_bytes, part_bytes], {"done": 0, "of": 1}) for at in starts]

    def run_part(self, payload: PiecesPayload, context: Context, spec: Any) -> Any:
        at, number, size = spec
        note(payload.notes, f"begin {number} {os.getppid()}")
        if number == payload.fails[0]:
            tried = Path(payload.notes).read_text().count(f"begin {number} ")
            if tried <= payload.fails[1]:
                raise (ValueError if payload.retryable else NotRetryable)(f"part {number} is bad")
        while payload.gate and not Path(payload.gate).exists():
            time.sleep(0.01)
        time.sleep(payload.seconds)
        context.report({"done": 1, "of": 1})
        note(payload.notes, f"done {number}")
        return self._read(context, at, size)

    def fold(self, payload: PiecesPayload, results: Sequence[Any]) -> Any:
        return "".join(results)

    def finish(self, payload: PiecesPayload, context: Context, folded: Any, seconds: float) -> Any:
        note(payload.notes, "finish")
        return folded

    def _read(self, context: Context, at: int, size: int) -> str:
        assert context.upload is not None
        with context.upload.open() as file:
            file.seek(at)
            return (file.read(size) or b"").decode()

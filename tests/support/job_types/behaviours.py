"""Job types that succeed, fail, crash, hang and so on, for end-to-end tests."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from runner.job_types.base import Context, JobType, NotRetryable, Payload


class NotePayload(Payload):
    """`notes` is a file to which each run adds a line; `seconds` is how long the job takes."""

    notes: str
    seconds: float = 0


def note(notes: str, line: str) -> None:
    """Add a line to a file, in one write."""
    with Path(notes).open("a") as file:
        file.write(f"{line}\n")


class Flaky(JobType[NotePayload]):
    """Fails in its first attempt only."""

    name = "flaky"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        note(payload.notes, f"attempt {context.attempt}")
        if context.attempt == 1:
            raise ValueError("not the first time")
        return {"attempt": context.attempt}


class Note(JobType[NotePayload]):
    """Adds a line to the file, after some seconds."""

    name = "note"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        time.sleep(payload.seconds)
        note(payload.notes, "ran")


class CollectPayload(Payload):
    """`input` is the result of another job."""

    label: str = ""
    input: Any = None


class Collect(JobType[CollectPayload]):
    """Returns its input, with a label."""

    name = "collect"
    Payload = CollectPayload
    upload = "none"

    def run(self, payload: CollectPayload, context: Context) -> Any:
        return [payload.label, payload.input]


class GatePayload(NotePayload):
    """`gate` is a file that the job waits for."""

    gate: str


class Gated(JobType[GatePayload]):
    """Notes its id when it starts, and ends some seconds after the gate file exists."""

    name = "gated"
    Payload = GatePayload
    upload = "none"

    def run(self, payload: GatePayload, context: Context) -> Any:
        note(payload.notes, context.job_id)
        while not Path(payload.gate).exists():
            time.sleep(0.01)
        time.sleep(payload.seconds)


class Hopeless(JobType[NotePayload]):
    """Fails with an error that is not retried."""

    name = "hopeless"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        note(payload.notes, "ran")
        raise NotRetryable("it will never work")


class Crash(JobType[NotePayload]):
    """Crashes its process with a segmentation fault."""

    name = "crash"
    Payload = NotePayload
    upload = "none"

    def run(self, payload: NotePayload, context: Context) -> Any:
        note(payload.notes, "ran")
        ctypes.string_at(0)


class Stubborn(JobType[NotePayload]):
    """Ignores signals and never ends. Starts a child and a daemon, and notes all three pids."""

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
    """Reports progress for some seconds."""

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
    """`lines` is how many lines to print; then "bar", "log", "crash", "sleep", or anything else."""

    lines: int
    then: str


class Talk(JobType[TalkPayload]):
    """Prints lines, then a bar that overwrites itself, logs, crashes, sleeps or returns."""

    name = "talk"
    Payload = TalkPayload
    upload = "none"

    def run(self, payload: TalkPayload, context: Context) -> Any:
        for number in range(payload.lines):
            print(f"line {number}")  # noqa: T201
        if payload.then == "log":
            context.log.info("%d lines", payload.lines)
            context.log.warning("no date\nin a row", row=17)
            try:
                int("x")
            except ValueError:
                context.log.exception("no number", self="x")
        if payload.then == "crash":
            ctypes.string_at(0)
        if payload.then == "bar":
            for percent in range(0, 101, 20):
                print(f"\r{percent} %", end="")  # noqa: T201
                time.sleep(0.3)
            print(", done")  # noqa: T201
        if payload.then in ("bar", "sleep"):
            time.sleep(600)


class NothingPayload(Payload):
    """An empty payload."""


class Traced(JobType[NothingPayload]):
    """Returns the TRACEPARENT in its environment."""

    name = "traced"
    Payload = NothingPayload
    upload = "none"

    def run(self, payload: NothingPayload, context: Context) -> Any:
        return os.environ.get("TRACEPARENT")


class Exit(JobType[NothingPayload]):
    """Exits its process with code 3."""

    name = "exit"
    Payload = NothingPayload
    upload = "none"

    def run(self, payload: NothingPayload, context: Context) -> Any:
        os._exit(3)


class Spin(JobType[NothingPayload]):
    """Uses a processor and never ends."""

    name = "spin"
    Payload = NothingPayload
    upload = "none"

    def run(self, payload: NothingPayload, context: Context) -> Any:
        while True:
            pass


class Hog(JobType[NothingPayload]):
    """Allocates 1 GiB of memory."""

    name = "hog"
    Payload = NothingPayload
    upload = "none"

    def run(self, payload: NothingPayload, context: Context) -> Any:
        return len(b"x" * 2**30)

"""Job types that attack the service, for test_hostile_jobs.py and test_forged_answers.py in
tests/end_to_end."""

import os
import signal
import time
from pathlib import Path
from typing import Any, NoReturn

from runner.job_types.base import Context, JobType, Payload
from tests.support.pool import forgeries, isolation_calls

MOST_PROCESSES = 1000
"""As many processes as the test machine can bear if no limit stops them."""


class AttackPayload(Payload):
    """`do` is the name of a function in this module or in `forgeries`, `forgery` one of its
    messages."""

    do: str
    forgery: str | None = None


class Attack(JobType[AttackPayload]):
    """Calls that function."""

    name = "attack"
    Payload = AttackPayload
    upload = "none"

    def run(self, payload: AttackPayload, context: Context) -> Any:
        context.report({"folder": os.getcwd()})
        if payload.forgery:
            return forgeries.forge(print, payload.forgery)
        if payload.do in vars(forgeries):
            return vars(forgeries)[payload.do](print)
        return globals()[payload.do]()


def eat_memory() -> NoReturn:
    pieces = []
    while True:
        pieces.append(b"x" * 2**20)


def fork() -> None:
    isolation_calls.fork_bomb(lambda _: None, MOST_PROCESSES)


def ignore_signals() -> NoReturn:
    for number in {*signal.valid_signals()} - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
        if number < signal.SIGRTMIN:
            signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(60)


def print_much() -> None:
    line = b"x" * 2**16
    for _ in range(2**30 // len(line)):
        os.write(1, line)


def fill_folder() -> None:
    isolation_calls.fill_folder_endlessly(lambda _: None, 2**20)


def look_around() -> dict[str, Any]:
    """Return what a job can read that is not meant for it."""
    runner = int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1])
    shown = [
        isolation_calls.initial_environment(str(pid)) for pid in (os.getpid(), os.getppid(), runner)
    ]
    return {"environ": str([dict(os.environ), *shown[:2]]), "runner": shown[2] is not None}

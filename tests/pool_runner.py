"""Runners in processes of their own, for tests of the pool to kill."""

import fcntl
import json
import os
import select
import signal
import sys
from typing import Any

from runner import messages
from runner.job_process import JobProcess
from runner.pool import Pool
from runner.watch import Ears, RunnerGone, Watch
from tests import pool_work


def hold_pool(lock: str, gate: str) -> None:
    """A runner with three slots and two jobs, until the file `gate` is there, or it is killed.

    Says when the pool is made, when both jobs run, and how the one ended that waited for the gate.
    SIGINT is noted and no more.
    """
    signal.signal(signal.SIGINT, lambda *_: None)
    file = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    pool = Pool(3, pool_work.load, keep_fds=[file])
    _say("made")
    pool.submit("family", json.dumps({"do": "family", "with": {"seconds": 60}}), None)
    pool.submit("gate", json.dumps({"do": "wait_for_file", "with": {"path": gate}}), None)
    told: set[str] = set()
    while len(told) < 2:
        select.select(pool.filenos(), [], [], 10)
        told |= set(pool.progress())
    _say("running")
    outcomes: list[Any] = []
    while not outcomes:
        select.select(pool.filenos(), [], [], 10)
        outcomes = pool.collect()
    _say(outcomes[0][1].kind)
    pool.close()


def watch_without_runner() -> None:
    """A keeper's watch of a job, with nobody at the other end of its channel."""
    runner, keeper = messages.channel()
    wakeup, _ = os.pipe2(os.O_NONBLOCK)
    process = JobProcess(pool_work.entry, [], 1000)
    watch = Watch(Ears(keeper, wakeup), process, "token", None, 0.0)
    process.ask("token", json.dumps({"do": "sleep", "with": {"seconds": 60}}), None)
    runner.close()
    try:
        watch.ending()
    except RunnerGone:
        _say("gone")
    process.kill()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

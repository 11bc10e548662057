"""A runner whose loop stands still is ended, and one that could not run is not."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil
import pytest

from runner.pool.fork.watchdog import Watchdog, WatchdogArguments, WatchdogSettings
from runner.pool.protocol.python_internals import InheritedDescriptor
from runner.pool.protocol.shared_memory import LoopCounter
from tests.support.paths import ROOT
from tests.support.programs import alive
from tests.support.waiting import wait_for

SECONDS = 30.0


@dataclass
class Watched:
    """A process in place of a runner, and its watchdog, with a clock that tests set."""

    process: subprocess.Popen[bytes]
    counter: LoopCounter
    now: float = 100.0
    reports: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        def report(seconds: float, stacks: str) -> None:
            self.reports.append(seconds)

        count, stacks = (InheritedDescriptor(os.dup(each)) for each in self.counter.descriptors)
        arguments = WatchdogArguments(WatchdogSettings(SECONDS, report), (count, stacks))
        self.watchdog = Watchdog(self.process.pid, arguments, lambda: self.now)

    def passes(self, seconds: float) -> list[float]:
        """Let time pass, with a check each second; return the reports so far."""
        for _ in range(round(seconds)):
            self.now += 1
            self.watchdog.check()
        return self.reports


@pytest.fixture
def watched() -> Iterator[Watched]:
    process = subprocess.Popen(["sleep", "600"])
    watched = Watched(process, LoopCounter())
    yield watched
    process.kill()
    process.wait()
    watched.watchdog._counter.close()
    watched.counter.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)


def test_a_loop_that_stands_still_is_reported(watched: Watched) -> None:
    watched.counter.count()
    assert watched.passes(SECONDS) == []  # the first check has only seen the iteration
    assert watched.passes(1) == [SECONDS]


def test_a_loop_that_goes_on_is_not_reported(watched: Watched) -> None:
    for _ in range(5):
        watched.counter.count()
        assert watched.passes(SECONDS) == []


def test_a_loop_that_has_not_begun_is_not_reported(watched: Watched) -> None:
    assert watched.passes(10 * SECONDS) == []


def test_a_stopped_runner_is_not_reported_and_gets_all_the_time_after_it(watched: Watched) -> None:
    watched.counter.count()
    watched.passes(SECONDS - 1)
    stop(watched.process)
    assert watched.passes(10 * SECONDS) == []
    watched.process.send_signal(signal.SIGCONT)
    wait_for(lambda: psutil.Process(watched.process.pid).status() == psutil.STATUS_SLEEPING)
    assert watched.passes(SECONDS - 1) == []
    assert watched.passes(1) == [SECONDS]


def test_time_in_which_the_watchdog_stood_still_as_well_does_not_count(watched: Watched) -> None:
    watched.counter.count()
    watched.passes(SECONDS - 1)
    watched.now += 10 * SECONDS  # a paused container
    assert watched.passes(SECONDS) == []
    assert watched.passes(1) == [SECONDS]


@pytest.mark.heavy
@pytest.mark.parametrize("where", ["in_c_code", "at_a_lock"])
def test_a_runner_that_hangs_is_killed_with_all_its_processes_and_shows_its_stacks(
    where: str,
) -> None:
    code = f"from tests.support.pool import runner_process; runner_process.hang('{where}')"
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert runner.stdout
    with runner.stdout:
        assert runner.stdout.readline() == b"hangs\n"
        processes = psutil.Process(runner.pid).children(recursive=True)
        report = json.loads(runner.stdout.readline())
    try:
        assert runner.wait(20) == -signal.SIGKILL
    finally:
        runner.kill()
        runner.wait()
    assert report["seconds"] >= 1
    assert f"in {where}" in report["stacks"]
    wait_for(lambda: not any(map(alive, processes)))

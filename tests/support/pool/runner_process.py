"""Runners in processes of their own, for tests of the pool to kill."""

import contextlib
import fcntl
import json
import os
import select
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from runner.pool.keeper import keeper
from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.limits_exceeded import LimitWatchdog
from runner.pool.keeper.orders import CallOrders
from runner.pool.keeper.watch import CallWatch, RunnerGone, WatchedDescriptors
from runner.pool.linux import processes
from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.pool import Pool
from runner.pool.protocol import messages
from runner.pool.protocol.begun_calls import new_begun_calls
from runner.pool.protocol.lease import Lease
from runner.pool.protocol.setup import SLOT_NUMBER, CallLimits, InheritedDescriptor, KeeperArguments
from tests.support.pool import calls
from tests.support.pool.pools import work_place


def hold_pool(lock: str, gate: str) -> None:
    """A runner with three slots and two jobs, until the file `gate` is there, or it is killed.

    Says when the pool is made, when both jobs run, and how the one ended that waited for the gate.
    SIGINT is noted and no more.
    """
    signal.signal(signal.SIGINT, lambda *_: None)
    file = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    work = RunnerFolder(Path(lock).parent / "work")
    pool = Pool(3, calls.load, work, keep_fds=[file])
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


def hold_pool_below_an_adopter(lock: str, gate: str) -> None:
    """The same in a child, and say its id; what it leaves is adopted in the session that it was in.

    Elsewhere the groups of its keepers would be orphaned, and the kernel wakes those that are
    stopped by itself.
    """
    processes.set_subreaper()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        hold_pool(lock, gate)
        os._exit(0)
    _say(str(child))
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def watch_without_runner() -> None:
    """A keeper's watch of a job, with nobody at the other end of its channel."""
    runner, channel = messages.new_channel()
    wakeup, _ = os.pipe2(os.O_NONBLOCK)
    process = JobProcess(calls.entry, [], CallLimits(), "")
    watched = WatchedDescriptors(CallOrders(channel), wakeup, Lease())
    watch = CallWatch(
        watched, process, LimitWatchdog(process.limits, lambda _: 0), "token", None, 0.0
    )
    process.send_call("token", json.dumps({"do": "sleep", "with": {"seconds": 60}}), None, "")
    runner.close()
    try:
        watch.wait_for_end()
    except RunnerGone:
        _say("gone")
    process.kill()


def keep_without_runner() -> None:
    """A keeper with nobody at the other end of its channel when it is ready."""
    runner, theirs = messages.new_channel()
    read, write = os.pipe()
    os.write(write, SLOT_NUMBER.pack(0))
    channel = InheritedDescriptor(theirs.detach())
    lease = InheritedDescriptor(Lease().descriptor)
    runner.close()
    with work_place() as work, new_begun_calls(1) as begun_calls:
        place = InheritedDescriptor(work.descriptor), str(work.path)
        ends = (
            InheritedDescriptor(read),
            (channel,),
            InheritedDescriptor(begun_calls.descriptor),
            lease,
        )
        keeper.set_entry(calls.load())
        keeper.start(KeeperArguments(CallLimits(), os.getppid(), *ends, (), *place))
    _say("lives on")


def fork_while_a_signal_comes(name: str) -> None:
    """A job process that gets a signal in the moment in which its keeper forks it.

    Says what it answers, or how it ended.
    """
    signal.signal(signal.Signals[name], lambda *_: _say("the handler of the keeper ran"))
    fork = os.fork

    def fork_and_signal() -> int:
        if pid := fork():
            return pid
        os.kill(os.getpid(), signal.Signals[name])
        return 0

    os.fork = fork_and_signal
    process = JobProcess(calls.entry, [], CallLimits(), "")
    process.send_call("token", json.dumps({"do": "echo", "with": {"value": 1}}), None, "")
    try:
        answer = messages.receive(process.channel, wait=True)
        _say(answer.fields["kind"] if answer else "nothing")
    except EOFError:
        _say(f"ended: {os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])}")


def run_out_of_memory(mebibytes: str) -> None:
    """A pool in a cgroup that has less memory than the one of its two jobs takes."""
    folder = tempfile.TemporaryDirectory()
    work = RunnerFolder(Path(folder.name))
    pool = Pool(2, calls.load, work)
    for token, arguments in (("large", {"mebibytes": int(mebibytes), "keep": True}), ("small", {})):
        do = "hold_memory" if arguments else "pid"
        pool.submit(token, json.dumps({"do": do, "with": arguments}), None)
    outcomes: dict[str, Any] = {}
    while len(outcomes) < 2:
        select.select(pool.filenos(), [], [], 10)
        outcomes |= pool.collect()
    _say(json.dumps({token: outcome._asdict() for token, outcome in outcomes.items()}))
    pool.close()
    work.close()
    folder.cleanup()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

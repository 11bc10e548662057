"""Programs that tests run in separate processes: runners to kill, and single keepers."""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from runner.pool.fork.watchdog import WatchdogSettings
from runner.pool.keeper import keeper
from runner.pool.keeper.job_process import JobProcess
from runner.pool.keeper.watch import CallOrders, CallWatch
from runner.pool.linux import processes
from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.pool import Pool
from runner.pool.protocol import messages
from runner.pool.protocol.python_internals import InheritedDescriptor
from runner.pool.protocol.setup import CallLimits, KeeperArguments, PoolArguments, Slot
from runner.pool.protocol.shared_memory import BegunCalls, Lease
from tests.support.pool import calls
from tests.support.pool.pools import open_runner_folder


def run_pool(lock: str, gate: str) -> None:
    """Run a pool with three slots and two jobs until the file `gate` exists.

    Prints a line when the pool is created and when both jobs run, and then the kind of outcome of
    the job that waited for the gate. SIGINT has no effect.
    """
    signal.signal(signal.SIGINT, lambda *_: None)
    file = os.open(lock, os.O_RDWR | os.O_CREAT)
    fcntl.flock(file, fcntl.LOCK_EX)
    os.ftruncate(file, 1)
    runner_folder = RunnerFolder(Path(lock).parent / "work")
    pool = Pool(3, calls.load, runner_folder, keep_fds=[file])
    _print_line("created")
    pool.submit("family", json.dumps({"do": "family", "with": {"seconds": 60}}), None)
    pool.submit("gate", json.dumps({"do": "wait_for_file", "with": {"path": gate}}), None)
    reported: set[str] = set()
    while len(reported) < 2:
        select.select(pool.filenos(), [], [], 10)
        reported |= set(pool.collect().progress)
    _print_line("running")
    outcomes: list[Any] = []
    while not outcomes:
        select.select(pool.filenos(), [], [], 10)
        outcomes = pool.collect().outcomes
    _print_line(outcomes[0][1].kind)
    pool.close()


def run_pool_below_a_subreaper(lock: str, gate: str) -> None:
    """Call `run_pool` in a child, print its pid, and adopt the processes that it leaves.

    Without an adopter in the same session, the process groups of its keepers would be orphaned, and
    the kernel would resume stopped processes in orphaned groups by itself.
    """
    processes.set_subreaper()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        run_pool(lock, gate)
        os._exit(0)
    _print_line(str(child))
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def hang(where: str) -> None:
    """Run the loop of a pool once, and hang in the function with this name.

    Prints a line before, and the report of the watchdog.
    """
    folder = tempfile.TemporaryDirectory()
    watchdog = WatchdogSettings(1.0, print_report)
    pool = Pool(1, calls.load, RunnerFolder(Path(folder.name)), watchdog=watchdog)
    pool.beat()
    _print_line("hangs")
    {"in_c_code": in_c_code, "at_a_lock": at_a_lock}[where]()


def in_c_code() -> None:
    """Hang in C code that holds the interpreter's lock."""
    while True:
        ctypes.PyDLL(None).pause()


def at_a_lock() -> None:
    """Wait for a lock that is never freed."""
    lock = threading.Lock()
    with lock:
        lock.acquire()


def print_report(seconds: float, stacks: str) -> None:
    """Print what the watchdog reports."""
    _print_line(json.dumps({"seconds": seconds, "stacks": stacks}))


def watch_without_runner() -> None:
    """Watch a job as a keeper does, after the pool's end of the channel was closed."""
    runner, channel = messages.new_channel()
    wakeup, _ = os.pipe2(os.O_NONBLOCK)
    process = JobProcess(calls.entry, [], CallLimits(), "")
    orders = CallOrders(channel)
    watch = CallWatch(orders, wakeup, Lease(), process, lambda _: 0, "call_id", None)
    process.send_call(json.dumps({"do": "sleep", "with": {"seconds": 60}}), None, "")
    runner.close()
    try:
        watch.wait_for_end()
    except EOFError:
        _print_line("gone")
    process.kill()


def start_keeper_without_runner() -> None:
    """Start a keeper whose channel to the pool is already closed."""
    runner, keeper_end = messages.new_channel()
    slot = Slot(0, InheritedDescriptor(keeper_end.detach()))
    lease = InheritedDescriptor(Lease().descriptor)
    runner.close()
    with open_runner_folder() as folder, contextlib.closing(BegunCalls(1)) as begun_calls:
        runner_folder = InheritedDescriptor(folder.descriptor), str(folder.path)
        arguments = PoolArguments(CallLimits(), os.getppid(), lease, (), *runner_folder)
        shared = InheritedDescriptor(begun_calls.descriptor)
        keeper.set_entry(calls.load())
        keeper.start(KeeperArguments(arguments, slot, shared))
        keeper.serve()


def fork_while_a_signal_comes(name: str) -> None:
    """Send a job process a signal right after the fork, and print its answer or how it ended."""
    signal.signal(signal.Signals[name], lambda *_: _print_line("the handler of the keeper ran"))
    fork = os.fork

    def fork_and_signal() -> int:
        if pid := fork():
            return pid
        os.kill(os.getpid(), signal.Signals[name])
        return 0

    os.fork = fork_and_signal
    process = JobProcess(calls.entry, [], CallLimits(), "")
    process.send_call(json.dumps({"do": "echo", "with": {"value": 1}}), None, "")
    try:
        answer = messages.receive(process.channel, wait=True)
        _print_line(answer.fields["kind"] if answer else "nothing")
    except EOFError:
        _print_line(f"ended: {os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])}")


def run_out_of_memory(mebibytes: str) -> None:
    """Run a small job, and one that uses more memory than the cgroup of this process has."""
    folder = tempfile.TemporaryDirectory()
    runner_folder = RunnerFolder(Path(folder.name))
    pool = Pool(2, calls.load, runner_folder)
    for call_id, arguments in (
        ("large", {"mebibytes": int(mebibytes), "keep": True}),
        ("small", {}),
    ):
        do = "hold_memory" if arguments else "pid"
        pool.submit(call_id, json.dumps({"do": do, "with": arguments}), None)
    outcomes: dict[str, Any] = {}
    while len(outcomes) < 2:
        select.select(pool.filenos(), [], [], 10)
        outcomes |= pool.collect().outcomes
    _print_line(json.dumps({call_id: outcome._asdict() for call_id, outcome in outcomes.items()}))
    pool.close()
    runner_folder.close()
    folder.cleanup()


def _print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

"""Opens pools and uses them like the supervisor, and inspects processes, for tests."""

import json
import os
import resource
import select
import signal
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from runner.pool.linux.landlock import JobAccess
from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.pool import Pool
from runner.pool.protocol.setup import CallLimits
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job_limits import OwnLimits
from tests.support.pool import calls
from tests.support.waiting import wait_for


class Owner:
    """Submits calls by the names of functions in calls.py, and waits for their outcomes."""

    def __init__(self, pool: Pool, folder: RunnerFolder):
        self.pool, self.folder = pool, folder
        self._submitted: list[str] = []
        self._outcomes: dict[str, AttemptOutcome] = {}
        self._progress: dict[str, str] = {}

    def submit(self, do: str, timeout: float | None = None, **arguments: Any) -> str:
        """Submit a call; returns its id."""
        call_id = self._new_call_id(do)
        self.pool.submit(call_id, json.dumps({"do": do, "with": arguments}), timeout)
        return call_id

    def run_within(self, limits: OwnLimits, do: str, **arguments: Any) -> AttemptOutcome:
        """Submit a call of a job that has limits by itself, and wait for its outcome."""
        return self._run_with({"limits": limits}, do, arguments)

    def run_of_type(
        self, job_type: str, do: str, caller: str | None = None, **arguments: Any
    ) -> AttemptOutcome:
        """Submit a call of a job type for a caller, and wait for its outcome."""
        return self._run_with({"job_type": job_type, "caller": caller}, do, arguments)

    def _run_with(self, given: Any, do: str, arguments: dict[str, Any]) -> AttemptOutcome:
        call_id = self._new_call_id(do)
        self.pool.submit(call_id, json.dumps({"do": do, "with": arguments}), None, **given)
        return self.outcome(call_id)

    def submit_raw(self, text: str) -> str:
        """Submit a call that returns this text unchanged as its result."""
        call_id = self._new_call_id("raw")
        self.pool.submit(call_id, json.dumps({"do": "raw", "text": text}), None)
        return call_id

    def run(self, do: str, timeout: float | None = None, **arguments: Any) -> AttemptOutcome:
        """Submit a call, and wait for its outcome."""
        return self.outcome(self.submit(do, timeout, **arguments))

    def outcome(self, call_id: str) -> AttemptOutcome:
        """Wait for the outcome of a call."""
        self._wait(lambda: call_id in self._outcomes)
        return self._outcomes.pop(call_id)

    def outcomes(self, call_ids: list[str]) -> list[AttemptOutcome]:
        """Wait for the outcomes of several calls."""
        return [self.outcome(call_id) for call_id in call_ids]

    def progress(self, call_id: str) -> Any:
        """Wait for progress of a call; returns the values that it has told."""
        self._wait(lambda: call_id in self._progress)
        return json.loads(self.last_progress(call_id))["values"]

    def last_progress(self, call_id: str) -> str:
        """Return the newest progress of a call. Raises KeyError if there is none."""
        return self._progress.pop(call_id)

    def is_woken(self) -> bool:
        """Return whether a descriptor of the pool is readable."""
        return bool(select.select(self.pool.filenos(), [], [], 0)[0])

    def start(self, do: str, timeout: float | None = None, **arguments: Any) -> tuple[str, Any]:
        """Submit a call that reports the pids of its processes as progress, and wait for them."""
        call_id = self.submit(do, timeout, **arguments)
        return call_id, self.progress(call_id)

    def kill(self, call_id: str) -> AttemptOutcome:
        """Kill a call, and wait for its outcome."""
        assert self.pool.kill(call_id)
        return self.outcome(call_id)

    def kill_all(self) -> list[AttemptOutcome]:
        """Kill all calls, and wait for their outcomes."""
        call_ids = [call_id for call_id in self._submitted if self.pool.kill(call_id)]
        return self.outcomes(call_ids)

    def value(self, do: str, **arguments: Any) -> Any:
        """Run a call that must return; returns its result."""
        outcome = self.run(do, **arguments)
        assert outcome.kind == "returned", outcome
        assert outcome.result is not None
        return json.loads(outcome.result)

    def _new_call_id(self, do: str) -> str:
        self._submitted.append(f"{do} {len(self._submitted)}")
        return self._submitted[-1]

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Collect outcomes and progress until the condition is true.

        Only waits on the descriptors of the pool, to test that they wake the owner.
        """
        deadline = time.monotonic() + 20
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"not after 20 s; running: {self.pool.pids()}"
            select.select(self.pool.filenos(), [], [], left)
            outcomes, progress, _ = self.pool.collect()
            self._progress |= progress
            for call_id, outcome in outcomes:
                assert call_id not in self._outcomes, "a second outcome"
                self._outcomes[call_id] = outcome


@contextmanager
def open_pool(
    size: int = 2,
    load: Any = calls.load,
    keep_fds: Collection[int] = (),
    access: JobAccess | None = None,
    **limits: Any,
) -> Iterator[Owner]:
    """Open a pool with these fields of CallLimits; checks that closing it leaves no process."""
    before = children()
    with open_runner_folder() as folder:
        pool = Pool(
            size, load, folder, keep_fds=keep_fds, limits=CallLimits(**limits), access=access
        )
        try:
            yield Owner(pool, folder)
        finally:
            pool.close()
            assert children() <= before


@contextmanager
def open_runner_folder() -> Iterator[RunnerFolder]:
    """Open a folder for the folders of jobs; checks that closing it leaves nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = RunnerFolder(Path(name) / "work")
        try:
            yield folder
        finally:
            folder.close()
        assert os.listdir(folder.path.parent) == []


def children() -> set[int]:
    """Return the children of this process, except the resource tracker of multiprocessing."""
    pids = {int(pid) for pid in Path("/proc/thread-self/children").read_text().split()}
    return {pid for pid in pids if "resource_tracker" not in command(pid)}


def command(pid: int) -> str:
    """Return the command line of a process; "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def name_of(pid: int) -> str:
    """Return the name of a process (comm); "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def state(pid: int) -> str:
    """Return the letter for the state of a process in /proc/PID/stat; "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stop(pid: int) -> None:
    """Stop a process with SIGSTOP, and wait until it has stopped."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: state(pid) == "T")


def parent(pid: int) -> int:
    """Return the parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process with one thread."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def voluntary_switches(pid: int) -> int:
    """Return how often a process with one thread has gone to sleep."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def living(pids: list[int]) -> list[int]:
    """Return the processes that still have memory. An exiting process frees its memory first."""
    return [pid for pid in pids if command(pid)]


def has_ended(pid: int) -> bool:
    """Return whether a process is gone or a zombie."""
    return state(pid) in ("", "Z")


def existing(pids: list[int]) -> list[int]:
    """Return the processes that exist, including zombies."""
    return [pid for pid in pids if state(pid)]


def open_descriptors(pid: int | str = "self") -> int:
    """Return how many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@contextmanager
def descriptors_below(limit: int) -> Iterator[None]:
    """Prevent this process from opening descriptors from this number on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def free_descriptor(number: int = 0) -> int:
    """Return the descriptor that this process would get after opening this many others."""
    with ExitStack() as files:
        opened = [files.enter_context(open(os.devnull)) for _ in range(number + 1)]
        return opened[-1].fileno()

"""A pool as its owner uses it, for tests."""

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

from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.pool import CallOutcome, Pool
from runner.pool.protocol.setup import CallLimits
from tests.support.pool import calls
from tests.support.waiting import wait_for


class Owner:
    """Submits work by its name in tests/support/pool/calls.py, and waits for what comes of it."""

    def __init__(self, pool: Pool, work: RunnerFolder):
        self.pool, self.work = pool, work
        self._submitted: list[str] = []
        self._outcomes: dict[str, CallOutcome] = {}
        self._progress: dict[str, str] = {}

    def submit(self, do: str, timeout: float | None = None, **arguments: Any) -> str:
        """Submit a call; returns its token."""
        token = self._new_token(do)
        self.pool.submit(token, json.dumps({"do": do, "with": arguments}), timeout)
        return token

    def submit_raw(self, text: str) -> str:
        """Submit a call that returns this text as its result."""
        token = self._new_token("raw")
        self.pool.submit(token, json.dumps({"do": "raw", "text": text}), None)
        return token

    def run(self, do: str, timeout: float | None = None, **arguments: Any) -> CallOutcome:
        """Submit a call, and wait for its outcome."""
        return self.outcome(self.submit(do, timeout, **arguments))

    def outcome(self, token: str) -> CallOutcome:
        """Wait for an outcome."""
        self._wait(lambda: token in self._outcomes)
        return self._outcomes.pop(token)

    def outcomes(self, tokens: list[str]) -> list[CallOutcome]:
        """Wait for the outcomes of all."""
        return [self.outcome(token) for token in tokens]

    def progress(self, token: str) -> Any:
        """Wait for progress."""
        self._wait(lambda: token in self._progress)
        return json.loads(self.told(token))

    def told(self, token: str) -> str:
        """The newest progress up to now, which there must be."""
        return self._progress.pop(token)

    def is_woken(self) -> bool:
        """Whether a descriptor of the pool is readable."""
        return bool(select.select(self.pool.filenos(), [], [], 0)[0])

    def start(self, do: str, timeout: float | None = None, **arguments: Any) -> tuple[str, Any]:
        """Submit a call that tells the pids of its processes, and wait for these."""
        token = self.submit(do, timeout, **arguments)
        return token, self.progress(token)

    def kill(self, token: str) -> CallOutcome:
        """Kill a call, and wait for its outcome."""
        assert self.pool.kill(token)
        return self.outcome(token)

    def kill_all(self) -> list[CallOutcome]:
        """Kill all that runs, and wait until it is over."""
        tokens = [token for token in self._submitted if self.pool.kill(token)]
        return self.outcomes(tokens)

    def value(self, do: str, **arguments: Any) -> Any:
        """What a call returns, which it must."""
        outcome = self.run(do, **arguments)
        assert outcome.kind == "returned", outcome
        assert outcome.result is not None
        return json.loads(outcome.result)

    def _new_token(self, do: str) -> str:
        self._submitted.append(f"{do} {len(self._submitted)}")
        return self._submitted[-1]

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Take what comes until the condition is met; woken by nothing but the descriptors."""
        deadline = time.monotonic() + 20
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"not after 20 s; running: {self.pool.pids()}"
            select.select(self.pool.filenos(), [], [], left)
            self._progress |= self.pool.progress()
            for token, outcome in self.pool.collect():
                assert token not in self._outcomes, "a second outcome"
                self._outcomes[token] = outcome


@contextmanager
def open_pool(
    size: int = 2, load: Any = calls.load, keep_fds: Collection[int] = (), **limits: Any
) -> Iterator[Owner]:
    """A pool with these limits of runner/pool/protocol/setup.py; at its end none of its processes may be left."""
    before = children()
    with work_place() as work:
        pool = Pool(size, load, work, keep_fds=keep_fds, limits=CallLimits(**limits))
        try:
            yield Owner(pool, work)
        finally:
            pool.close()
            assert children() <= before


@contextmanager
def work_place() -> Iterator[RunnerFolder]:
    """A place for the folders of jobs, of which nothing may be left."""
    with tempfile.TemporaryDirectory() as folder:
        work = RunnerFolder(Path(folder) / "work")
        try:
            yield work
        finally:
            work.close()
        assert os.listdir(work.path.parent) == []


def children() -> set[int]:
    """The children of this process, but the tracker of the multiprocessing module."""
    pids = {int(pid) for pid in Path("/proc/thread-self/children").read_text().split()}
    return {pid for pid in pids if "resource_tracker" not in command(pid)}


def command(pid: int) -> str:
    """How a process was started; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def name_of(pid: int) -> str:
    """What a process calls itself; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def state(pid: int) -> str:
    """One letter for the state of a process, as in /proc; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def stop(pid: int) -> None:
    """Stop a process, and wait until it has."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: state(pid) == "T")


def parent(pid: int) -> int:
    """The parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def cpu_seconds(pid: int) -> float:
    """How long a process of one thread has run."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def turns(pid: int) -> int:
    """How often a process of one thread has gone to sleep."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def living(pids: list[int]) -> list[int]:
    """Those that still hold memory, and with it all else; in its end a process frees that first."""
    return [pid for pid in pids if command(pid)]


def has_ended(pid: int) -> bool:
    """Whether a process has ended so far that its parent can know."""
    return state(pid) in ("", "Z")


def existing(pids: list[int]) -> list[int]:
    """Those that have not ended, or that nobody has waited for."""
    return [pid for pid in pids if state(pid)]


def open_descriptors(pid: int | str = "self") -> int:
    """How many descriptors a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))


@contextmanager
def descriptors_below(limit: int) -> Iterator[None]:
    """Let this process open no descriptor from this number on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def free_descriptor(number: int = 0) -> int:
    """The descriptor that this process would get after it has opened so many others."""
    with ExitStack() as files:
        opened = [files.enter_context(open(os.devnull)) for _ in range(number + 1)]
        return opened[-1].fileno()

"""Listeners and workers on one store, which are restarted whenever they end."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from runner.pool.fork.server_main import PROCESS_NAME
from runner.pool.linux import processes
from tests.support.ports import free_port
from tests.system.chaos.networks import Network, Networks

DIE_WITH_THE_RUN = ("setpriv", "--pdeathsig=KILL", "--")
RESTART_SECONDS = 0.5
FAKETIME = "*/faketime/libfaketimeMT.so.1"


class MachineClock:
    """A fake clock that can be set while programs run that were started with its environment."""

    def __init__(self, folder: Path):
        self._file = folder / "clock"
        self._library = next(Path("/usr/lib").glob(FAKETIME), None)
        self.ahead = 0
        self.set(0)

    @property
    def available(self) -> bool:
        """Whether libfaketime is installed."""
        return self._library is not None

    def set(self, ahead: int) -> None:
        """Set the clock `ahead` seconds ahead of the real time."""
        self.ahead = ahead
        new = self._file.with_suffix(".new")
        new.write_text(f"{ahead:+d}\n")
        new.rename(self._file)

    def environ(self) -> dict[str, str]:
        """The variables for programs. Only the wall clock is fake; other clocks are real."""
        if self._library is None:
            return {}
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


class Program:
    """A running `python -m server` or `python -m runner`, with its log in a file."""

    def __init__(self, name: str, folder: Path, environ: dict[str, str], starter: tuple[str, ...]):
        """`starter` is a command that executes the program at its end."""
        self.log = folder / f"{name}-{time.monotonic_ns()}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*starter, sys.executable, "-m", name],
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )


@dataclass
class ManagedProgram:
    """A program that is restarted when it ends, and its current faults.

    `expected` are the exit codes that its faults explain. `mend` restores its network.
    """

    module: str
    environ: dict[str, str]
    network: Network | None = None
    program: Program | None = None
    restart_at: float = 0.0
    started_at: float = 0.0
    expected: set[int] = field(default_factory=set)
    frozen: list[int] = field(default_factory=list)
    thaw_at: float = 0.0
    keeper_killed_at: float = 0.0
    mend: Callable[[], None] | None = None
    mend_at: float = 0.0

    @property
    def starter(self) -> tuple[str, ...]:
        """The prefix of the command that starts the program."""
        return self.network.starter if self.network else ()

    @property
    def pid(self) -> int | None:
        """The pid of the program, None while it does not run."""
        if self.program is None or self.program.process.poll() is not None:
            return None
        return self.program.process.pid

    def keepers(self) -> list[int]:
        """The pids of its keepers."""
        return [pid for pid in _children(self.pid) if name_of(pid) == "keeper"]

    def fork_servers(self) -> list[int]:
        """The pid of its fork server in a list, which is empty if there is none."""
        return [pid for pid in _children(self.pid) if name_of(pid) == PROCESS_NAME]

    def job_processes(self) -> list[int]:
        """The pids of its job processes."""
        found = [child for keeper in self.keepers() for child in _children(keeper)]
        return [pid for pid in found if name_of(pid) == "job"]

    def signal(self, number: int) -> None:
        """Send the program a signal, and expect the exit codes that it may cause."""
        if self.pid is not None:
            self.expected |= {-number} | ({0} if number == signal.SIGTERM else set())
            processes.send_signal(self.pid, number)

    def freeze(self, pids: list[int], seconds: float) -> None:
        """Stop processes for so many seconds."""
        self.frozen, self.thaw_at = pids, time.monotonic() + seconds
        for pid in pids:
            processes.send_signal(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue the stopped processes."""
        for pid in self.frozen:
            processes.send_signal(pid, signal.SIGCONT)
        self.frozen = []

    def cut(self, how: Callable[[Network], Callable[[], None]], seconds: float) -> None:
        """Cut its network for so many seconds."""
        assert self.network is not None
        self.mend, self.mend_at = how(self.network), time.monotonic() + seconds

    def mend_network(self) -> None:
        """Restore its network."""
        if self.mend is not None:
            self.mend()
        self.mend = None

    def clear_faults(self) -> None:
        """End all its current faults."""
        self.thaw()
        self.mend_network()


@dataclass(frozen=True)
class Plan:
    """How many programs to run, and the networks if each program gets its own."""

    listeners: int = 2
    workers: int = 2
    networks: Networks | None = None


class Fleet:
    """All programs of a run. Use it in the main thread only: the programs die with that thread."""

    def __init__(
        self, folder: Path, environ: dict[str, str], own: dict[str, str], seed: int, plan: Plan
    ):
        """`own` is added to the environment of every second listener and every second worker."""
        self._folder = folder
        self._random = random.Random(seed)
        self._plan = plan
        self.complaints: list[str] = []
        self.starts = 0
        self.addresses: list[tuple[str, int]] = []
        self.listeners = [
            self._listener({**environ, **(own if number % 2 else {})})
            for number in range(plan.listeners)
        ]
        self.workers = [
            ManagedProgram("runner", {**environ, **(own if number % 2 else {})}, self._network())
            for number in range(plan.workers)
        ]

    def _listener(self, environ: dict[str, str]) -> ManagedProgram:
        network = self._network()
        host, port = (network.address, 8080) if network else ("127.0.0.1", free_port())
        self.addresses.append((host, port))
        return ManagedProgram("server", {**environ, "HOST": host, "PORT": str(port)}, network)

    def _network(self) -> Network | None:
        return self._plan.networks.add() if self._plan.networks else None

    @property
    def networks(self) -> bool:
        """Whether each program has its own network, which can be cut."""
        return self._plan.networks is not None

    @property
    def programs(self) -> list[ManagedProgram]:
        """All listeners and workers."""
        return [*self.listeners, *self.workers]

    def supervise(self) -> None:
        """End faults that are over, restart programs that have ended, and reap orphans."""
        now = time.monotonic()
        for managed in self.programs:
            if managed.frozen and now >= managed.thaw_at:
                managed.thaw()
            if managed.mend and now >= managed.mend_at:
                managed.mend_network()
            if managed.program is not None and managed.pid is None:
                self._note_end(managed)
                managed.restart_at = now + self._random.uniform(0, RESTART_SECONDS)
            if managed.program is None and now >= managed.restart_at:
                starter = (*managed.starter, *DIE_WITH_THE_RUN)
                managed.program = Program(managed.module, self._folder, managed.environ, starter)
                managed.started_at = now
                self.starts += 1
        self._wait_for_orphans()

    def stop(self, patience: float) -> None:
        """End all faults, and stop all programs with SIGTERM."""
        for managed in self.programs:
            managed.clear_faults()
            managed.signal(signal.SIGTERM)
        until = time.monotonic() + patience
        for managed in self.programs:
            if managed.program is not None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    managed.program.process.wait(max(0.1, until - time.monotonic()))
                self._note_end(managed)

    def _note_end(self, managed: ManagedProgram) -> None:
        """Forget a program that has ended; complain if no fault explains its end."""
        assert managed.program is not None
        code, log = managed.program.process.poll(), managed.program.log
        text = log.read_text()
        if code is None or code not in managed.expected:
            self.complaints.append(
                f"{managed.module} ended with {code}, {log.name}: {_last_line(text)}"
            )
        elif '"exc_info"' in text:
            self.complaints.append(f"{managed.module} has logged an exception: {log.name}")
        managed.program, managed.expected = None, set()

    def _wait_for_orphans(self) -> None:
        """Reap zombies that a killed runner has left; this process adopts them."""
        mine = {managed.program.process.pid for managed in self.programs if managed.program}
        for pid in processes.children_of(os.getpid()):
            with contextlib.suppress(ChildProcessError):
                if (
                    pid not in mine
                    and _command(pid) == b""
                    and processes.exit_code(pid) is not None
                ):
                    os.waitpid(pid, 0)


def _children(pid: int | None) -> list[int]:
    return [] if pid is None else processes.children_of(pid)


def name_of(pid: int) -> str:
    """Return the name of a process (comm); "" if it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _last_line(text: str) -> str:
    return text.rstrip().rpartition("\n")[2]

"""Injects random, weighted faults into the programs, and counts them.

Two combinations are avoided, because docs/guarantees.md does not promise to survive them. A keeper
and its runner must not be killed within MOMENT_SECONDS. On PostgreSQL, a keeper must not be frozen
while its runner does not run either, for example because it waits for an answer that was lost.
"""

import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.pool.linux import processes
from tests.support.disk.failing_calls import failing_system_calls
from tests.support.disk.small_disks import fill_disk
from tests.support.servers.postgres import PostgresServer
from tests.support.skipping import Skipped
from tests.system.chaos.networks import Network
from tests.system.chaos.programs import Fleet, MachineClock, ManagedProgram

PAUSE_SECONDS = 0.5
SUPERVISE_SECONDS = 0.05
SHORT, LONG, VERY_LONG = (0.1, 1.5), (4.0, 8.0), (7.0, 12.0)
"""Ranges of the duration of a freeze, in seconds.

VERY_LONG is longer than a lease, a rescue, a backoff and a start together, so a runner that was
frozen finds its job running elsewhere."""
LULL_SHARE = 0.7
"""The probability that no other fault happens during a long freeze.

Then the other of two workers can take over. The probability is lower if there are more."""
LONG_SHARE = 0.3
SPARED_SHARE = 0.98
"""The probability that a program is spared while it starts or is frozen.

Without it, few programs would ever run jobs, and few would return late with stale ends."""
STARTING_SECONDS = 3.0
TRIES = 5
FIRST = 3
"""The factor for the weight of a fault that has not been injected yet."""
MOMENT_SECONDS = 3.0
HOUR = 3600
FULL = (0.5, 4.0)
"""Range of seconds for which the disk is full. The store is tried again every second."""
FAILING_CALLS = "pwrite64,fsync,fdatasync"
STOP_AGAIN_SECONDS = 0.03
LOST_ANSWER_SECONDS = 15.0
"""How long a program may still wait for an answer that a network cut has lost."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault. `apply` injects it, and returns False if that is not possible now."""

    name: str
    weight: float
    apply: Callable[[], bool]


class FaultInjector:
    """Injects faults into a fleet, from one thread."""

    def __init__(
        self,
        fleet: Fleet,
        clock: MachineClock,
        server: PostgresServer | None,
        disk: Path | None,
        seed: int,
        postgresql: bool,
    ):
        """`disk` is a small disk with the database, which may be filled; None if there is none.

        `server` may be crashed; None for SQLite, and for a server that is not ours.
        """
        self._fleet = fleet
        self._clock = clock
        self.server = server
        self._disk = disk
        self._random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self._faults = [
            Fault("kill -9 runner", 1, self._kill_runner),
            Fault("kill -9 keeper", 1, self._kill_keeper),
            Fault("kill -9 fork server", 0.5, self._kill_fork_server),
            Fault("kill -9 job process", 2, self._kill_job_process),
            Fault("kill -9 listener", 0.3, self._kill_listener),
            Fault("SIGTERM worker", 0.5, lambda: self._terminate(self._fleet.workers)),
            Fault("SIGTERM listener", 0.2, lambda: self._terminate(self._fleet.listeners)),
            Fault("SIGSTOP runner", 1, self._freeze_runner),
            Fault("SIGSTOP keeper", 1, self._freeze_keeper),
            Fault("SIGSTOP job process", 1.5, self._freeze_job_process),
            Fault("SIGSTOP listener", 0.3, self._freeze_listener),
        ]
        self._faults += self._of_database(postgresql)
        if disk is not None:
            self._faults.append(Fault("full disk", 0.7, self._fill_disk))
        if shutil.which("strace"):
            self._faults += [
                Fault("EIO of a listener", 0.4, lambda: self._fail(fleet.listeners)),
                Fault("EIO of a runner", 0.6, lambda: self._fail(fleet.workers)),
            ]
        if fleet.networks:
            self._faults.append(Fault("network cut", 3, lambda: self._cut(Network.cut)))
            self._faults.append(Fault("answers cut", 2, lambda: self._cut(Network.cut_answers)))
        if clock.available:
            self._faults.append(Fault("clock set", 0.4, self._set_clock))

    def _of_database(self, postgresql: bool) -> list[Fault]:
        """Return the faults that depend on the kind of database, and on a server of ours."""
        if not postgresql:
            return [
                Fault("SIGSTOP all of a worker", 2, self._freeze_worker),
                Fault("kill -9 runner, SIGSTOP keepers", 2, self._orphan),
            ]
        found = [Fault("SIGSTOP runner for longer than a lease", 8, self._outlast_lease)]
        if self.server is not None:
            found.append(Fault("crash of the database server", 0.1, self._crash_server))
        return found

    def run(self, seconds: float) -> None:
        """Inject faults for so many seconds, then end all of them."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.step()
            self._rest(self._random.expovariate(1 / PAUSE_SECONDS))
        for managed in self._fleet.programs:
            managed.clear_faults()
        self._clock.set(HOUR + 60)  # past every time that a clock ahead has stored

    def step(self) -> None:
        """Inject one fault that is possible now, preferably of a kind that was not injected yet."""
        weights = [f.weight * (1 if self.counts[f.name] else FIRST) for f in self._faults]
        for fault in self._random.choices(self._faults, weights, k=TRIES):
            if fault.apply():
                self.counts[fault.name] += 1
                return

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._fleet.supervise()
            time.sleep(min(left, SUPERVISE_SECONDS))

    def _kill_runner(self) -> bool:
        managed = self._random.choice(self._fleet.workers)
        return not _just_lost_a_keeper(managed) and self._end(managed, signal.SIGKILL)

    def _kill_keeper(self) -> bool:
        managed = self._random.choice(self._fleet.workers)
        keepers = managed.keepers()
        if not keepers or managed.frozen or self._spared(managed):
            return False
        managed.keeper_killed_at = time.monotonic()
        processes.send_signal(self._random.choice(keepers), signal.SIGKILL)
        return True

    def _kill_fork_server(self) -> bool:
        found = self._random.choice(self._fleet.workers).fork_servers()
        if found:
            processes.send_signal(found[0], signal.SIGKILL)
        return bool(found)

    def _kill_job_process(self) -> bool:
        found = self._random.choice(self._fleet.workers).job_processes()
        if found:
            processes.send_signal(self._random.choice(found), signal.SIGKILL)
        return bool(found)

    def _kill_listener(self) -> bool:
        return self._end(self._random.choice(self._fleet.listeners), signal.SIGKILL)

    def _terminate(self, programs: list[ManagedProgram]) -> bool:
        return self._end(self._random.choice(programs), signal.SIGTERM)

    def _end(self, managed: ManagedProgram, number: int) -> bool:
        if managed.pid is None or self._spared(managed):
            return False
        managed.signal(number)
        return True

    def _spared(self, managed: ManagedProgram) -> bool:
        starting = time.monotonic() < managed.started_at + STARTING_SECONDS
        return (starting or bool(managed.frozen)) and self._random.random() < SPARED_SHARE

    def _freeze_runner(self) -> bool:
        managed = self._random.choice(self._fleet.workers)
        return self._freeze(managed, _runner(managed), self._span())

    def _outlast_lease(self) -> bool:
        """Freeze a runner until after the end of its lease, so that another takes its jobs."""
        workers = self._fleet.workers
        managed, other = self._random.sample(workers, 2)
        if not (managed.job_processes() and other.job_processes()):
            return False
        other.thaw()
        frozen = self._freeze(managed, _runner(managed), VERY_LONG)
        if frozen and self._random.random() < LULL_SHARE * 2 / len(workers):
            self._rest(managed.thaw_at - time.monotonic())
        return frozen

    def _freeze_keeper(self) -> bool:
        managed = self._random.choice(self._fleet.workers)
        if time.monotonic() < managed.mend_at + LOST_ANSWER_SECONDS:
            return False
        return self._freeze(managed, self._one_of(managed.keepers()), self._span())

    def _freeze_job_process(self) -> bool:
        managed = self._random.choice(self._fleet.workers)
        return self._freeze(managed, self._one_of(managed.job_processes()), self._span())

    def _freeze_listener(self) -> bool:
        managed = self._random.choice(self._fleet.listeners)
        return self._freeze(managed, [managed.pid] if managed.pid else [], SHORT)

    def _freeze_worker(self) -> bool:
        managed = self._random.choice(self._fleet.workers)
        runner = _runner(managed)
        below = processes.descendants_of(runner[0]) if runner else []
        return self._freeze(managed, [*runner, *below], self._span())

    def _orphan(self) -> bool:
        """Kill a runner, and freeze its keepers after they have noticed and before they end."""
        managed = self._random.choice(self._fleet.workers)
        keepers = managed.keepers()
        if managed.frozen or not keepers or _just_lost_a_keeper(managed) or self._spared(managed):
            return False
        managed.signal(signal.SIGKILL)
        until = time.monotonic() + STOP_AGAIN_SECONDS
        while time.monotonic() < until:  # the death of the runner continues stopped keepers once
            for pid in keepers:
                processes.send_signal(pid, signal.SIGSTOP)
        managed.freeze(keepers, self._random.uniform(*LONG))
        return True

    def _freeze(self, managed: ManagedProgram, pids: list[int], span: tuple[float, float]) -> bool:
        if not pids or managed.frozen or self._spared(managed):
            return False
        managed.freeze(pids, self._random.uniform(*span))
        return True

    def _cut(self, how: Callable[[Network], Callable[[], None]]) -> bool:
        """Cut the network of a program, for less or for more than a lease."""
        managed = self._random.choice(self._fleet.programs)
        if managed.mend or managed.frozen or managed.pid is None or self._spared(managed):
            return False
        managed.cut(how, self._random.uniform(*self._random.choice([SHORT, LONG, VERY_LONG])))
        return True

    def _span(self) -> tuple[float, float]:
        return LONG if self._random.random() < LONG_SHARE else SHORT

    def _one_of(self, pids: list[int]) -> list[int]:
        return [self._random.choice(pids)] if pids else []

    def _fill_disk(self) -> bool:
        """Use up all space of the disk that has the database, for a while."""
        assert self._disk is not None
        with fill_disk(self._disk):
            self._rest(self._random.uniform(*FULL))
        return True

    def _fail(self, programs: list[ManagedProgram]) -> bool:
        """Let writes and syncs of a program fail with EIO, for a while."""
        managed = self._random.choice(programs)
        if managed.pid is None or managed.frozen or self._spared(managed):
            return False
        try:
            with failing_system_calls(managed.pid, FAILING_CALLS):
                self._rest(self._random.uniform(*SHORT))
        except (Skipped, AssertionError):
            return False  # it has ended meanwhile, or must not be traced
        return True

    def _crash_server(self) -> bool:
        assert self.server is not None
        self.server.stop(signal.SIGQUIT)
        self.server.start()
        return True

    def _set_clock(self) -> bool:
        self._clock.set(
            self._random.choice([each for each in (-HOUR, 0, HOUR) if each != self._clock.ahead])
        )
        return True


def _runner(managed: ManagedProgram) -> list[int]:
    """The pid of the runner in a list, which is empty if the runner must not be frozen now."""
    return [] if managed.pid is None or _just_lost_a_keeper(managed) else [managed.pid]


def _just_lost_a_keeper(managed: ManagedProgram) -> bool:
    return time.monotonic() - managed.keeper_killed_at < MOMENT_SECONDS

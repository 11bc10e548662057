"""A weighted random walk over faults, which counts what it has done.

What it must not do, since docs/guarantees.md does not promise to bear it: kill a keeper and its
runner within one moment, and, on PostgreSQL, freeze a keeper whose runner does not run either, as
one that waits for an answer which the network has lost.
"""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from runner.pool.linux import proc, processes
from tests.support.servers.postgres import PostgresServer
from tests.system.chaos.networks import Network
from tests.system.chaos.programs import Fleet, MachineClock, Place

PAUSE_SECONDS = 0.5
TEND_SECONDS = 0.05
SHORT, LONG, VERY_LONG = (0.1, 1.5), (4.0, 8.0), (7.0, 12.0)
"""How long a freeze lasts. The last is longer than a lease, a rescue, a backoff and a start: what
was frozen then meets its job running elsewhere."""
LULL_SHARE = 0.7
"""How often nothing else is done meanwhile, that the other worker may take over: of two; with more,
less often."""
LONG_SHARE = 0.3
SPARED_SHARE = 0.98
"""How often a program is spared that is starting, or that is frozen: else few would come to work,
and few would come back late with stale answers."""
STARTING_SECONDS = 3.0
TRIES = 5
FIRST = 3
"""How much rather a fault is chosen that was not before."""
MOMENT_SECONDS = 3.0
HOUR = 3600
STOP_AGAIN_SECONDS = 0.03
HEARS_AGAIN_SECONDS = 15.0
"""How long a program may still wait for what a cut has lost."""


@dataclass(frozen=True)
class Fault:
    """`apply` says whether there was anything to be done."""

    name: str
    weight: float
    apply: Callable[[], bool]


class Walk:
    """Injects faults into a fleet, for one thread."""

    def __init__(self, fleet: Fleet, clock: MachineClock, server: PostgresServer | None, seed: int):
        self._fleet = fleet
        self._clock = clock
        self._server = server
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
        if server is None:
            self._faults.append(Fault("SIGSTOP all of a worker", 2, self._freeze_worker))
            self._faults.append(Fault("kill -9 runner, SIGSTOP keepers", 2, self._orphan))
        else:
            self._faults.append(
                Fault("SIGSTOP runner for longer than a lease", 8, self._outlast_lease)
            )
            self._faults.append(Fault("crash of the database server", 0.1, self._crash_server))
        if fleet.networks:
            self._faults.append(Fault("network cut", 3, lambda: self._cut(Network.cut)))
            self._faults.append(Fault("answers cut", 2, lambda: self._cut(Network.cut_answers)))
        if clock.available:
            self._faults.append(Fault("clock set", 0.4, self._set_clock))

    def run(self, seconds: float) -> None:
        """Walk for so long, then let everything go on."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.step()
            self._rest(self._random.expovariate(1 / PAUSE_SECONDS))
        for place in self._fleet.places:
            place.make_whole()
        self._clock.set(HOUR + 60)  # where nothing waits for a time that a clock ahead has named

    def step(self) -> None:
        """Inject a fault for which there is occasion, rather one that was not chosen yet."""
        weights = [f.weight * (1 if self.counts[f.name] else FIRST) for f in self._faults]
        for fault in self._random.choices(self._faults, weights, k=TRIES):
            if fault.apply():
                self.counts[fault.name] += 1
                return

    def _rest(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._fleet.tend()
            time.sleep(min(left, TEND_SECONDS))

    def _kill_runner(self) -> bool:
        place = self._random.choice(self._fleet.workers)
        return not _just_lost_a_keeper(place) and self._end(place, signal.SIGKILL)

    def _kill_keeper(self) -> bool:
        place = self._random.choice(self._fleet.workers)
        keepers = place.keepers()
        if not keepers or place.frozen or self._spared(place):
            return False
        place.keeper_killed_at = time.monotonic()
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

    def _terminate(self, places: list[Place]) -> bool:
        return self._end(self._random.choice(places), signal.SIGTERM)

    def _end(self, place: Place, number: int) -> bool:
        if place.pid is None or self._spared(place):
            return False
        place.signal(number)
        return True

    def _spared(self, place: Place) -> bool:
        starting = time.monotonic() < place.started_at + STARTING_SECONDS
        return (starting or bool(place.frozen)) and self._random.random() < SPARED_SHARE

    def _freeze_runner(self) -> bool:
        place = self._random.choice(self._fleet.workers)
        return self._freeze(place, _runner(place), self._span())

    def _outlast_lease(self) -> bool:
        """Let the other worker take over, if it can, and then meet what this one does so late."""
        workers = self._fleet.workers
        place, other = self._random.sample(workers, 2)
        if not (place.job_processes() and other.job_processes()):
            return False
        other.thaw()
        frozen = self._freeze(place, _runner(place), VERY_LONG)
        if frozen and self._random.random() < LULL_SHARE * 2 / len(workers):
            self._rest(place.thaw_at - time.monotonic())
        return frozen

    def _freeze_keeper(self) -> bool:
        place = self._random.choice(self._fleet.workers)
        if time.monotonic() < place.mend_at + HEARS_AGAIN_SECONDS:
            return False
        return self._freeze(place, self._one_of(place.keepers()), self._span())

    def _freeze_job_process(self) -> bool:
        place = self._random.choice(self._fleet.workers)
        return self._freeze(place, self._one_of(place.job_processes()), self._span())

    def _freeze_listener(self) -> bool:
        place = self._random.choice(self._fleet.listeners)
        return self._freeze(place, [place.pid] if place.pid else [], SHORT)

    def _freeze_worker(self) -> bool:
        place = self._random.choice(self._fleet.workers)
        runner = _runner(place)
        below = proc.descendants_of(runner[0]) if runner else []
        return self._freeze(place, [*runner, *below], self._span())

    def _orphan(self) -> bool:
        """Kill a runner, and stop its keepers when they have noticed, before they have ended."""
        place = self._random.choice(self._fleet.workers)
        keepers = place.keepers()
        if place.frozen or not keepers or _just_lost_a_keeper(place) or self._spared(place):
            return False
        place.signal(signal.SIGKILL)
        until = time.monotonic() + STOP_AGAIN_SECONDS
        while time.monotonic() < until:  # the end of the runner lets them go on, once
            for pid in keepers:
                processes.send_signal(pid, signal.SIGSTOP)
        place.freeze(keepers, self._random.uniform(*LONG))
        return True

    def _freeze(self, place: Place, pids: list[int], span: tuple[float, float]) -> bool:
        if not pids or place.frozen or self._spared(place):
            return False
        place.freeze(pids, self._random.uniform(*span))
        return True

    def _cut(self, how: Callable[[Network], Callable[[], None]]) -> bool:
        """Cut the network of a program, for shorter or for longer than a lease."""
        place = self._random.choice(self._fleet.places)
        if place.mend or place.frozen or place.pid is None or self._spared(place):
            return False
        place.cut(how, self._random.uniform(*self._random.choice([SHORT, LONG, VERY_LONG])))
        return True

    def _span(self) -> tuple[float, float]:
        return LONG if self._random.random() < LONG_SHARE else SHORT

    def _one_of(self, pids: list[int]) -> list[int]:
        return [self._random.choice(pids)] if pids else []

    def _crash_server(self) -> bool:
        assert self._server is not None
        self._server.stop(signal.SIGQUIT)
        self._server.start()
        return True

    def _set_clock(self) -> bool:
        self._clock.set(
            self._random.choice([each for each in (-HOUR, 0, HOUR) if each != self._clock.ahead])
        )
        return True


def _runner(place: Place) -> list[int]:
    """The runner, if it may be stopped now."""
    return [] if place.pid is None or _just_lost_a_keeper(place) else [place.pid]


def _just_lost_a_keeper(place: Place) -> bool:
    return time.monotonic() - place.keeper_killed_at < MOMENT_SECONDS

"""Many processes write to one SQLite file: how long a submission takes, with and without turns.

    python -m benchmarks.storage.contention [--submitters 6] [--settlers 2] [--seconds 10]
        [--rest-ms 0]

Each submitter stores one job after the other, each settler claims and completes them, with a rest
after each call.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from storage.claims import Claims
from storage.db.write_lock import WriteLock
from storage.open import Store, open_store
from storage.records.job import AttemptEnd, AttemptOutcome, Fence, NewJob, StoreError
from storage.settings.settings import Settings
from storage.store import JobStore

HEAD = """|turns|part|calls/s|median ms|p99 ms|longest ms|refused|fewest and most of one|
|---|---|---|---|---|---|---|---|"""


START_SECONDS = 5.0


class NoLock(WriteLock):
    """Leaves all to SQLite's own waiting."""

    def acquire(self, seconds: float) -> bool:
        """Do not wait."""
        return True

    def release(self) -> None:
        """Nothing was taken."""


def main() -> None:
    """Measure both, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.contention")
    parser.add_argument("--submitters", type=int, default=6)
    parser.add_argument("--settlers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rest-ms", type=float, default=0.0)
    given = parser.parse_args()
    parts = [*["submitter"] * given.submitters, *["settler"] * given.settlers]
    print(HEAD)  # noqa: T201
    for turns in (True, False):
        times = measure(parts, turns, given.seconds, given.rest_ms / 1000)
        for part in ("submitter", "settler"):
            mine = [each for each, name in zip(times, parts, strict=True) if name == part]
            cells = row(mine, given.seconds)
            print(f"|{'yes' if turns else 'no'}|{part}|{cells}|", flush=True)  # noqa: T201


def row(times: list[list[float]], seconds: float) -> str:
    """The cells of one line; a call that was refused took an infinite time."""
    every = sorted(each for some in times for each in some)
    done = [each for each in every if each != float("inf")]
    p99 = every[int(0.99 * len(every))]
    cells = [
        f"{len(done) / seconds:.0f}",
        *(f"{1000 * each:.1f}" for each in (statistics.median(every), p99, done[-1])),
        str(len(every) - len(done)),
        f"{min(map(len, times))}-{max(map(len, times))}",
    ]
    return "|".join(cells)


def measure(parts: list[str], turns: bool, seconds: float, rest: float) -> list[list[float]]:
    """The times of each process's calls, in seconds."""
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="job-service-") as folder,
        ProcessPoolExecutor(len(parts), spawn) as processes,
    ):
        open_store(Settings.read({"DATA_DIR": folder})).close()
        start_at = time.time() + START_SECONDS
        futures = [
            processes.submit(call_on, part, Path(folder), turns, start_at, seconds, rest)
            for part in parts
        ]
        return [future.result() for future in futures]


def call_on(
    part: str, folder: Path, turns: bool, start_at: float, seconds: float, rest: float
) -> list[float]:
    """Call the store again and again, for so long."""
    store = open_store(Settings.read({"DATA_DIR": str(folder)}))
    call = submitter(store) if part == "submitter" else settler(store)
    if not turns:
        store.database.engine.write_lock = NoLock(folder / "none")
    time.sleep(max(0.0, start_at - time.time()))
    times, until = [], time.monotonic() + seconds
    while (began := time.monotonic()) < until:
        try:
            call()
            times.append(time.monotonic() - began)
        except StoreError:
            times.append(float("inf"))
        time.sleep(rest)
    store.close()
    return times


def submitter(store: Store) -> Callable[[], object]:
    """Stores a job."""
    jobs = JobStore(store.database, store.wakeup, store.clock)
    return lambda: jobs.enqueue([NewJob("sleep", {"seconds": 1})])


def settler(store: Store) -> Callable[[], object]:
    """Claims a job and completes the one before, in one transaction."""
    liveness = store.liveness(30)
    claims = Claims(store.database, store.wakeup, liveness, store.clock)
    claims.register(1)
    held: list[Fence] = []

    def turn() -> None:
        with claims.transaction():
            for fence in held:
                claims.complete(fence, "null", AttemptEnd(AttemptOutcome.RETURNED))
            jobs = claims.claim(1)
        held[:] = [Fence(job.id, liveness.name, job.attempt) for job in jobs]

    return turn


if __name__ == "__main__":
    main()

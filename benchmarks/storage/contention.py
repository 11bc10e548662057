"""Many processes write to one SQLite file: how long a call takes, with and without the write lock.

    python -m benchmarks.storage.contention [--submitters 6] [--settlers 2] [--seconds 10]
        [--rest-ms 0]

Each submitter enqueues one job after another. Each settler claims jobs and completes them. All
pause for `--rest-ms` after each call.
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
from storage.db.sqlite import SharedSqlite
from storage.db.sqlite_file.write_lock import WriteLock
from storage.open import Store, open_store
from storage.records.job import Fence, NewJob, StoreError
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.claims_in_steps import completed

HEAD = """|lock|role|calls/s|median ms|p99 ms|longest ms|refused|fewest and most of one|
|---|---|---|---|---|---|---|---|"""


START_SECONDS = 5.0


class NoLock(WriteLock):
    """Takes no lock, so that only SQLite's own busy timeout makes processes wait."""

    def acquire(self, seconds: float) -> bool:
        """Succeed at once."""
        return True

    def release(self) -> None:
        """Do nothing."""


def main() -> None:
    """Measure with and without the lock, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.contention")
    parser.add_argument("--submitters", type=int, default=6)
    parser.add_argument("--settlers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rest-ms", type=float, default=0.0)
    options = parser.parse_args()
    roles = [*["submitter"] * options.submitters, *["settler"] * options.settlers]
    print(HEAD)  # noqa: T201
    for with_lock in (True, False):
        times = measure(roles, with_lock, options.seconds, options.rest_ms / 1000)
        for role in ("submitter", "settler"):
            mine = [each for each, name in zip(times, roles, strict=True) if name == role]
            cells = row(mine, options.seconds)
            print(f"|{'yes' if with_lock else 'no'}|{role}|{cells}|", flush=True)  # noqa: T201


def row(times: list[list[float]], seconds: float) -> str:
    """The cells of a row. A refused call counts as infinitely long."""
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


def measure(roles: list[str], with_lock: bool, seconds: float, rest: float) -> list[list[float]]:
    """The seconds of each call, for each process."""
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="job-service-") as folder,
        ProcessPoolExecutor(len(roles), spawn) as processes,
    ):
        open_store(Settings.read({"DATA_DIR": folder})).close()
        start_at = time.time() + START_SECONDS
        futures = [
            processes.submit(call_on, role, Path(folder), with_lock, start_at, seconds, rest)
            for role in roles
        ]
        return [future.result() for future in futures]


def call_on(
    role: str, folder: Path, with_lock: bool, start_at: float, seconds: float, rest: float
) -> list[float]:
    """Call the store again and again for `seconds`."""
    store = open_store(Settings.read({"DATA_DIR": str(folder)}))
    call = submitter(store) if role == "submitter" else settler(store)
    if not with_lock:
        assert isinstance(store.database.engine, SharedSqlite)
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
    """A function that enqueues a job."""
    jobs = JobStore(store.database, store.wakeup, store.clock)
    return lambda: jobs.enqueue([NewJob("sleep", {"seconds": 1})])


def settler(store: Store) -> Callable[[], object]:
    """A function that completes its last job and claims another, in one transaction."""
    liveness = store.liveness(30)
    claims = Claims(store.database, store.wakeup, liveness, store.clock)
    claims.register(1)
    held: list[Fence] = []

    def settle_and_claim() -> None:
        claimed = claims.settle_and_claim([completed(each) for each in held], limit=1)
        held[:] = [job.fence for job in claimed.jobs.jobs()]
        claims.wake(claimed)

    return settle_and_claim


if __name__ == "__main__":
    main()

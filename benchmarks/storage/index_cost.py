"""CPU time and pages that the index of the role read-own costs each job.

    python -m benchmarks.storage.index_cost [--jobs 2000] [--rounds 20]

Two stores on SQLite, one without the index, take turns: each round submits, claims and ends jobs of
a caller, one after the other. The stores grow alike. The turns alternate in their order, so that a
machine that becomes slower or faster affects both. Prints the median and the least CPU time of a
job with either, and the median and the quartiles of the differences between the two turns of a
round. Before, it counts the pages that a job adds to the WAL, which no load changes.
"""

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from tests.support.claims_in_steps import completed
from tests.support.stores import Bench, Holder, open_bench

INDEX = "job_submitted_by"
WAL_HEAD, FRAME_HEAD = 32, 24
COUNTED = 50
"""Jobs whose pages are counted: fewer than make SQLite begin the WAL anew."""


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.index_cost")
    parser.add_argument("--jobs", type=int, default=2000, help="jobs of a turn")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with ExitStack() as stack:
        stores = list[tuple[Bench, Holder]]()
        for _ in range(2):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="job-service-"))
            bench = stack.enter_context(open_bench("", Path(folder)))
            stores.append((bench, bench.runner()))
        stores[1][0].store.database.execute(f"DROP INDEX {INDEX}")
        for bench, runner in stores:  # the first jobs compile the statements
            turn(bench, runner, 200)
        pages = [pages_of_a_job(*store) for store in stores]
        sys.stdout.write(f"pages of the WAL for a job: {pages[0]:.2f}, {pages[1]:.2f} without\n")
        taken: list[list[float]] = [[], []]
        for number in range(options.rounds):
            for which in (0, 1) if number % 2 else (1, 0):
                taken[which].append(turn(*stores[which], options.jobs))
    report(*taken)


def turn(bench: Bench, runner: Holder, count: int) -> float:
    """Submit, claim and end jobs, one after the other; return the CPU time of each in seconds."""
    began = time.process_time()
    for _ in range(count):
        bench.enqueue(submitted_by="ann")
        fence = runner.claim_one()
        runner.claims.settle(completed(fence))
    return (time.process_time() - began) / count


def pages_of_a_job(bench: Bench, runner: Holder) -> float:
    """Return how many pages the submission, the claim and the end of a job add to the WAL."""
    database = bench.store.database
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (size,) = database.execute("PRAGMA page_size").fetchone()
    turn(bench, runner, COUNTED)
    wal = Path(f"{database.file}-wal").stat().st_size
    return float((wal - WAL_HEAD) / (size + FRAME_HEAD) / COUNTED)


def report(with_index: list[float], without: list[float]) -> None:
    """Print the figures in microseconds."""
    for name, times in (("with", with_index), ("without", without)):
        sys.stdout.write(f"{name:<8} {median(times) * 1e6:.0f}, least {min(times) * 1e6:.0f} us\n")
    added = [1e6 * (a - b) for a, b in zip(with_index, without, strict=True)]
    low, middle, high = quantiles(added, n=4)
    sys.stdout.write(
        f"the index adds {middle:.1f} us ({low:.1f} to {high:.1f} in the middle half of "
        f"{len(added)} rounds)\n"
    )


if __name__ == "__main__":
    main()

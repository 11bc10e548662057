"""Compares this service with other job queues ("peers"), and writes tables and a chart.

    python -m benchmarks.peers [--rounds 3] [--jobs 3000] [--peers celery,huey]
        [--measures run,trip] [--cache FOLDER] [--output FOLDER]

Each peer is installed in a virtual environment below the cache folder, with the versions that
requirements/PEER.txt pins; that takes a minute the first time. redis-server and PostgreSQL must be
installed (Debian: redis-server, postgresql); a peer is skipped if its server is missing. Everything
runs in temporary folders. Only the environments remain, and report.md and chart.svg in the output
folder, which are written anew after each round.

All run no-op jobs, three at a time. Figures are medians of interleaved rounds. The service is
called by HTTP with 32 connections, Celery the same way through Flower and also directly, the others
by their own client in one process, with one call for each job. The measures:

run     jobs per second, from the first submission to the end of the last job
filled  jobs per second if all jobs are queued before the worker starts; only the second half of the
        jobs counts, so that the start of the worker does not
sequential  submissions per second of one client, one after the other, while a worker runs them
trip    time from a submission until the client knows that the job has finished; idle, one by one
submit  HTTP submissions while no worker runs
status  HTTP requests for finished jobs; Flower has the status in memory
result  HTTP requests for the result; Flower fetches it from Redis, the service always includes it
cancel  time from a cancel to the end of the job's process, and to the start of the next job in its
        slot; Celery: revoke(terminate=True, signal="SIGKILL")

All jobs and answers are checked: the service's jobs by their statuses, a peer's jobs by a byte that
each appends to a file, and round trips by the job's result. If a peer fails, the table says so, and
the reason is on stderr. RQ is slow and runs a tenth of the jobs.
"""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.peers import ours
from benchmarks.peers.catalogue import PEERS
from benchmarks.peers.chart import chart
from benchmarks.peers.findings import MEASURES
from benchmarks.peers.rounds import measure_all
from benchmarks.peers.table import report
from tests.support.paths import ROOT


def main() -> None:
    """Install, measure, and write the report."""
    options = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # so that `finally` ends all programs
    options.output.mkdir(parents=True, exist_ok=True)
    contestants = ours.contestants()
    for name in options.peers:
        contestants += PEERS[name](options.cache)
    contestants = [each.only(options.measures) for each in contestants]
    text = ""
    for turn, findings in enumerate(measure_all(contestants, options.rounds, options.jobs)):
        text = report(contestants, findings, circumstances(turn + 1, options.jobs))
        (options.output / "report.md").write_text(text)
        (options.output / "chart.svg").write_text(chart(contestants, findings))
    sys.stdout.write(text)


def circumstances(rounds: int, jobs: int) -> str:
    """The circumstances of all figures, in one sentence."""
    return (
        f"Medians of {rounds} interleaved rounds with {jobs:,} jobs or requests; "
        f"Python {platform.python_version()}, {os.cpu_count()} cores, which all shared."
    )


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    default_folder = ROOT / ".cache" / "peers"
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=3000, help="jobs, or requests, of each figure")
    parser.add_argument("--peers", type=_some_of(list(PEERS)), default=list(PEERS))
    parser.add_argument("--measures", type=_some_of(list(MEASURES)), default=list(MEASURES))
    parser.add_argument(
        "--cache", type=Path, default=default_folder, help="folder for the environments"
    )
    parser.add_argument("--output", type=Path, default=default_folder, help="folder for the report")
    return parser.parse_args()


def _some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    """A parser of comma-separated names. It raises ArgumentTypeError for unknown ones."""

    def read(text: str) -> list[str]:
        found = text.split(",")
        if wrong := [name for name in found if name not in names]:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(names)}")
        return found

    return read


if __name__ == "__main__":
    main()

"""This service beside its peers: the same work, in turn, and tables and a chart of it.

    python -m benchmarks.peers [--rounds 3] [--jobs 3000] [--peers celery,huey]
        [--measures run,trip] [--cache FOLDER] [--output FOLDER]

Each peer is installed in a virtual environment of its own, with the versions that
requirements/PEER.txt pins, below the cache folder; that takes a minute at the first time.
redis-server and PostgreSQL have to be there (Debian: redis-server, postgresql): peers whose server
is missing are skipped. All runs in processes and folders that are thrown away; nothing is left but
the environments, and report.md and chart.svg in the output folder, made anew after each round.

Everybody runs jobs that do nothing, three at a time; figures are medians of rounds in which all
take turns. The service is called by HTTP with 32 connections, Celery so through Flower and besides
directly, the others by their own client in one process, one job a call. What is measured:

run     jobs a second from the first submission to the end of the last job
filled  the same with all jobs there before the worker starts; of the second half of them, so that
        its start does not count
trip    from a submission until the client knows that the job has finished; idle, one after another
submit  HTTP submissions while nothing runs
status  HTTP questions for finished jobs; Flower has the status in its memory
result  the same with the result, which Flower fetches from Redis; the service always gives it
cancel  from a cancel to the end of the job's process, and to the start of the next job in its slot;
        Celery: revoke(terminate=True, signal="SIGKILL")

Each job is counted, each answer checked: the service's jobs by their statuses, a peer's by a byte
that each appends to a file, its round trips by the job's result. A peer that fails is a failure in
the table, with the reason on stderr. RQ, which is slow, runs a tenth of the jobs.
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
        signal.signal(number, signal.default_int_handler)  # so that all is ended
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
    """Of all figures."""
    return (
        f"Medians of {rounds} interleaved rounds with {jobs:,} jobs or requests; "
        f"Python {platform.python_version()}, {os.cpu_count()} cores, which all shared."
    )


def arguments() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    place = ROOT / ".cache" / "peers"
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=3000, help="jobs, or requests, of each figure")
    parser.add_argument("--peers", type=_some_of(list(PEERS)), default=list(PEERS))
    parser.add_argument("--measures", type=_some_of(list(MEASURES)), default=list(MEASURES))
    parser.add_argument("--cache", type=Path, default=place, help="of the peers' environments")
    parser.add_argument("--output", type=Path, default=place, help="of report.md and chart.svg")
    return parser.parse_args()


def _some_of(names: Sequence[str]) -> Callable[[str], list[str]]:
    """Reads names that are separated by commas. Raises ArgumentTypeError for any other."""

    def read(text: str) -> list[str]:
        found = text.split(",")
        if wrong := [name for name in found if name not in names]:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is none of {', '.join(names)}")
        return found

    return read


if __name__ == "__main__":
    main()

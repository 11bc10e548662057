"""How long analyze takes for whole files: plain ones on one and two cores, compressed ones compared
with ripgrep, and through the service.

    python -m benchmarks.loganalysis.files [--size-mb 1000] [--runs 5]

Wall-clock seconds, medians of interleaved runs, for two literals with matching lines, first and
last line. "rg -z" is one run of ripgrep for each literal, "rg -z once" one run for both with one
count. curl also sends a plain file to the service. Needs curl, rg and zstd.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from isal import igzip

from benchmarks.jobs import time_of
from benchmarks.loganalysis.log_file import make_log
from benchmarks.server.uploads import send
from loganalysis.match.patterns import Pattern
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from tests.support.programs import Service, running_service

TEXTS = ("ERROR", "WARN")
PATTERNS = [Pattern(text) for text in TEXTS]


def quiet(_: dict[str, Any]) -> None:
    """Ignore progress reports."""


def ours(path: Path, helpers: int = 1) -> float:
    """Seconds to analyze a file in a forked process, like a job process."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        analyze(path, PATTERNS, AnalysisOptions(), quiet, helpers)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    return time.monotonic() - began


def ripgrep(path: Path, *patterns: str) -> float:
    """Seconds of one run of ripgrep."""
    options = [part for pattern in patterns for part in ("-e", pattern)]
    began = time.monotonic()
    command = ["rg", "-z", "-a", "-F", "--count-matches", *options, str(path)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def through(service: Service, path: Path) -> dict[str, float]:
    """Seconds for a file that curl sends to the service, from stored to succeeded.

    Also the seconds when another job analyzes the same file, and when only the engine does.
    """
    job_id = json.loads(send(f"{service.base_url}/jobs", path, TEXTS))["job_id"]
    first = until_succeeded(service, job_id)
    again = service.submit("analyze", {"patterns": TEXTS, "source": {"job_id": job_id}})
    (stored,) = (service.folder / "data/uploads/files").iterdir()
    try:
        return {
            "as sent, through the service": first,
            "as sent, through the service again": until_succeeded(service, again),
            "as sent, engine alone, two cores": ours(stored, 2),
        }
    finally:
        stored.unlink()


def until_succeeded(service: Service, job_id: str) -> float:
    """Seconds from the time when the job was stored to its success."""
    job = service.result(job_id)
    assert job["status"] == "succeeded", job["error"]
    return time_of(job["finished_at"]) - time_of(job["created_at"])


def calls(folder: Path, size: int) -> dict[str, Callable[[], float]]:
    """The functions to measure, by the name of their row."""
    plain = folder / "plain.log"
    make_log(plain, size)
    packed, zstd = folder / "app.log.gz", folder / "app.log.zst"
    packed.write_bytes(igzip.compress(plain.read_bytes(), 1))
    subprocess.run(["zstd", "-q", "-3", str(plain), "-o", str(zstd)], check=True)
    return {
        "plain, one core": lambda: ours(plain),
        "plain, two cores": lambda: ours(plain, 2),
        "gzip": lambda: ours(packed),
        "gzip, rg -z": lambda: sum(ripgrep(packed, text) for text in TEXTS),
        "gzip, rg -z once": lambda: ripgrep(packed, *TEXTS),
        "zstd": lambda: ours(zstd),
        "zstd, rg -z": lambda: sum(ripgrep(zstd, text) for text in TEXTS),
        "zstd, rg -z once": lambda: ripgrep(zstd, *TEXTS),
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loganalysis.files")
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = folder / "small.log"
        small.write_bytes(b"an ERROR\n")
        analyze(small, PATTERNS, AnalysisOptions(), quiet)  # imports and engine tests, once
        measured = calls(folder, options.size_mb * 10**6)
        with running_service("", folder) as service:
            service.worker(CONCURRENCY_LIMIT="1")
            seconds = [
                {name: call() for name, call in measured.items()}
                | through(service, folder / "plain.log")
                for _ in range(options.runs)
            ]
    rows = [f"| {name} | {median(run[name] for run in seconds):.3f} |" for name in seconds[0]]
    print("\n".join(["| file | seconds |", "|---|---|", *rows]))  # noqa: T201


if __name__ == "__main__":
    main()

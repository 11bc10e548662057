"""Time and memory of a large file that a job leaves, until it is stored with the job.

    python -m benchmarks.runner.files [--size-mb 1024] [--runs 3] [--storage folder|bucket]

A job writes the file, and its worker hashes and copies it to the folder of uploads, or to a bucket.
The bucket is moto's server on the same machine, which is slower than S3 and needs part of the
processors. "bare copy" is `dd` of the file to another one with an fsync, on the same disk. Times
are from the end of `run`, which the job prints, to the end of the job. Memory is what the worker's
peak exceeds its resident memory before the job by.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from benchmarks.server.bucket_uploads import peak, reset_peak
from tests.support.programs import Service, running_service
from tests.support.servers import s3

MB = 1_000_000
CODE = """
import os, time
piece = os.urandom(1 << 20)
with open(context.files / 'large.bin', 'wb') as file:
    for _ in range({pieces}):
        file.write(piece)
result = time.time()
"""
TYPES = "runner.job_types,tests.support.job_types.scripts"


@dataclass(frozen=True)
class Run:
    """Return the seconds and CPU seconds of storing a file, and by how many bytes memory grew."""

    seconds: float
    cpu_seconds: float
    grown: int


def measure(service: Service, worker: psutil.Process, mib: int) -> Run:
    """Run a job that leaves a file, and delete it."""
    before = worker.memory_info().rss
    reset_peak(worker.pid)
    began = cpu_seconds(worker)
    job_id = service.submit("script", {"code": CODE.format(pieces=mib)})
    job = service.result(job_id, timeout=600)
    assert (job["status"], job["files"]) == ("succeeded", 1), job
    ended = float(job["attempts"][-1]["seconds"])
    started = parse(job["started_at"])
    grown = peak(worker.pid) - before
    used = cpu_seconds(worker) - began
    service.call("DELETE", f"/jobs/{job_id}")
    return Run(started + ended - float(job["result"]), used, grown)


def parse(text: str) -> float:
    """The seconds since 1970 of a time in RFC 3339."""
    return datetime.fromisoformat(text).timestamp()


def cpu_seconds(process: psutil.Process) -> float:
    """The CPU time of a process, without its children."""
    times = process.cpu_times()
    return float(times.user + times.system)


def bare_copy(folder: Path, mib: int) -> float:
    """Seconds of copying a file of this size with `dd`, and syncing it."""
    source, target = folder / "source", folder / "target"
    with source.open("wb") as file:
        for _ in range(mib):
            file.write(bytes(1 << 20))
    began = time.monotonic()
    copy = ["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fsync", "status=none"]
    subprocess.run(copy, check=True)
    seconds = time.monotonic() - began
    source.unlink()
    target.unlink()
    return seconds


@contextlib.contextmanager
def storage(kind: str) -> Iterator[dict[str, str]]:
    """Yield the settings of the storage."""
    if kind == "folder":
        yield {}
        return
    with s3.running_server() as server:
        yield server.new_bucket().settings


def main() -> None:
    """Print one JSON object for each run, and one for a bare copy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runner.files")
    parser.add_argument("--size-mb", type=int, default=1024, help="in MiB")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--storage", choices=("folder", "bucket"), default="folder")
    options = parser.parse_args()
    large = {"JOB_FOLDER_BYTES": "0", "JOB_TYPES": TYPES}
    with tempfile.TemporaryDirectory() as name, storage(options.storage) as settings:
        folder = Path(name)
        with running_service("", folder, **large, **settings) as service:
            worker = psutil.Process(service.worker().process.pid)
            measure(service, worker, 1)  # starts threads
            for _ in range(options.runs):
                copied = bare_copy(folder, options.size_mb)
                run = measure(service, worker, options.size_mb)
                found = {
                    "stored, s": round(run.seconds, 2),
                    "worker's CPU, s": round(run.cpu_seconds, 2),
                    "memory grows by, MB": round(run.grown / MB, 1),
                    "bare copy, s": round(copied, 2),
                }
                sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main()

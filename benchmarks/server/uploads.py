"""Uploads by curl: the listener compared with bare Tornado handlers.

    python -m benchmarks.server.uploads [--size-mb 1000] [--runs 5]

One handler discards the bytes, one writes them to a file, and one also syncs the file before it
answers. Each run sends one file from the page cache to each, on 127.0.0.1. Figures are medians. The
CPU time counts all threads of the listening process.

The second table is about GET requests for a waiting job, one after another on one connection: on an
idle listener, and during uploads. Files are written to TMPDIR.
"""

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

import psutil

from benchmarks.jobs import row
from benchmarks.loganalysis.log_file import make_log
from tests.support.programs import Service, running_service

MB = 1_000_000
GETS = 2000
"""The number of requests on an idle listener."""


@dataclass
class Target:
    """A listener that receives files, with the wall-clock and CPU seconds of each upload."""

    name: str
    url: str
    process: psutil.Process
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, file: Path) -> None:
        """Let curl send a file once."""
        before = sum(self.process.cpu_times()[:2])
        self.seconds.append(upload(self.url, file))
        self.cpu.append(sum(self.process.cpu_times()[:2]) - before)

    def peak_mb(self) -> float:
        """The peak resident memory of the process (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024 / MB

    def line(self, size: int) -> str:
        """A row of the table."""
        speed = size / MB / statistics.median(self.seconds)
        cpu = statistics.median(self.cpu) * 1e9 / size
        return f"| {self.name} | {speed:.0f} | {cpu:.2f} | {self.peak_mb():.0f} |"


def send(url: str, file: Path, texts: Sequence[str], *options_: str) -> bytes:
    """Let curl send a file to be searched for texts, and return its output."""
    payload = json.dumps({"patterns": texts})
    fields = ("type=analyze", f"payload={payload}", f"filename=@{file}")
    form = [part for each in fields for part in ("-F", each)]
    return subprocess.run(
        ["curl", "-sS", *options_, *form, url], capture_output=True, check=True
    ).stdout


def upload(url: str, file: Path) -> float:
    """Seconds that curl needs to send a file and get the answer."""
    printed = send(url, file, ["ERROR"], "-o", "/dev/null", "-w", "%{http_code} %{time_total}")
    status, seconds = printed.split()
    if status not in (b"200", b"202"):
        raise SystemExit(f"the answer of {url} was {status.decode()}")
    return float(seconds)


@contextmanager
def bare_listener(folder: Path) -> Iterator[list[Target]]:
    """Start the bare handlers; they write to `folder`, on the same disk as the listener."""
    command = [sys.executable, "-m", "benchmarks.server.bare_listener", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        url, own = f"http://127.0.0.1:{int(process.stdout.readline())}", psutil.Process(process.pid)
        try:
            yield [
                Target("a bare handler that drops the bytes", f"{url}/dropped", own),
                Target("one that writes them", f"{url}/written", own),
                Target("one that writes and syncs them", f"{url}/synced", own),
            ]
        finally:
            process.kill()


def remove_files(service: Service) -> None:
    """Remove the uploaded files. Their jobs are never run."""
    for path in (service.folder / "data/uploads/files").iterdir():
        path.unlink()


def throughput(service: Service, file: Path, runs: int) -> list[str]:
    """The table of uploads."""
    size = file.stat().st_size
    pid = service.listener.process.pid
    ours = Target("the listener", f"{service.base_url}/jobs", psutil.Process(pid))
    with bare_listener(service.folder) as bare:
        upload(bare[0].url, file)  # reads the file into the page cache
        for _ in range(runs):
            for target in (*bare, ours):
                target.take(file)
                os.sync()  # otherwise the next upload waits until these bytes are written
            remove_files(service)
        head = ["| upload | MB/s | CPU seconds a GB | peak memory, MB |", "|---" * 4 + "|"]
        parts = [statistics.median(each.seconds) / statistics.median(ours.seconds) for each in bare]
        ratios = ", ".join(f"{part:.2f}" for part in parts)
        return [*head, *(each.line(size) for each in (*bare, ours)), "", f"Ratios: {ratios}"]


def latencies(service: Service, file: Path, runs: int) -> list[str]:
    """The table of GET requests."""
    job_id = service.submit(payload={"seconds": 1})
    idle = list(gets(service, job_id, lambda options_: options_ < GETS))
    busy: list[float] = []
    done = threading.Event()

    def ask() -> None:
        busy.extend(gets(service, job_id, lambda options_: not done.is_set()))

    asking = threading.Thread(target=ask)
    asking.start()
    for _ in range(runs):
        upload(f"{service.base_url}/jobs", file)
        remove_files(service)
    done.set()
    asking.join()
    head = ["| GET /jobs/ID, ms | times | median | p99 | most |", "|---" * 5 + "|"]
    return [*head, row("alone", idle), row("beside uploads", busy)]


def gets(service: Service, job_id: str, more: Callable[[int], bool]) -> Iterator[float]:
    """Request a job again and again; yield the seconds until each answer."""
    address, options_ = urlparse(service.base_url), 0
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    while more(options_):
        began = time.perf_counter()
        connection.request("GET", f"/jobs/{job_id}")
        answer = connection.getresponse()
        answer.read()
        yield time.perf_counter() - began
        assert answer.status == 200
        options_ += 1
    connection.close()


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.uploads")
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "log"
        make_log(file, options.size_mb * MB)
        with running_service("", folder) as service:
            for table in (throughput, latencies):
                sys.stdout.write("\n".join([*table(service, file, options.runs), "", ""]))
                sys.stdout.flush()


if __name__ == "__main__":
    main()

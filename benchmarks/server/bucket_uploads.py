"""Time and memory of a large upload, through a listener into S3 and from there into its job.

    python -m benchmarks.server.bucket_uploads [--size-mb 512] [--runs 5]

Uses moto's server on the same machine, which is slower than S3 and needs part of the processors. So
the times are upper bounds; memory and open multipart uploads are exact.
"""

import argparse
import json
import re
import socket
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.api import form
from tests.support.programs import Service, running_service
from tests.support.raw_http import connect
from tests.support.servers import s3
from tests.support.servers.s3 import Bucket
from tests.support.waiting import wait_for

LINE = b"2026-11-25T01:02:03Z INFO request served in 12 ms, nothing to be said of it at all\n"
CHUNK = (LINE * 13_000)[: 1 << 20]
MB = 1_000_000
PATTERNS = {"patterns": ["ERROR", "served"]}


@dataclass(frozen=True)
class Run:
    """The measured values of one file: seconds of its upload and its job, and bytes of memory."""

    upload_seconds: float
    job_seconds: float
    listener_grown: int
    job_peak: int


def send(service: Service, size: int, whole: bool) -> socket.socket:
    """Send a file, without its end if not `whole`; return the client's socket."""
    payload = ("payload", None, json.dumps(PATTERNS).encode())
    body, kind = form([("type", None, b"analyze"), payload, ("filename", "a.log", b"")])
    begin, end = body[: body.rindex(b"\r\n--")], body[body.rindex(b"\r\n--") :]
    length = len(body) + size
    head = f"POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {length}"
    client = connect(service, 120)
    client.sendall(head.encode() + b"\r\n\r\n" + begin)
    for piece in pieces(size):
        client.sendall(piece)
    if whole:
        client.sendall(end)
    return client


def pieces(size: int) -> Iterator[bytes]:
    """A log of `size` bytes, in pieces."""
    for at in range(0, size, len(CHUNK)):
        yield CHUNK[: size - at]


def measure(service: Service, size: int) -> Run:
    """Upload a file, wait for its job, and delete it."""
    listener = psutil.Process(service.listener.process.pid)
    before, began = listener.memory_info().rss, time.monotonic()
    reset_peak(listener.pid)
    with send(service, size, whole=True) as client:
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 202 "), answer
    seconds, grown = time.monotonic() - began, peak(listener.pid) - before
    job_id = json.loads(answer.partition(b"\r\n\r\n")[2])["job_id"]
    began = time.monotonic()
    job = service.result(job_id, timeout=300)
    assert job["status"] == "succeeded", job
    served = CHUNK.count(b"served") * (size // len(CHUNK))
    assert job["result"]["counts"] == {"ERROR": 0, "served": served}, job["result"]["counts"]
    took = time.monotonic() - began
    request = urllib.request.Request(f"{service.base_url}/jobs/{job_id}", method="DELETE")
    urllib.request.urlopen(request).close()
    return Run(seconds, took, grown, job["attempts"][-1]["peak_memory_bytes"])


def peak(pid: int) -> int:
    """The peak memory of a process in bytes, since it was reset."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def reset_peak(pid: int) -> None:
    """Reset the peak memory of a process."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def disconnect(service: Service, bucket: Bucket, size: int) -> tuple[int, int]:
    """The number of open multipart uploads while a client sends, and after it disconnects."""
    with send(service, size, whole=False):
        during = len(wait_for(bucket.open_parts))
    wait_for(lambda: not bucket.open_parts())
    return during, len(bucket.open_parts())


def table(runs: list[Run], size: int, after: tuple[int, int]) -> list[str]:
    """The medians, and the highest memory of all runs."""
    up = statistics.median(run.upload_seconds for run in runs)
    job = statistics.median(run.job_seconds for run in runs)
    grown = max(run.listener_grown for run in runs)
    most = max(run.job_peak for run in runs)
    return [
        "| upload, s | MB/s | listener's memory grows by, MB | job, s | MB/s | its peak, MB | "
        "open multipart uploads while one is sent, after its client went |",
        "|---|---|---|---|---|---|---|",
        f"| {up:.1f} | {size / up / MB:.0f} | {grown / MB:.1f} | {job:.1f} | {size / job / MB:.0f} "
        f"| {most / MB:.1f} | {after[0]}, {after[1]} |",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.bucket_uploads")
    parser.add_argument("--size-mb", type=int, default=512, help="in MiB")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    size = arguments.size_mb << 20
    with tempfile.TemporaryDirectory() as name, s3.running_server() as server:
        bucket = server.new_bucket()
        with running_service("", Path(name), **bucket.settings) as service:
            service.worker()
            measure(service, 1 << 20)  # starts threads and fills caches
            runs = [measure(service, size) for _ in range(arguments.runs)]
            after = disconnect(service, bucket, size)
    print("\n".join(table(runs, size, after)))  # noqa: T201


if __name__ == "__main__":
    main()

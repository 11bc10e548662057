"""How many jobs of batches a listener stores per second over one connection, beside other requests.

    python -m benchmarks.server.batches [--jobs 10000] [--times 6]

One client sends batches one after the other, and another asks for GET /healthz all the while. A
batch is a JSON array or JSON lines, its jobs are alike, or differ in their options. CPU time is
that of the listener with its check process. "Per CPU second" divides the jobs by this time, so it
is the rate of a machine whose only free processor does all of it. The last columns are the times
of the other client: its longest wait, and the most CPU time of the event loop between two answers.
Other programs on the machine change neither CPU times nor the event loop's.
"""

import argparse
import http.client
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import psutil

from tests.support.programs import running_service

ARRAY, LINES = "application/json", "application/x-ndjson"


def alike(count: int) -> list[str]:
    """Jobs that differ in nothing."""
    return [json.dumps({"type": "sleep", "payload": {"seconds": 0}})] * count


def with_payloads(count: int) -> list[str]:
    """Jobs with payloads of their own."""
    return [json.dumps({"type": "sleep", "payload": {"seconds": n}}) for n in range(count)]


def with_options(count: int) -> list[str]:
    """Jobs with payloads, priorities and tags of their own."""
    jobs = (
        {
            "type": "sleep",
            "payload": {"seconds": n},
            "priority": n % 100,
            "tags": [f"customer:{n}"],
            "metadata": {"order": n},
        }
        for n in range(count)
    )
    return [json.dumps(each) for each in jobs]


def fanned_out(count: int) -> list[str]:
    """A pipeline: one job, and all others wait for it."""
    job = {"type": "sleep", "payload": {"seconds": 0}}
    rest = [json.dumps({**job, "after": ["first"]})] * (count - 1)
    return [json.dumps({**job, "name": "first"}), *rest]


def in_chains(count: int) -> list[str]:
    """A pipeline: each job waits for the one ten places before it."""
    job = {"type": "sleep", "payload": {"seconds": 0}}
    names = [{**job, "name": f"step-{n}"} for n in range(count)]
    chained = [{**each, "after": [f"step-{n - 10}"]} for n, each in enumerate(names) if n >= 10]
    return [json.dumps(each) for each in (*names[:10], *chained)]


KINDS = {
    "alike, as lines": (alike, LINES),
    "alike, as an array": (alike, ARRAY),
    "own payloads, as lines": (with_payloads, LINES),
    "own payloads, tags, metadata": (with_options, LINES),
    "pipeline, one before all": (fanned_out, LINES),
    "pipeline, ten chains": (in_chains, LINES),
}


def body(jobs: list[str], kind: str) -> bytes:
    """The body of a batch."""
    text = "\n".join(jobs) if kind == LINES else f"[{','.join(jobs)}]"
    return text.encode()


def send(connection: http.client.HTTPConnection, content: bytes, kind: str) -> int:
    """Submit a batch, and return how many jobs were stored."""
    connection.request("POST", "/jobs/batch", content, {"Content-Type": kind})
    answer = connection.getresponse()
    document = json.load(answer)
    if answer.status != 202:
        raise SystemExit(str(document))
    return int(document["size"])


def loop_seconds(listener: psutil.Process) -> float:
    """CPU seconds of the listener's main thread, in which the event loop runs."""
    statistics = Path(f"/proc/{listener.pid}/task/{listener.pid}/schedstat").read_text()
    return int(statistics.split()[0]) / 1e9


def cpu_seconds(listener: psutil.Process) -> float:
    """CPU seconds of the listener and its check process."""
    times = [each.cpu_times() for each in (listener, *listener.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def health_waits(address: str, until: threading.Event) -> Iterator[float]:
    """Ask for /healthz again and again; yields the seconds that each answer took."""
    connection = http.client.HTTPConnection(address, timeout=120)
    while not until.is_set():
        began = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        yield time.perf_counter() - began
        time.sleep(0.001)
    connection.close()


def watch(listener: psutil.Process, address: str, until: threading.Event) -> tuple[float, float]:
    """Return the longest wait for /healthz, and the most CPU time of the loop between two."""
    longest = busiest = 0.0
    used = loop_seconds(listener)
    for wait in health_waits(address, until):
        now = loop_seconds(listener)
        longest, busiest, used = max(longest, wait), max(busiest, now - used), now
    return longest, busiest


def measure(
    listener: psutil.Process, address: str, content: bytes, kind: str, times: int, watched: bool
) -> list[str]:
    """Return the cells of a row."""
    done, found = threading.Event(), [(0.0, 0.0)]
    watcher = threading.Thread(
        target=lambda: found.__setitem__(0, watch(listener, address, done)), daemon=True
    )
    connection = http.client.HTTPConnection(address, timeout=120)
    send(connection, content, kind)  # starts the check process
    if watched:
        watcher.start()
    began, used = time.perf_counter(), cpu_seconds(listener)
    count = sum(send(connection, content, kind) for _ in range(times))
    seconds, cpu = time.perf_counter() - began, cpu_seconds(listener) - used
    done.set()
    if watched:
        watcher.join()
    connection.close()
    (longest, busiest) = found[0]
    waits = [f"{1000 * longest:.1f}", f"{1000 * busiest:.1f}"] if watched else ["", ""]
    return [f"{count / seconds:,.0f}", f"{count / cpu:,.0f}", *waits]


def write(*cells: str) -> None:
    """Print a row of the table."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def main() -> None:
    """Measure each kind of batch, with and without the other client, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.batches")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=6)
    options = parser.parse_args()
    write("jobs", "a second", "per CPU second", "longest /healthz, ms", "event loop, ms")
    write(*["---"] * 5)
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{Path(name) / 'jobs.db'}"
        with running_service(url, Path(name)) as service:
            address = urlparse(service.base_url).netloc
            listener = psutil.Process(service.listener.process.pid)
            for watched in (False, True):
                for title, (jobs, kind) in KINDS.items():
                    content = body(jobs(options.jobs), kind)
                    arguments = (listener, address, content, kind, options.times, watched)
                    write(title, *measure(*arguments))


if __name__ == "__main__":
    main()

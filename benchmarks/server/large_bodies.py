"""How long large JSON bodies keep a listener from answering other requests.

    python -m benchmarks.server.large_bodies [--clients 8] [--only WORD]

Several clients send the same body at once, just below MAX_JSON_BYTES or small but slow to check,
and another client sends GET /healthz all the while. The last column is the most CPU time that the
listener's event loop used between two answers to it. Other programs on the machine do not change
that figure.
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

from tests.support.programs import Service, running_service

SIZE = 1024**2 - 200
JSON = {"Content-Type": "application/json"}


def sleep(seconds: bytes) -> bytes:
    """A sleep job whose seconds are this JSON."""
    return b'{"type": "sleep", "payload": {"seconds": %s}}' % seconds


def repeated(item: bytes) -> bytes:
    """A list with this item, as often as it fits."""
    return b"[" + b",".join([item] * (SIZE // (len(item) + 1))) + b"]"


def analyze(patterns: list[object]) -> bytes:
    """An analyze job with these patterns."""
    return json.dumps({"type": "analyze", "payload": {"patterns": patterns}}).encode()


def regexes(texts: list[str]) -> bytes:
    """An analyze job with these regexes."""
    return analyze([{"pattern": text, "regex": True} for text in texts])


def bodies() -> dict[str, bytes]:
    """The bodies, by their contents. All but the last three are refused."""
    keys = b",".join(b'"%05x": 1' % number for number in range(SIZE // 11))
    wide = "(?:" + "|".join(f"{number:05x}" for number in range(1400)) + ")"
    return {
        "numbers": sleep(repeated(b"1")),
        "empty lists": sleep(repeated(b"[]")),
        "nested lists": sleep(repeated(b"[" * 28 + b"]" * 28)),
        "empty objects": sleep(repeated(b"{}")),
        "different keys": sleep(b"{" + keys + b"}"),
        "one key again and again": sleep(b'{"a": 1' + b',"a":1' * (SIZE // 6) + b"}"),
        "not a number": sleep(repeated(b"NaN")),
        "one number": sleep(b"9" * SIZE),
        "escapes": sleep(b'"' + rb"\u00e9" * (SIZE // 6) + b'"'),
        "a lone surrogate": sleep(b'"' + "é".encode() * (SIZE // 2) + rb'\ud800"'),
        "too deep": sleep(b"[" * (SIZE // 2)),
        "60,000 patterns": analyze([f"{number:x}" for number in range(60_000)]),
        "one regex of 10 characters": regexes([r"\pL{150}xyz"]),
        "1,000 regexes": regexes([f"user{number} [a-z]+ [0-9]+" for number in range(1000)]),
        "100 regexes of 9,000 characters": regexes([f"x{number}{wide}" for number in range(100)]),
    }


def send(address: str, body: bytes) -> None:
    """Post a body, and read the answer."""
    connection = http.client.HTTPConnection(address, timeout=120)
    connection.request("POST", "/jobs", body, JSON)
    connection.getresponse().read()
    connection.close()


def health_waits(address: str, until: threading.Event) -> Iterator[float]:
    """Ask for /healthz again and again; yields the seconds that each answer took."""
    connection = http.client.HTTPConnection(address, timeout=120)
    while not until.is_set():
        began = time.perf_counter()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        yield time.perf_counter() - began
    connection.close()


def loop_seconds(listener: psutil.Process) -> float:
    """CPU seconds of the listener's main thread, in which the event loop runs."""
    own = next(thread for thread in listener.threads() if thread.id == listener.pid)
    return own.user_time + own.system_time


def measure(service: Service, body: bytes, clients: int) -> tuple[float, float, float]:
    """(seconds until all are answered, longest wait for /healthz, most CPU time of the loop)."""
    address = urlparse(service.base_url).netloc
    listener = psutil.Process(service.listener.process.pid)
    done, began = threading.Event(), time.perf_counter()
    senders = [threading.Thread(target=send, args=(address, body)) for _ in range(clients)]

    def finish() -> None:
        for sender in senders:
            sender.join()
        done.set()

    longest = busiest = 0.0
    for thread in (*senders, threading.Thread(target=finish)):
        thread.start()
    used = loop_seconds(listener)
    for wait in health_waits(address, done):
        now = loop_seconds(listener)
        longest, busiest, used = max(longest, wait), max(busiest, now - used), now
    return time.perf_counter() - began, longest, busiest


def write(*cells: str) -> None:
    """Print a row of the table."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def main() -> None:
    """Measure each body, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--only", default="", help="a word in the names of the bodies to measure")
    options = parser.parse_args()
    write("body", "KB", "all answered (ms)", "/healthz (ms)", "event loop (ms)")
    write(*["---"] * 5)
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{Path(name) / 'jobs.db'}"
        with running_service(url, Path(name)) as service:
            send(urlparse(service.base_url).netloc, sleep(repeated(b"1")))  # starts the process
            for kind, body in bodies().items():
                if options.only in kind:
                    figures = measure(service, body, options.clients)
                    shown = [f"{figure * 1000:,.0f}" for figure in figures]
                    write(kind, f"{len(body) / 1000:.0f}", *shown)


if __name__ == "__main__":
    main()

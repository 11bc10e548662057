"""The cost of many clients that follow all jobs, and the delay between them.

    python -m benchmarks.server.streams [--followers 500] [--jobs 100]

Runs no-op jobs one after another; every follower receives the three changes of each. The times are
from the first follower that receives a change to the last.
"""

import argparse
import asyncio
import re
import sys
import time
from collections import defaultdict

import psutil

from benchmarks.jobs import row
from benchmarks.speed.ours import port_of, service
from tests.support.programs import Service

CHANGES = 3
_ID = re.compile(rb"\nid: (\d+)\ndata")


class Follower(asyncio.Protocol):
    """Reads an event stream, and notes when each event arrived."""

    def __init__(self, arrivals: dict[bytes, list[float]]):
        self.started = asyncio.get_running_loop().create_future()
        self._arrivals = arrivals
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for all events."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"GET /events HTTP/1.0\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        """Note the versions of the events in the data."""
        if b"retry" in data and not self.started.done():
            self.started.set_result(None)
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            for version in _ID.findall(block):
                self._arrivals[version].append(time.monotonic())


async def follow(running: Service, followers: int, jobs: int) -> dict[bytes, list[float]]:
    """The times at which the followers received each event, by its version."""
    loop, arrivals = asyncio.get_running_loop(), defaultdict[bytes, list[float]](list)
    opened = []
    for _ in range(followers):
        opened.append(
            await loop.create_connection(lambda: Follower(arrivals), "127.0.0.1", port_of(running))
        )
    await asyncio.gather(*(follower.started for _, follower in opened))
    for done in range(1, jobs + 1):
        await asyncio.to_thread(running.submit, "noop")
        while sum(map(len, arrivals.values())) < CHANGES * done * followers:
            await asyncio.sleep(0.005)
    for transport, _ in opened:
        transport.close()
    return arrivals


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.streams")
    parser.add_argument("--followers", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=100)
    options = parser.parse_args()
    with service() as running:
        listener = psutil.Process(running.listener.process.pid)
        before, memory = sum(listener.cpu_times()[:2]), listener.memory_info().rss
        arrivals = asyncio.run(follow(running, options.followers, options.jobs))
        used = sum(listener.cpu_times()[:2]) - before
        grown = listener.memory_info().rss - memory
    each = used / (CHANGES * options.jobs * options.followers)
    spread = [max(times) - min(times) for times in arrivals.values()]
    text = [
        f"{each * 1e6:.1f} µs of CPU for an event and a follower, with the start of the streams",
        f"{grown / options.followers:.0f} bytes of memory for a follower",
        "| | times | median | p99 | most |",
        "|---|---|---|---|---|",
        row("from the first follower to the last, ms", spread),
    ]
    sys.stdout.write("\n".join([*text, ""]))


if __name__ == "__main__":
    main()

"""What it costs when many clients follow all jobs, and how soon each of them knows of a change.

    python -m benchmarks.server.streams [--followers 500] [--jobs 100]

One job after the other, which does nothing; every follower is told of its three changes. The times
are those from the first news of a change, at any of them, to the last.
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
    """Reads a stream, and notes when each event came."""

    def __init__(self, came: dict[bytes, list[float]]):
        self.begun = asyncio.get_running_loop().create_future()
        self._came = came
        self._left = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for all events."""
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"GET /events HTTP/1.0\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        """Note what is in it."""
        if b"retry" in data and not self.begun.done():
            self.begun.set_result(None)
        *blocks, self._left = (self._left + data).split(b"\n\n")
        for block in blocks:
            for version in _ID.findall(block):
                self._came[version].append(time.monotonic())


async def follow(running: Service, followers: int, jobs: int) -> dict[bytes, list[float]]:
    """When each event came to each follower."""
    loop, came = asyncio.get_running_loop(), defaultdict[bytes, list[float]](list)
    opened = []
    for _ in range(followers):
        opened.append(
            await loop.create_connection(lambda: Follower(came), "127.0.0.1", port_of(running))
        )
    await asyncio.gather(*(follower.begun for _, follower in opened))
    for done in range(1, jobs + 1):
        await asyncio.to_thread(running.submit, "noop")
        while sum(map(len, came.values())) < CHANGES * done * followers:
            await asyncio.sleep(0.005)
    for transport, _ in opened:
        transport.close()
    return came


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server.streams")
    parser.add_argument("--followers", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=100)
    options = parser.parse_args()
    with service() as running:
        listener = psutil.Process(running.listener.process.pid)
        before, memory = sum(listener.cpu_times()[:2]), listener.memory_info().rss
        came = asyncio.run(follow(running, options.followers, options.jobs))
        used = sum(listener.cpu_times()[:2]) - before
        grown = listener.memory_info().rss - memory
    each = used / (CHANGES * options.jobs * options.followers)
    spread = [max(times) - min(times) for times in came.values()]
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

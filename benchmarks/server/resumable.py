"""How many bytes a resumable upload sends again after the listener was killed.

    PYTHONPATH=client python -m benchmarks.server.resumable [--size-mb 2000] [--kills 8]

The Python client uploads a file on 127.0.0.1, while the listener is killed with SIGKILL and started
again. The benchmark counts all bytes that the client hands to its connections, even if the bytes
never leave its machine. It writes its files to TMPDIR.
"""

import argparse
import os
import sys
import tempfile
import threading
from collections.abc import Generator
from functools import partial
from pathlib import Path
from unittest.mock import patch

from jobservice import Client, UploadState
from jobservice.pieces import Piece
from tests.support.client_restarts import restart
from tests.support.programs import Service, running_service
from tests.support.waiting import wait_for

MIB = 1024**2


class Counter:
    """Counts the bytes that pieces hand to connections."""

    def __init__(self) -> None:
        self.bytes = 0
        self.again: list[int] = []
        """For each piece that did not begin where the one before ended: the bytes between both."""
        self._position = 0
        self._chunks = Piece.chunks

    def has(self, enough: int) -> bool:
        """Whether so many bytes were sent."""
        return self.bytes >= enough

    def chunks(self, piece: Piece) -> Generator[bytes, None, None]:
        """Count the bytes of a piece while it is read."""
        position = piece.furthest
        if position != self._position:
            self.again.append(self._position - position)
        for chunk in self._chunks(piece):
            self.bytes += len(chunk)
            position += len(chunk)
            self._position = position
            yield chunk


def measure(service: Service, file: Path, kills: int) -> None:
    """Upload a file during kills, and print what was sent again."""
    counter, size = Counter(), file.stat().st_size
    found: list[UploadState] = []
    with Client(service.base_url) as client:
        thread = threading.Thread(target=lambda: found.append(client.uploads.send(file)))
        with patch.object(Piece, "chunks", lambda piece: counter.chunks(piece)):
            thread.start()
            for number in range(1, kills + 1):
                enough = size * number // (kills + 1)
                wait_for(partial(counter.has, enough), timeout=600)
                restart(service)
            thread.join()
    again = sorted(counter.again)
    lines = (
        f"{size / MIB:,.0f} MiB, {kills} kills, {len(again)} times sent again, in KiB:",
        ", ".join(f"{each / 1024:,.0f}" for each in again),
        f"in all {(counter.bytes - size) / MIB:.2f} MiB; SHA-256 {found[0].sha256}",
    )
    sys.stdout.write("\n".join(lines) + "\n")


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=8)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_service("", Path(name)) as service:
        file = Path(name) / "file"
        block = os.urandom(16 * MIB)
        with file.open("wb") as out:
            for _ in range(0, given.size_mb, 16):
                out.write(block)
        measure(service, file, given.kills)


if __name__ == "__main__":
    main()

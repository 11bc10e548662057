"""Downloads: the listener compared with bare copies of a file over a socket, and its memory.

    python -m benchmarks.server.downloads [--size-mb 1000] [--runs 7] [--s3-mb 64]

The bare programs send the file with `sendfile`, or read and send it, to the first client that
connects. The client only reads, into one buffer. Runs alternate. The file is in the page cache, and
all programs are on one machine. The sending process uses the CPU seconds in the table, per GB.

"Memory" is how much the peak of the listener (VmHWM) grows during the downloads. With `--readers
N`, N clients download at once. Files in S3 are read from moto's server, which keeps them in memory
and is slower than S3: only the memory is meaningful.
"""

import argparse
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.job_files import leave_large_file
from tests.support.programs import Service, running_service
from tests.support.raw_http import connect
from tests.support.servers import s3

MB = 1_000_000
_BARE = """
import socket, sys
path, by_kernel = sys.argv[1], sys.argv[2] == "sendfile"
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        client = server.accept()[0]
        with client, open(path, "rb", buffering=0) as file:
            client.recv(1 << 16)
            if by_kernel:
                client.sendfile(file)
            else:
                while data := file.read(1 << 20):
                    client.sendall(data)
"""


@dataclass
class Target:
    """A program that sends a file: how to connect to it, and what its runs took."""

    name: str
    connect: Callable[[], socket.socket]
    request: bytes
    process: psutil.Process
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    grown: int = 0

    def take(self, size: int, readers: int = 1) -> None:
        """Let clients receive the file. Each must get at least `size` bytes."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")  # the peak begins anew
        before, cpu = self.memory("VmRSS"), sum(self.process.cpu_times()[:2])
        begun = time.perf_counter()
        with ThreadPoolExecutor(readers) as threads:
            for received in threads.map(lambda _: self.receive(), range(readers)):
                assert received >= size, received
        self.seconds.append(time.perf_counter() - begun)
        self.cpu.append(sum(self.process.cpu_times()[:2]) - cpu)
        self.grown = max(self.grown, self.memory("VmHWM") - before)

    def receive(self) -> int:
        """Ask for the file, and read until the connection is closed; returns the bytes."""
        buffer, received = bytearray(1 << 20), 0
        with self.connect() as client:
            client.sendall(self.request)
            while size := client.recv_into(buffer):
                received += size
        return received

    def memory(self, name: str) -> int:
        """A figure of the process in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def line(self, size: int, best: float) -> str:
        """A row of the table. `best` is the median of the fastest bare copy."""
        seconds = statistics.median(self.seconds)
        cpu = statistics.median(self.cpu) * 1e9 / size
        cells = f"{size / MB / seconds:.0f}", f"{100 * best / seconds:.0f} %", f"{cpu:.2f}"
        return f"| {self.name} | {' | '.join(cells)} | {self.grown / MB:.1f} |\n"


def service_target(name: str, service: Service, path: str) -> Target:
    """The listener, with a request that ends its connection."""
    request = f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n".encode()
    process = psutil.Process(service.listener.process.pid)
    return Target(name, lambda: connect(service, 300), request, process)


def bare_target(kind: str, file: Path) -> Target:
    """A program without HTTP."""
    command = [sys.executable, "-c", _BARE, str(file), kind]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    name = f"bare, {kind}"
    address = ("127.0.0.1", port)
    return Target(
        name, lambda: socket.create_connection(address), b"x", psutil.Process(process.pid)
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--readers", type=int, default=1)
    parser.add_argument("--s3-mb", type=int, default=64)
    arguments = parser.parse_args()
    size = arguments.size_mb * MB
    with tempfile.TemporaryDirectory() as folder, running_service("", Path(folder)) as service:
        job_id = leave_large_file(service, "large.bin", size)
        file = next((Path(folder) / "data/uploads/artifacts").iterdir())
        bare = [bare_target(kind, file) for kind in ("sendfile", "read and send")]
        ours = [
            service_target("file of a job", service, f"/jobs/{job_id}/files/large.bin"),
            service_target("zip archive", service, f"/jobs/{job_id}/files.zip"),
        ]
        for _ in range(arguments.runs):
            for target in (*bare, *ours):
                target.take(size, arguments.readers)
        best = min(statistics.median(target.seconds) for target in bare)
        sys.stdout.write(
            "| sender | MB/s | of bare | CPU s/GB | memory, MB |\n|---|---|---|---|---|\n"
        )
        for target in (*bare, *ours):
            sys.stdout.write(target.line(size * arguments.readers, best))
        for target in bare:
            target.process.kill()
    if arguments.s3_mb:
        measure_s3(arguments.s3_mb * MB, arguments.readers)


def measure_s3(size: int, readers: int) -> None:
    """Print a row for a file in S3."""
    with s3.running_server() as server, tempfile.TemporaryDirectory() as folder:
        bucket = server.new_bucket()
        with running_service("", Path(folder), **bucket.settings) as service:
            job_id = service.upload(bytes(size), {"patterns": ["ERROR"]})
            target = service_target("file in S3", service, f"/jobs/{job_id}/upload")
            for _ in range(3):
                target.take(size, readers)
            sys.stdout.write(target.line(size * readers, 0))


if __name__ == "__main__":
    main()

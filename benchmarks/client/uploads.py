"""Uploads by the client and by the command `jobservice`, beside curl.

    PYTHONPATH=client python -m benchmarks.client.uploads [--size-mb 1000] [--runs 5] [--chunk-kb N]

Each run sends one file from the page cache to one service, by each program in turn. CPU seconds are
those of the sending process, with its start and its imports. `analyze` waits for the result and
prints it; the others end when the job is stored. Figures are medians. --chunk-kb replaces the size
in which the client reads files. Files are written to TMPDIR.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.loganalysis.log_file import make_log
from benchmarks.server.uploads import MB
from tests.support.paths import ROOT
from tests.support.programs import Service, running_service

BEGIN = "import sys; from jobservice import uploads; {chunk}"
BLOCKING = """
from jobservice import Client
with Client(sys.argv[1]) as client:
    client.analyze(sys.argv[2], ["ERROR"])
"""
ASYNCHRONOUS = """
import asyncio
from jobservice import AsyncClient
async def main():
    async with AsyncClient(sys.argv[1]) as client:
        await client.analyze(sys.argv[2], ["ERROR"])
asyncio.run(main())
"""
COMMAND = """
from jobservice.cli.main import main
sys.argv[1:] = ["--url", sys.argv[1], "analyze", sys.argv[2], "-p", "ERROR"]
main()
"""


@dataclass
class Sender:
    """A program that sends a file, with the seconds and the CPU seconds of each of its runs."""

    name: str
    command: Sequence[str]
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Send the file once."""
        environ = {**os.environ, "PYTHONPATH": str(ROOT / "client"), "PYTHONDONTWRITEBYTECODE": ""}
        before, began_at = _cpu_of_children(), time.perf_counter()
        subprocess.run(self.command, check=True, stdout=subprocess.DEVNULL, env=environ)
        self.seconds.append(time.perf_counter() - began_at)
        self.cpu.append(_cpu_of_children() - before)

    def line(self, first: "Sender") -> str:
        """A row of the table, compared with another sender."""
        seconds, cpu = statistics.median(self.seconds), statistics.median(self.cpu)
        by_time = seconds / statistics.median(first.seconds)
        by_cpu = cpu / statistics.median(first.cpu)
        return f"| {self.name} | {seconds:.2f} | {by_time:.2f} | {cpu:.2f} | {by_cpu:.2f} |"


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def senders(url: str, file: Path, chunk_kb: int | None) -> list[list[Sender]]:
    """The programs in groups, each compared with its first one."""
    begin = BEGIN.format(chunk=f"uploads.CHUNK_BYTES = {chunk_kb} * 1024" if chunk_kb else "")
    curl = ["curl", "-sS", "--fail-with-body", "-H", "Expect:"]
    form = [
        "-F",
        "type=analyze",
        "-F",
        'payload={"patterns": ["ERROR"]}',
        "-F",
        f"filename=@{file}",
    ]
    whole = ["--data-binary", f"@{file}", f"{url}/analyze?p=ERROR"]

    def program(code: str) -> list[str]:
        return [sys.executable, "-c", begin + code, url, str(file)]

    return [
        [
            Sender("curl -F", [*curl, *form, f"{url}/jobs"]),
            Sender("`Client.analyze`", program(BLOCKING)),
            Sender("`AsyncClient.analyze`", program(ASYNCHRONOUS)),
        ],
        [
            Sender("curl -T, with the result", [*curl, "-T", str(file), whole[-1]]),
            Sender("curl --data-binary, with the result", [*curl, *whole]),
            Sender("`jobservice analyze`", program(COMMAND)),
        ],
    ]


def measure(service: Service, file: Path, runs: int, chunk_kb: int | None) -> list[str]:
    """Run all programs in turn, and return the table."""
    groups = senders(service.base_url, file, chunk_kb)
    groups[0][0].run()  # reads the file into the page cache
    groups[0][0].seconds.clear()
    groups[0][0].cpu.clear()
    for _ in range(runs):
        for sender in (each for group in groups for each in group):
            sender.run()
            _drain(service)
    head = ["| 1 file | seconds | ratio | CPU seconds | ratio |", "|---" * 5 + "|"]
    return head + [sender.line(group[0]) for group in groups for sender in group]


def _drain(service: Service) -> None:
    """Let the scan end, and remove the file, so that the disk is idle for the next program."""
    for item in service.call("GET", "/jobs")[1]["items"]:
        service.result(item["job_id"])
        assert service.job(item["job_id"])["status"] == "succeeded"
    for path in (service.folder / "data/uploads/files").iterdir():
        path.unlink()
    os.sync()


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.client.uploads")
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--chunk-kb", type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "log"
        make_log(file, options.size_mb * MB)
        with running_service("", Path(name)) as service:
            service.worker()
            table = measure(service, file, options.runs, options.chunk_kb)
    sys.stdout.write("\n".join([*table, ""]))


if __name__ == "__main__":
    main()

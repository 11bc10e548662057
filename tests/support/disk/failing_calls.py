"""Calls of the kernel that fail in another process, by strace."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.waiting import wait_for


@contextmanager
def failing_system_calls(pid: int, calls: str, error: str = "EIO") -> Iterator[Path]:
    """Let each of these calls (as in "fsync,fdatasync") fail in a process and what it forks.

    Yields the file in which the calls are noted. Skips where there is no strace, or it may not.
    """
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    with tempfile.TemporaryDirectory(prefix="job-service-strace-") as name:
        calls_made, said = Path(name, "calls"), Path(name, "said")
        inject = [f"--trace={calls}", f"--inject={calls}:error={error}"]
        command = ["strace", "-f", "-p", str(pid), "-o", str(calls_made), *inject]
        with said.open("wb") as output:
            tracer = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_for(lambda: "attached" in said.read_text() or tracer.poll() is not None)
            if tracer.poll() is not None:
                pytest.skip(f"strace: {said.read_text().strip()}")
            wait_for(lambda: _all_traced(pid, tracer.pid))
            yield calls_made
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)


def _all_traced(pid: int, tracer: int) -> bool:
    try:
        threads = [each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/status")]
    except (FileNotFoundError, ProcessLookupError):  # One has ended meanwhile: look again.
        return False
    return all(f"TracerPid:\t{tracer}\n" in thread for thread in threads)

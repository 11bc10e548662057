"""Makes system calls of another process fail, with strace."""

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.skipping import skip
from tests.support.waiting import wait_for


@contextmanager
def failing_system_calls(pid: int, calls: str, error: str = "EIO") -> Iterator[Path]:
    """Make these system calls (such as "fsync,fdatasync") fail in a process and its children.

    Yields the file in which strace logs the calls. Skips the test if strace is missing or not
    permitted.
    """
    if shutil.which("strace") is None:
        skip("strace is not installed")
    with tempfile.TemporaryDirectory(prefix="job-service-strace-") as name:
        calls_made, messages = Path(name, "calls"), Path(name, "messages")
        inject = [f"--trace={calls}", f"--inject={calls}:error={error}"]
        command = ["strace", "-f", "-p", str(pid), "-o", str(calls_made), *inject]
        with messages.open("wb") as output:
            tracer = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_for(lambda: "attached" in messages.read_text() or tracer.poll() is not None)
            if tracer.poll() is not None:
                skip(f"strace: {messages.read_text().strip()}")
            wait_for(lambda: _all_traced(pid, tracer.pid))
            yield calls_made
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)


def _all_traced(pid: int, tracer: int) -> bool:
    try:
        threads = [each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/status")]
    except (FileNotFoundError, ProcessLookupError):  # a thread has just ended: look again
        return False
    return all(f"TracerPid:\t{tracer}\n" in thread for thread in threads)

"""A job type whose processes need more memory together than each by itself."""

import subprocess
import sys

from runner.job_types import job

CODE = "import time; data = bytearray(b'x') * (60 << 20); time.sleep(60)"


@job("greedy")
def greedy(children: int) -> int:
    """Start processes of 60 MiB each, and wait for their ends."""
    started = [subprocess.Popen([sys.executable, "-c", CODE]) for _ in range(children)]
    return sum(each.wait() for each in started)

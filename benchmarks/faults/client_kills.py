"""Submits jobs through the client while the listener is killed and started again, and checks that
each is stored exactly once.

    PYTHONPATH=client python -m benchmarks.faults.client_kills [--jobs 10000] [--kills 20]
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.client_restarts import submit_during_kills
from tests.support.programs import running_service


def main() -> None:
    """Submit, kill, and print how many jobs were stored how often."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    began_at = time.monotonic()
    with tempfile.TemporaryDirectory() as name, running_service("", Path(name)) as service:
        stored = submit_during_kills(service, options.jobs, options.kills, options.threads)
    seconds = time.monotonic() - began_at
    lost = options.jobs - len(stored)
    times = Counter(stored.values())
    sys.stdout.write(f"{options.jobs:,} jobs, {options.kills} kills, {seconds:.0f} s\n")
    sys.stdout.write(f"{lost:7,} lost\n{times[1]:7,} stored once\n")
    sys.stdout.write(f"{len(stored) - times[1]:7,} stored several times\n")
    sys.exit(0 if times[1] == options.jobs else 1)


if __name__ == "__main__":
    main()

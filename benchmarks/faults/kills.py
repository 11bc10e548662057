"""Measures kills in the complete service: of jobs by a cancel, and of runners by `kill -9`.

    python -m benchmarks.faults.kills [--cancels 200] [--kills 20]

1. For each kind of job, the time from the request to cancel until every process of the job is
   gone. Other jobs run at the same time and must not be affected.
2. The processes, descriptors, threads and memory that the cancels have left behind.
3. After `kill -9` of a runner with two jobs, the time until its whole process tree is gone, and the
   time until another runner starts its jobs, without their backoff.

Exits with code 1 if another job was affected, or if anything was left behind.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.faults.cancels import CancelBench
from benchmarks.faults.takeovers import TakeoverBench
from tests.support.programs import running_service


def main() -> None:
    """Measure, and print tables in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults.kills")
    parser.add_argument("--cancels", type=int, default=200, help="of each kind of job")
    parser.add_argument("--kills", type=int, default=20, help="of runners")
    options = parser.parse_args()
    problems: list[str] = []
    for bench in (CancelBench, TakeoverBench):
        with tempfile.TemporaryDirectory() as folder:
            database = f"sqlite:///{folder}/jobs.db"
            types = "runner.job_types,benchmarks.faults.kill_jobs"
            with running_service(database, Path(folder), JOB_TYPES=types) as service:
                measured = bench(service)
                measured.run(options.cancels if bench is CancelBench else options.kills)
                sys.stdout.write("\n".join([*measured.table(), "", ""]))
                sys.stdout.flush()
                problems += measured.problems
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__":
    main()

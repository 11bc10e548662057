"""Measures kills, through the whole service: of jobs by a cancel, of a runner by `kill -9`.

    python -m benchmarks.faults.kills [--cancels 200] [--kills 20]

1. For each kind of job, the time from the request to cancel until every process of the job is
   gone. Jobs that nobody cancels run beside them, and have to go on.
2. What all these cancels have left behind: processes, descriptors, threads, memory.
3. After `kill -9` of a runner with two jobs: when its whole tree is gone, and when another runner
   has its jobs, without the backoff that they have to wait.

Exit code 1 if a neighbour noticed, or if anything was left behind.
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
    troubles: list[str] = []
    for bench in (CancelBench, TakeoverBench):
        with tempfile.TemporaryDirectory() as folder:
            database = f"sqlite:///{folder}/jobs.db"
            types = "runner.job_types,benchmarks.faults.kill_jobs"
            with running_service(database, Path(folder), JOB_TYPES=types) as service:
                measured = bench(service)
                measured.run(options.cancels if bench is CancelBench else options.kills)
                sys.stdout.write("\n".join([*measured.table(), "", ""]))
                sys.stdout.flush()
                troubles += measured.troubles
    sys.exit("\n".join(troubles) or None)


if __name__ == "__main__":
    main()

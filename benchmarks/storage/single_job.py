"""Where the pages, system calls and CPU time of a single job on an idle service go.

    python -m benchmarks.storage.single_job [--jobs 200] [--warm 100] [--cpu-only]
        [--database sqlite|postgresql] [--text-bytes N]

Submits `POST /jobs?wait=5` of a sleep of 0 seconds every 10 ms, to one listener and one worker on a
new database. With `--text-bytes`, the jobs do nothing, and have such a text in their payload.

On SQLite, a first run is traced by strace, which needs the right to trace: it counts system calls,
and names the tables and indexes whose pages each transaction writes and reads. A second run
measures CPU time by process and thread. On PostgreSQL, the first run counts bytes of WAL instead.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.http_client import connect, request
from benchmarks.jobs import percentile
from benchmarks.speed import ours
from benchmarks.storage.page_trace import CALLS, FRAME_HEADER_BYTES, Trace
from benchmarks.storage.trees import page_owners
from storage.db.database import open_engine
from tests.support.programs import Service

PAUSE_SECONDS = 0.01


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.single_job")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--warm", type=int, default=100, help="jobs to run before")
    parser.add_argument("--cpu-only", action="store_true")
    parser.add_argument("--text-bytes", type=int, default=0)
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    options = parser.parse_args()
    database, submission = ours.DATABASES[options.database], submission_of(options.text_bytes)
    if not options.cpu_only:
        with ours.service(database=database) as running:
            asyncio.run(submit_each(running, submission, options.warm))
            count = count_wal_bytes if options.database == "postgresql" else count_calls
            say(count(running, submission, options.jobs))
    with ours.service(database=database) as running:
        asyncio.run(submit_each(running, submission, options.warm))
        say(measure_cpu(running, submission, options.jobs))


def submission_of(text_bytes: int) -> bytes:
    """The request that submits a job and waits for its end."""
    job: dict[str, Any] = {"type": "sleep", "payload": {"seconds": 0}}
    if text_bytes:
        job = {"type": "noop", "payload": {"text": text_bytes * "x"}}
    return request("POST", "/jobs?wait=5", json.dumps(job).encode())


def say(lines: Iterable[str]) -> None:
    """Print lines at once."""
    sys.stdout.write("\n".join([*lines, "", ""]))
    sys.stdout.flush()


async def submit_each(running: Service, submission: bytes, count: int) -> list[float]:
    """Submit jobs one after the other; return the seconds until each answer."""
    connection, found = await connect(ours.port_of(running)), list[float]()
    for _ in range(count):
        await asyncio.sleep(PAUSE_SECONDS)
        began_at = time.perf_counter()
        answer = await connection.ask(submission)
        found.append(time.perf_counter() - began_at)
        if b'"succeeded"' not in answer:
            raise SystemExit(f"not succeeded: {answer[:500]!r}")
    connection.close()
    return found


def count_wal_bytes(running: Service, submission: bytes, jobs: int) -> Iterator[str]:
    """Count the bytes that PostgreSQL writes to its WAL, per job."""
    engine = open_engine(running.environ["DATABASE_URL"])

    def position() -> int:
        select = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
        return int(engine.execute_sql(select).fetchone()[0])

    with engine.peewee.connection_context():
        engine.execute_sql("CHECKPOINT")
        asyncio.run(
            submit_each(running, submission, jobs)
        )  # writes whole pages, once after the checkpoint
        before = position()
        asyncio.run(submit_each(running, submission, jobs))
        yield f"{(position() - before) / jobs:,.0f} bytes of WAL per job"


def count_calls(running: Service, submission: bytes, jobs: int) -> Iterator[str]:
    """Count the system calls of both programs, per job."""
    programs = {program.name: program.process.pid for program in running.programs()[-2:]}
    file = Path(running.environ["DATABASE_URL"].removeprefix("sqlite:///"))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "strace")
        with traced(list(programs.values()), output):
            wal = Path(f"{file}-wal").read_bytes()
            asyncio.run(submit_each(running, submission, jobs))
        trace = Trace({pid: name for name, pid in programs.items()}, wal)
        trace.add(output.read_text().splitlines())
    yield from trace.rows(jobs, page_owners(file))


@contextmanager
def traced(pids: Sequence[int], output: Path) -> Iterator[None]:
    """Trace the system calls of processes with all their threads."""
    attach = [option for pid in pids for option in ("-p", str(pid))]
    options = ["-f", "-y", "-xx", "-s", str(FRAME_HEADER_BYTES), "-o", str(output)]
    command = ["strace", *options, "-e", f"trace={','.join(CALLS)}", *attach]
    strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert strace.stderr
    for _ in pids:
        strace.stderr.readline()  # "Process … attached"
    time.sleep(0.5)
    try:
        yield
    finally:
        strace.terminate()
        strace.communicate()


def measure_cpu(running: Service, submission: bytes, jobs: int) -> Iterator[str]:
    """Measure the CPU time of all processes, by thread, and the time until each answer."""
    before = cpu_times(running)
    seconds = asyncio.run(submit_each(running, submission, jobs))
    after = cpu_times(running)
    spent: Counter[str] = Counter()
    for key, (name, ns) in after.items():
        spent[name] += ns - before.get(key, ("", 0))[1]
    yield "| CPU time per job | ms |\n|---|---|"
    for name, ns in sorted(spent.items(), key=lambda item: -item[1]):
        if ns > 1000 * jobs:
            yield f"| {name} | {ns / jobs / 1e6:.3f} |"
    yield f"| all | {sum(spent.values()) / jobs / 1e6:.3f} |"
    median, most = statistics.median(seconds), percentile(seconds, 0.99)
    yield f"\nuntil the answer: p50 {1000 * median:.2f} ms, p99 {1000 * most:.2f} ms"


def cpu_times(running: Service) -> dict[tuple[int, int], tuple[str, int]]:
    """The name and the CPU nanoseconds of each thread, by process and thread id."""
    found: dict[tuple[int, int], tuple[str, int]] = {}
    for program in running.programs()[-2:]:
        for process in program.family():
            own = process.pid == program.process.pid
            for task in Path(f"/proc/{process.pid}/task").iterdir():
                name = (task / "comm").read_text().strip() if own else "its other processes"
                ns = int((task / "schedstat").read_text().split()[0])
                found[process.pid, int(task.name)] = f"{program.name}: {name}", ns
    return found


if __name__ == "__main__":
    main()

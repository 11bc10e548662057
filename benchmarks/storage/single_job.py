"""Where the pages, system calls and CPU time of a single job on an idle service go.

    python -m benchmarks.storage.single_job [--jobs 200] [--warm 100] [--cpu-only]
        [--database sqlite|postgresql]

Submits `POST /jobs?wait=5` of a sleep of 0 seconds every 10 ms, to one listener and one worker on a
new database. On SQLite, a first run is traced by strace, which needs the right to trace: it counts
system calls, and names the tables and indexes whose pages are written to the WAL. A second run
measures CPU time by process and thread. On PostgreSQL, the first run counts bytes of WAL instead.
"""

import argparse
import asyncio
import json
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.jobs import percentile
from benchmarks.speed import ours
from benchmarks.speed.client import connect, request
from benchmarks.storage.trees import page_owners
from storage.db.database import open_engine
from tests.support.programs import Service

JOB = json.dumps({"type": "sleep", "payload": {"seconds": 0}}).encode()
SUBMIT = request("POST", "/jobs?wait=5", JOB)
PAUSE_SECONDS = 0.01
CALLS = ("pread64", "pwrite64", "fsync", "fdatasync", "fcntl", "getdents64", "sendto", "sendmsg")
_UNFINISHED = "<unfinished ...>"
_RESUMED = re.compile(r"^<\.\.\. \w+ resumed>")
_CALL = re.compile(r"^(\w+)\((.*)")
_PATH = re.compile(r"^\d+<([^>]*)>")
_BYTES = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_SIZE = re.compile(r", (\d+), \d+ *\)")
_FRAME_HEADER_BYTES = 24


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.storage.single_job")
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--warm", type=int, default=100, help="jobs to run before")
    parser.add_argument("--cpu-only", action="store_true")
    parser.add_argument("--database", choices=sorted(ours.DATABASES), default="sqlite")
    options = parser.parse_args()
    database = ours.DATABASES[options.database]
    if not options.cpu_only:
        with ours.service(database=database) as running:
            asyncio.run(submit_each(running, options.warm))
            count = count_wal_bytes if options.database == "postgresql" else count_calls
            say(count(running, options.jobs))
    with ours.service(database=database) as running:
        asyncio.run(submit_each(running, options.warm))
        say(measure_cpu(running, options.jobs))


def say(lines: Iterable[str]) -> None:
    """Print lines at once."""
    sys.stdout.write("\n".join([*lines, "", ""]))
    sys.stdout.flush()


async def submit_each(running: Service, count: int) -> list[float]:
    """Submit jobs one after the other; return the seconds until each answer."""
    connection, found = await connect(ours.port_of(running)), list[float]()
    for _ in range(count):
        await asyncio.sleep(PAUSE_SECONDS)
        began_at = time.perf_counter()
        answer = await connection.ask(SUBMIT)
        found.append(time.perf_counter() - began_at)
        if b'"succeeded"' not in answer:
            raise SystemExit(f"not succeeded: {answer[:500]!r}")
    connection.close()
    return found


def count_wal_bytes(running: Service, jobs: int) -> Iterator[str]:
    """Count the bytes that PostgreSQL writes to its WAL, per job."""
    engine = open_engine(running.environ["DATABASE_URL"])

    def position() -> int:
        select = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
        return int(engine.execute_sql(select).fetchone()[0])

    with engine.connection_context():
        engine.execute_sql("CHECKPOINT")
        asyncio.run(submit_each(running, jobs))  # writes whole pages, once after the checkpoint
        before = position()
        asyncio.run(submit_each(running, jobs))
        yield f"{(position() - before) / jobs:,.0f} bytes of WAL per job"


def count_calls(running: Service, jobs: int) -> Iterator[str]:
    """Count the system calls of both programs, per job."""
    programs = {program.name: program.process.pid for program in running.programs()[-2:]}
    file = Path(running.environ["DATABASE_URL"].removeprefix("sqlite:///"))
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "strace")
        with traced(list(programs.values()), output):
            asyncio.run(submit_each(running, jobs))
        trace = Trace({pid: name for name, pid in programs.items()})
        trace.read(output.read_text().splitlines())
    yield from trace.rows(jobs, page_owners(file))


@contextmanager
def traced(pids: Sequence[int], output: Path) -> Iterator[None]:
    """Trace the system calls of processes with all their threads."""
    attach = [option for pid in pids for option in ("-p", str(pid))]
    options = ["-f", "-y", "-xx", "-s", str(_FRAME_HEADER_BYTES), "-o", str(output)]
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


class Trace:
    """The calls of both programs, and the pages that each transaction wrote.

    Of the worker's transactions, the first after a submission is the claim, the next one the
    completion.
    """

    def __init__(self, names: dict[int, str]):
        self._names = names
        self._programs: dict[int, str] = {}
        """The program of each thread."""
        self.calls: Counter[tuple[str, str]] = Counter()
        self.pages: dict[str, Counter[int]] = {}
        """Number of writes of each page, by transaction."""
        self._pending: dict[str, list[int]] = {name: [] for name in names.values()}
        self._since_submission = 0

    def read(self, lines: Iterable[str]) -> None:
        """Read the output of strace, which splits a call that another thread interrupts."""
        begun: dict[str, str] = {}
        for line in lines:
            thread, _, text = line.partition(" ")
            text = text.strip()
            if text.endswith(_UNFINISHED):
                begun[thread] = text.removesuffix(_UNFINISHED)
            else:
                if resumed := _RESUMED.match(text):
                    text = begun.pop(thread, "") + text[resumed.end() :]
                if call := _CALL.match(text):
                    self._add(self._program(int(thread)), call[1], call[2])

    def _program(self, thread: int) -> str:
        if thread not in self._programs:
            owners = [pid for pid in self._names if Path(f"/proc/{pid}/task/{thread}").exists()]
            self._programs[thread] = self._names[owners[0]] if owners else "?"
        return self._programs[thread]

    def _add(self, program: str, call: str, rest: str) -> None:
        path = _PATH.match(rest)
        name = Path(_decoded(path[1]).decode()).name if path else ""
        if call in ("pread64", "pwrite64"):
            if name not in ("jobs.db", "jobs.db-wal"):
                return
            if call == "pwrite64" and name == "jobs.db-wal":
                self._add_write(program, rest)
            size = int(_SIZE.findall(rest)[-1])
            if size == _FRAME_HEADER_BYTES:
                return
            call = f"{call} {name}"
        self.calls[program, call] += 1

    def _add_write(self, program: str, rest: str) -> None:
        text = _BYTES.search(rest)
        data = _decoded(text[1]) if text else b""
        if f", {_FRAME_HEADER_BYTES}, " not in rest or len(data) < _FRAME_HEADER_BYTES:
            return
        page, committed = struct.unpack(">2I", data[:8])
        self._pending.setdefault(program, []).append(page)
        if committed:
            self._end(program)

    def _end(self, program: str) -> None:
        """Note the end of a transaction."""
        if program == "server":
            self._since_submission, name = 0, "submission"
        else:
            self._since_submission += 1
            name = {1: "claim", 2: "completion"}.get(self._since_submission, "other")
        self.pages.setdefault(name, Counter()).update(self._pending[program])
        self._pending[program] = []

    def rows(self, jobs: int, owners: dict[int, str]) -> Iterator[str]:
        """Return the tables, per job. `owners` are the names of the trees by page."""
        names = [name for name in ("submission", "claim", "completion", "other") if self.pages]
        by_tree: dict[str, Counter[str]] = {}
        for name in names:
            for page, count in self.pages.get(name, Counter[int]()).items():
                by_tree.setdefault(owners.get(page, "free"), Counter())[name] += count
        yield f"| WAL pages per job | {' | '.join(names)} | all |"
        yield "|---" * (len(names) + 2) + "|"
        for tree, counts in sorted(by_tree.items(), key=lambda item: -item[1].total()):
            yield _row(tree, [counts[name] for name in names], jobs)
        sums = [sum(counts[name] for counts in by_tree.values()) for name in names]
        yield _row("all", sums, jobs)
        programs = sorted({program for program, _ in self.calls})
        yield f"\n| system calls per job | {' | '.join(programs)} | all |"
        yield "|---" * (len(programs) + 2) + "|"
        for call in sorted({call for _, call in self.calls}):
            yield _row(call, [self.calls[program, call] for program in programs], jobs)


def _row(name: str, counts: Sequence[float], jobs: int) -> str:
    cells = [f"{count / jobs:.2f}" for count in [*counts, sum(counts)]]
    return f"| {name} | {' | '.join(cells)} |"


def _decoded(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", "")) if text.startswith("\\x") else text.encode()


def measure_cpu(running: Service, jobs: int) -> Iterator[str]:
    """Measure the CPU time of all processes, by thread, and the time until each answer."""
    before = cpu_times(running)
    seconds = asyncio.run(submit_each(running, jobs))
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

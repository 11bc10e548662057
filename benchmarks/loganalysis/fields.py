"""The most frequent addresses and the 95th percentile of a number in an access log, compared with
DuckDB, GoAccess and angle-grinder.

    python -m benchmarks.loganalysis.fields [--size-mb 200] [--runs 3] [--duckdb PYTHON]

Seconds of CPU and elapsed seconds of a process for each, medians of interleaved runs, file in the
page cache. Ours count two fields, `client` and `bytes`, and report the top 20 and all figures of
numbers. PYTHON is an interpreter that has the package `duckdb`, which reads the file as CSV with
its fastest settings: one statement with `approx_top_k` and `approx_quantile`, and exact ones.
`goaccess` and `agrind` (angle-grinder) run if they are installed. GoAccess computes its whole
report and has no percentiles.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from loganalysis.match.patterns import Pattern
from loganalysis.scan.analyze import analyze
from loganalysis.scan.field_choice import WantedField
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json

FIELDS = (WantedField("client"), WantedField("bytes"))
CHUNK_LINES = 100_000
READ_CSV = """read_csv('{path}', delim=' ', quote='"', escape='\\', header=false, nullstr='-',
    strict_mode=false, columns={{'client': 'VARCHAR', 'ident': 'VARCHAR', 'user': 'VARCHAR',
    'day': 'VARCHAR', 'zone': 'VARCHAR', 'request': 'VARCHAR', 'status': 'VARCHAR',
    'bytes': 'BIGINT', 'referer': 'VARCHAR', 'agent': 'VARCHAR'}})"""
APPROXIMATE = "SELECT approx_top_k(client, 20), approx_quantile(bytes, 0.95) FROM {csv}"
EXACT = """CREATE TEMP TABLE log AS SELECT client, bytes FROM {csv};
    SELECT client, count(*) AS n FROM log GROUP BY client ORDER BY n DESC LIMIT 20;
    SELECT quantile_disc(bytes, 0.95) FROM log"""


def make_access_log(path: Path, size: int) -> None:
    """Write about `size` bytes of a combined log, from 20,000 addresses; few are frequent."""
    rng, written = random.Random(20261125), 0
    addresses = [f"203.{n >> 14}.{n >> 7 & 127}.{n & 127}" for n in range(20_000)]
    agents = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/20100101" for n in range(100, 140)]
    with path.open("w") as file:
        while written < size:
            lines = [_line(rng, number, addresses, agents) for number in range(CHUNK_LINES)]
            written += file.write("".join(lines))


def _line(rng: random.Random, number: int, addresses: list[str], agents: list[str]) -> str:
    client = addresses[min(int(rng.paretovariate(0.5)), len(addresses)) - 1]
    at = f"25/Nov/2026:13:{number // 2000 % 60:02d}:{number // 40 % 60:02d} +0000"
    request = f"GET /shop/item/{rng.randrange(5000)}?page={rng.randrange(9)} HTTP/1.1"
    size, status = int(rng.lognormvariate(8, 1.5)), rng.choice((200, 200, 200, 304, 404, 502))
    return f'{client} - - [{at}] "{request}" {status} {size} "-" "{rng.choice(agents)}"\n'


def ours(path: Path, processes: int) -> None:
    """Analyze the file in this process."""
    options = AnalysisOptions(lines=False, fields=FIELDS)
    found = analyze(path, [Pattern("\0")], options, lambda _: None, processes)
    shown = to_json(found, options)["fields"]
    assert len(shown["client"]["top"]) == 20
    assert shown["bytes"]["number"]["p95"] > 0


def forked(work: Callable[[], None]) -> tuple[float, float]:
    """CPU seconds and elapsed seconds of some work in a forked process, like a job process."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return _ended(child, began)


def command(arguments: list[str]) -> tuple[float, float]:
    """CPU seconds and elapsed seconds of a program."""
    began = time.monotonic()
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return _ended(process.pid, began)


def _ended(child: int, began: float) -> tuple[float, float]:
    _, status, usage = os.wait4(child, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, time.monotonic() - began


def duckdb(python: str, path: Path, sql: str) -> list[str]:
    """The command that runs statements in DuckDB."""
    statement = sql.format(csv=READ_CSV.format(path=path))
    code = f"import duckdb\nprint(duckdb.connect().execute({statement!r}).fetchall())"
    return [python, "-c", code]


def tools(path: Path, python: str | None) -> dict[str, Callable[[], tuple[float, float]]]:
    """The commands to measure, by the names of their rows."""
    found: dict[str, Any] = {
        "analyze, one process": lambda: forked(lambda: ours(path, 1)),
        "analyze, two helpers": lambda: forked(lambda: ours(path, 2)),
    }
    if python:
        found["DuckDB, approximate"] = lambda: command(duckdb(python, path, APPROXIMATE))
        found["DuckDB, exact"] = lambda: command(duckdb(python, path, EXACT))
    if shutil.which("agrind"):
        query = "* | parse '* - - [*] \"*\" * * ' as client, at, request, status, bytes"
        query += " | count by client | limit 20"
        found["angle-grinder"] = lambda: command(["agrind", "-f", str(path), query])
    if shutil.which("goaccess"):
        report = str(path.with_suffix(".json"))
        options = ["--log-format=COMBINED", "--no-progress", "-o", report]
        found["GoAccess"] = lambda: command(["goaccess", str(path), *options])
    return found


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size-mb", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--duckdb", metavar="PYTHON", default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "access.log"
        make_access_log(path, arguments.size_mb * 1_000_000)
        size, measured = path.stat().st_size, tools(path, arguments.duckdb)
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in measured}
        for run in range(arguments.runs):
            for name, measure in measured.items():
                if not (run and name == "GoAccess"):  # it takes a minute
                    times[name].append(measure())
    lines = [f"{size / 1e6:.0f} MB, Python {sys.version.split()[0]}"]
    for name, found in times.items():
        cpu, elapsed = (median(each) for each in zip(*found, strict=True))
        rate = f"{size / cpu / 1e6:7.0f} MB/s of CPU"
        lines.append(f"{name:22} {cpu:8.3f} s CPU {elapsed:8.3f} s elapsed {rate}")
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()

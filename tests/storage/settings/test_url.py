"""Which database drivers a program loads."""

import subprocess
import sys

import pytest

LOOK = """
import sys
from storage.settings.url import load_peewee
load_peewee(sys.argv[1])
import {program}
from storage.db.engines import open_engine
open_engine(sys.argv[1])
print(*[name for name in ("psycopg", "sqlite3", "pysqlite3") if name in sys.modules])
import psycopg, sqlite3
print(sqlite3.connect(":memory:").execute("SELECT 1").fetchone())
"""


@pytest.mark.parametrize("program", ["server.listener", "runner.worker"])
@pytest.mark.parametrize(
    ("url", "loaded"),
    [
        ("sqlite:////nowhere/jobs.db", "pysqlite3"),
        ("postgresql://nowhere/jobs", "psycopg sqlite3 pysqlite3"),
    ],
)
def test_a_program_loads_only_needed_drivers_and_job_types_can_import_others(
    program: str, url: str, loaded: str
) -> None:
    pytest.importorskip("pysqlite3")  # not every platform has a wheel
    command = [sys.executable, "-c", LOOK.format(program=program), url]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert answer.stdout.splitlines() == [loaded, "(1,)"]

"""What programs load for the database that they have."""

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
def test_a_program_loads_the_drivers_that_it_needs_and_job_types_can_import_others(
    program: str, url: str, loaded: str
) -> None:
    pytest.importorskip("pysqlite3")  # there is no wheel of it for each machine
    command = [sys.executable, "-c", LOOK.format(program=program), url]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert answer.stdout.splitlines() == [loaded, "(1,)"]

"""What programs load for the database that they have."""

import subprocess
import sys

import pytest

LOOK = """
import sys
from storage.drivers import leave_out_others
leave_out_others(sys.argv[1])
import {program}
from storage.engines import open_engine
open_engine(sys.argv[1])
print(sys.modules.get("psycopg") is not None)
"""


@pytest.mark.parametrize("program", ["server.listener", "runner.worker"])
@pytest.mark.parametrize(
    ("url", "loaded"), [("sqlite:////nowhere/jobs.db", False), ("postgresql://nowhere/jobs", True)]
)
def test_the_driver_of_postgresql_is_loaded_only_for_it(
    program: str, url: str, loaded: bool
) -> None:
    command = [sys.executable, "-c", LOOK.format(program=program), url]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True)
    assert answer.stdout.strip() == str(loaded)

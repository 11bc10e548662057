"""Programs on SQLite do not load PostgreSQL's driver."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.programs import running_service

WITHOUT = """
import sys
from pathlib import Path
from storage.settings.drivers import without_psycopg
with without_psycopg(False):
    import server.start.listener
    import runner.worker
from storage.db.database import Database, open_engine
from storage.db.schema.migrate import bring_up_to_date
folder = Path(sys.argv[1])
bring_up_to_date(Database(open_engine(f"sqlite:///{folder}/jobs.db")), folder)
assert not [name for name in sys.modules if name.startswith("psycopg")]
import psycopg
assert psycopg.connect
"""


@pytest.mark.heavy
def test_nothing_but_a_job_type_loads_the_driver_on_sqlite(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT, str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["server", "runner"])
def test_a_program_on_sqlite_has_not_loaded_the_driver(name: str, tmp_path: Path) -> None:
    # Python's own variable makes it start cold: other programs of tests have loaded all modules.
    cold = {"PYTHONUNBUFFERED": "1"}
    with running_service(f"sqlite:///{tmp_path}/jobs.db", tmp_path, **cold) as service:
        program = service.listener if name == "server" else service.worker()
        maps = Path(f"/proc/{program.process.pid}/maps").read_text()
        assert "pysqlite3" in maps
        assert "psycopg" not in maps

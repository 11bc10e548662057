"""A database of the first release is migrated with all its data."""

import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from storage.db.database import Database, open_engine
from storage.db.schema import migrate, state
from storage.open import open_store
from storage.queries.stats import read_stats
from storage.records.filters import Filters
from storage.records.states import Status
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.stores import Bench

FIRST = "0001_jobs.py"
INSERT = """
INSERT INTO job (id, type, status, payload, error, attempt, retry_count, max_retries, priority,
    created_at, run_at, started_at, finished_at, version)
VALUES ('{id}', 'sleep', '{status}', '{{"seconds": 1}}', {error}, {attempt}, 0, 0, 0,
    1000, 1000, {at}, {at}, {version})
"""


def missing_migrations(database: Database) -> list[str]:
    found = state.read_state(database)
    assert found.newer == []
    return found.pending


def test_jobs_of_the_first_release_can_be_used(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    shutil.copy(state.MIGRATIONS / FIRST, folder)
    database = Database(open_engine(empty_database_url))
    with monkeypatch.context() as first:
        first.setattr(state, "MIGRATIONS", folder)
        migrate.bring_up_to_date(database, tmp_path)
    queued, failed = uuid4(), uuid4()
    for version, (job_id, status) in enumerate(((queued, "queued"), (failed, "failed")), 1):
        ended = status == "failed"
        values = {"error": "'{}'", "attempt": 1, "at": 2000} if ended else {}
        values = {"error": "NULL", "attempt": 0, "at": "NULL", **values}
        insert = INSERT.format(id=job_id.hex, status=status, version=version, **values)
        with database.transaction():
            database.execute(insert)
            database.execute("UPDATE version SET value = value + 1")
    database.close()
    store = open_store(
        Settings.read({"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": empty_database_url})
    )
    jobs = JobStore(store.database, store.wakeup, store.clock)
    assert missing_migrations(store.database) == []
    assert [job.id for job in jobs.list(Filters(frozenset({Status.FAILED})), 5).jobs] == [failed]
    assert jobs.retry(failed)[0]
    (mine,) = read_stats(store.database, store.clock, store.runners_folder).types.values()
    assert (mine.queued, mine.running) == (2, 0)
    store.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_frequently_changed_tables_are_vacuumed_often(bench: Bench) -> None:
    query = "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL"
    options = dict(bench.store.database.engine.execute_sql(query).fetchall())
    assert "autovacuum_vacuum_scale_factor=0.02" in options["job"]
    assert {"fillfactor=70", "autovacuum_vacuum_cost_delay=0"} <= set(options["attempt"])
    assert "autovacuum_vacuum_threshold=1000" in options["counter"]


def test_a_missing_migration_runs_even_after_one_with_a_higher_number(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(state.MIGRATIONS, folder)
    (folder / "0015_trace.py").unlink()
    database = Database(open_engine(empty_database_url))
    with monkeypatch.context() as without:
        without.setattr(state, "MIGRATIONS", folder)
        migrate.bring_up_to_date(database, tmp_path)
    assert missing_migrations(database) == ["0015_trace"]
    migrate.bring_up_to_date(database, tmp_path)
    assert missing_migrations(database) == []
    columns = {column.name for column in database.engine.get_columns("job")}
    assert "traceparent" in columns
    database.close()

"""A new database gets the whole schema at once. One of the release before is used as it is."""

from pathlib import Path

import pytest

from storage.db.database import Database, open_engine
from storage.db.schema import migrate, state
from storage.open import open_store
from storage.records.job import StoreUnusable
from storage.settings.settings import Settings
from tests.support.newer_release import OLDEST, make_before_schema, release_with, update_schema
from tests.support.stores import Bench, open_bench


def pending(url: str) -> list[str]:
    database = Database(open_engine(url))
    try:
        return state.read_state(database).pending
    finally:
        database.close()


def test_a_new_database_has_the_names_that_programs_of_the_release_before_look_for(
    bench: Bench,
) -> None:
    names = state.applied(bench.store.database)
    assert names == state.known_names() >= {*state.replaced(), state.SCHEMA}
    assert state.read_oldest(bench.store.database) == OLDEST


def test_a_database_of_the_release_before_has_the_schema(
    empty_database_url: str, tmp_path: Path
) -> None:
    make_before_schema(empty_database_url, tmp_path)
    with open_bench(empty_database_url, tmp_path) as bench:
        assert bench.job(bench.enqueue()).status == "queued"
        assert state.SCHEMA not in state.applied(bench.store.database)
    assert pending(empty_database_url) == []


def test_a_database_of_an_earlier_release_is_refused_with_the_release_that_updates_it(
    empty_database_url: str, tmp_path: Path
) -> None:
    make_before_schema(empty_database_url, tmp_path, without="0052_lost_runner")
    settings = Settings.read({"DATA_DIR": str(tmp_path), "DATABASE_URL": empty_database_url})
    with pytest.raises(
        StoreUnusable, match=r"without 0052_lost_runner: start release 0\.2\.0 with"
    ):
        open_store(settings)


def test_a_new_database_without_the_schema_is_not_made_from_single_names(
    empty_database_url: str,
) -> None:
    """For example to restore a backup of an earlier release."""
    database = Database(open_engine(empty_database_url))
    with pytest.raises(StoreUnusable, match="earlier release, without 0002_client_retries"):
        migrate.apply_exactly(database, ["0001_jobs"])
    assert database.engine.get_tables() == []
    database.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_frequently_changed_tables_are_vacuumed_often(bench: Bench) -> None:
    query = "SELECT relname, reloptions FROM pg_class WHERE reloptions IS NOT NULL"
    options = dict(bench.store.database.engine.execute_sql(query).fetchall())
    assert "autovacuum_vacuum_scale_factor=0.02" in options["job"]
    assert {"fillfactor=70", "autovacuum_vacuum_cost_delay=0"} <= set(options["attempt"])
    assert "autovacuum_vacuum_threshold=1000" in options["counter"]


def test_a_missing_migration_runs_even_after_one_with_a_higher_number(
    empty_database_url: str, tmp_path: Path
) -> None:
    with release_with(tmp_path, ["CREATE TABLE later (id INTEGER)"], OLDEST):
        update_schema(empty_database_url, tmp_path)
        earlier = ["CREATE TABLE earlier (id INTEGER)"]
        with release_with(tmp_path, earlier, OLDEST, "9997_earlier"):
            assert pending(empty_database_url) == ["9997_earlier"]
            update_schema(empty_database_url, tmp_path)
            assert pending(empty_database_url) == []

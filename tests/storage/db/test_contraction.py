"""Parts that only the previous release needs stay until `python -m storage contract` drops them."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from admin.transfer.endpoints import TransferRefused, open_source, open_target, require_empty
from storage.db.database import Database, open_engine
from storage.db.models import ReleaseRow
from storage.db.schema import migrate, state
from storage.open import Store, open_store
from storage.queries.health import require_ready
from storage.records.job import StoreUnusable
from storage.settings.settings import Settings
from tests.support.newer_release import EXPAND, NAME, OLDEST, release_with, update_schema

CONTRACTION = "9999_contraction"
CONTRACT = "CONTRACT = True\nDROPPED = ('the column mood',)"


def opened(url: str, folder: Path) -> Store:
    return open_store(Settings.read({"DATA_DIR": str(folder), "DATABASE_URL": url}))


def columns(url: str) -> set[str]:
    database = Database(open_engine(url))
    try:
        return {each.name for each in database.engine.peewee.get_columns("attempt")}
    finally:
        database.close()


def contracting(folder: Path, more: str = CONTRACT) -> AbstractContextManager[None]:
    """The release after one with the migration NAME."""
    drop = ["ALTER TABLE attempt DROP COLUMN mood"]
    return release_with(folder, drop, NAME, CONTRACTION, more)


@pytest.fixture
def expanded(empty_database_url: str, tmp_path: Path) -> Iterator[str]:
    """A database that a release with one more column has made. This code is that release."""
    with release_with(tmp_path, EXPAND, OLDEST):
        update_schema(empty_database_url, tmp_path)
        yield empty_database_url


def contract(url: str, folder: Path) -> list[str]:
    database = Database(open_engine(url))
    try:
        return migrate.contract(database, folder)
    finally:
        database.close()


def test_a_new_database_has_nothing_that_only_the_previous_release_needs(
    empty_database_url: str, tmp_path: Path
) -> None:
    with release_with(tmp_path, EXPAND, OLDEST), contracting(tmp_path):
        store = opened(empty_database_url, tmp_path)
        assert state.read_state(store.database).contractions == []
        store.close()
    assert "mood" not in columns(empty_database_url)


def test_an_existing_database_keeps_it_until_it_is_contracted(
    expanded: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with contracting(tmp_path):
        with caplog.at_level(logging.INFO, "storage"):
            store = opened(expanded, tmp_path)
        (line,) = [each for each in caplog.records if "storage contract" in each.message]
        assert vars(line)["migrations"] == state.read_state(store.database).contractions
        require_ready(store.database)
        store.close()
        assert "mood" in columns(expanded)
        assert contract(expanded, tmp_path) == ["the column mood"]
        assert "mood" not in columns(expanded)
        assert contract(expanded, tmp_path) == []


def test_an_older_release_is_refused_only_after_the_contraction(
    expanded: str, tmp_path: Path
) -> None:
    with contracting(tmp_path):
        opened(expanded, tmp_path).close()
    opened(expanded, tmp_path).close()
    with contracting(tmp_path):
        contract(expanded, tmp_path)
    opened(expanded, tmp_path).close()
    with pytest.MonkeyPatch.context() as older:
        older.setattr(state, "MIGRATIONS", Path(migrate.__file__).parents[2] / "migrations")
        with pytest.raises(StoreUnusable, match=f"this one ends with {max(state.known_names())}"):
            opened(expanded, tmp_path)


def test_a_later_release_applies_a_contraction_at_its_start(expanded: str, tmp_path: Path) -> None:
    with contracting(tmp_path):
        opened(expanded, tmp_path).close()
    with contracting(tmp_path, more=""):
        opened(expanded, tmp_path).close()
    assert "mood" not in columns(expanded)


@pytest.mark.heavy
def test_a_contraction_is_refused_while_programs_use_the_database(
    expanded: str, tmp_path: Path
) -> None:
    with contracting(tmp_path):
        store = opened(expanded, tmp_path)
        store.database.rows(ReleaseRow.select())
        with pytest.raises(TransferRefused, match="first stop all programs"):
            open_source(expanded, tmp_path)  # as the command does
        store.close()
    assert "mood" in columns(expanded)


def test_a_transfer_refuses_a_target_that_still_has_triggers_for_the_previous_release(
    expanded: str, tmp_path: Path
) -> None:
    """Triggers are off during a transfer, so the tables of that release would stay empty."""
    with contracting(tmp_path):
        target = open_target(expanded)
        try:
            with pytest.raises(TransferRefused, match="storage contract"):
                require_empty(target)
        finally:
            target.close()

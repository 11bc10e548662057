"""What only the previous release needs stays until `python -m storage contract` drops it."""

import logging
import shutil
from pathlib import Path

import pytest

from admin.transfer.endpoints import TransferRefused, open_target, require_empty
from storage.db.database import Database, open_engine
from storage.db.models import ReleaseRow
from storage.db.schema import state
from storage.open import Store, open_store
from storage.queries.health import require_ready
from storage.records.job import StoreUnusable
from storage.settings.settings import Settings
from tests.support import previous_release
from tests.support.newer_release import update_schema, update_schema_to
from tests.support.warm_start import run_program

PREVIOUS = previous_release.LAST
OLD_INDEXES = {"job_due", "job_running", "job_by_type"}
NEW_INDEXES = {"job_unfinished", "job_type", "job_unsuccessful"}


def opened(url: str, folder: Path) -> Store:
    return open_store(Settings.read({"DATA_DIR": str(folder), "DATABASE_URL": url}))


def indexes(url: str) -> set[str]:
    database = Database(open_engine(url))
    try:
        return {each.name for each in database.engine.get_indexes("job")}
    finally:
        database.close()


def test_a_new_database_has_nothing_that_only_the_previous_release_needs(
    empty_database_url: str, tmp_path: Path
) -> None:
    store = opened(empty_database_url, tmp_path)
    assert state.read_state(store.database).contractions == []
    store.close()
    assert indexes(empty_database_url) >= NEW_INDEXES
    assert not indexes(empty_database_url) & OLD_INDEXES


def test_an_existing_database_keeps_it_until_the_command_drops_it(
    empty_database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    update_schema_to(empty_database_url, tmp_path, PREVIOUS)
    with caplog.at_level(logging.INFO, "storage"):
        store = opened(empty_database_url, tmp_path)
    (line,) = [each for each in caplog.records if "storage contract" in each.message]
    assert vars(line)["migrations"] == state.read_state(store.database).contractions != []
    require_ready(store.database)
    store.close()
    assert indexes(empty_database_url) >= OLD_INDEXES | NEW_INDEXES
    command = "contract", {"DATABASE_URL": empty_database_url, "DATA_DIR": str(tmp_path)}
    answer = run_program("storage", command[0], **command[1], LOG_LEVEL="WARNING")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "dropped: the indexes job_due" in answer.stdout
    assert indexes(empty_database_url) & (OLD_INDEXES | NEW_INDEXES) == NEW_INDEXES
    assert "nothing to do" in run_program("storage", command[0], **command[1]).stdout


def test_the_previous_release_is_refused_only_after_the_contraction(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_schema_to(empty_database_url, tmp_path, PREVIOUS)
    opened(empty_database_url, tmp_path).close()
    with monkeypatch.context() as previous:
        previous.setattr(state, "MIGRATIONS", tmp_path / f"migrations up to {PREVIOUS}")
        update_schema(empty_database_url, tmp_path)
    run_program("storage", "contract", DATABASE_URL=empty_database_url, DATA_DIR=str(tmp_path))
    with monkeypatch.context() as previous:
        previous.setattr(state, "MIGRATIONS", tmp_path / f"migrations up to {PREVIOUS}")
        with pytest.raises(StoreUnusable, match=f"this one ends with {PREVIOUS}"):
            update_schema(empty_database_url, tmp_path)


def test_a_later_release_applies_a_contraction_at_its_start(
    empty_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_schema_to(empty_database_url, tmp_path, PREVIOUS)
    opened(empty_database_url, tmp_path).close()
    later = tmp_path / "later"
    shutil.copytree(state.MIGRATIONS, later)
    for file in later.glob("*.py"):
        file.write_text(file.read_text().replace("CONTRACT = True\n", ""))
    monkeypatch.setattr(state, "MIGRATIONS", later)
    opened(empty_database_url, tmp_path).close()
    assert not indexes(empty_database_url) & OLD_INDEXES


def test_the_command_refuses_while_programs_use_the_database(
    empty_database_url: str, tmp_path: Path
) -> None:
    update_schema_to(empty_database_url, tmp_path, PREVIOUS)
    store = opened(empty_database_url, tmp_path)
    store.database.rows(ReleaseRow.select())
    answer = run_program(
        "storage", "contract", DATABASE_URL=empty_database_url, DATA_DIR=str(tmp_path)
    )
    store.close()
    assert answer.returncode == 1
    assert "first stop all programs" in answer.stderr
    assert indexes(empty_database_url) >= OLD_INDEXES


def test_a_transfer_refuses_a_target_that_still_has_triggers_for_the_previous_release(
    empty_database_url: str, tmp_path: Path
) -> None:
    """Triggers are off during a transfer, so the tables of that release would stay empty."""
    update_schema_to(empty_database_url, tmp_path, PREVIOUS)
    target = open_target(empty_database_url)
    try:
        with pytest.raises(TransferRefused, match="storage contract"):
            require_empty(target)
    finally:
        target.close()

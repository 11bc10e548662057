"""`python -m storage migrate` and its dry run. Starts announce long migrations."""

import argparse
import logging
from pathlib import Path
from typing import Any

import pytest

from admin.commands import migrate as command
from admin.commands.migrate import describe
from storage.db.database import Database, open_engine
from storage.db.models import ReleaseRow
from storage.db.schema import plan, state
from storage.db.schema.migrate import bring_up_to_date
from storage.open import open_store
from storage.settings.settings import Settings
from tests.support.newer_release import (
    EXPAND,
    NAME,
    OLDEST,
    make_before_schema,
    release_with,
    update_schema,
    update_schema_to,
)
from tests.support.stores import open_bench
from tests.support.warm_start import run_program

LATER = ["CREATE INDEX job_later ON job (version)"]
SCANS = "SCANS = {'job': 1}"


def migrate(url: str, folder: Path, *options: str) -> Any:
    """Run the command."""
    places = {"DATABASE_URL": url, "DATA_DIR": str(folder), "LOG_LEVEL": "WARNING"}
    return run_program("storage", "migrate", *options, **places)


def pending(url: str) -> list[str]:
    database = Database(open_engine(url))
    try:
        return state.read_state(database).pending
    finally:
        database.close()


def lines_of(url: str) -> list[str]:
    """The lines that the command prints for a database."""
    database = Database(open_engine(url))
    try:
        return describe(plan.read_plan(database))
    finally:
        database.close()


def test_the_plan_names_each_migration_and_the_releases_that_still_work_afterwards(
    empty_database_url: str, tmp_path: Path
) -> None:
    update_schema(empty_database_url, tmp_path)
    with release_with(tmp_path, LATER, OLDEST, more=SCANS):
        first, named, last = lines_of(empty_database_url)
        assert first.endswith(f"whose last migration is {NAME}")
        assert named.split()[:3] == [NAME, "at", "once"]
        assert last == f"1 migration, about 1 s; afterwards, releases that have {OLDEST} " + (
            "still work with the database"
        )
        assert pending(empty_database_url) == [NAME]


def test_a_dry_run_changes_nothing_and_the_command_migrates(
    empty_database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    update_schema(empty_database_url, tmp_path)
    settings = Settings.read({"DATA_DIR": str(tmp_path), "DATABASE_URL": empty_database_url})
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    with release_with(tmp_path, LATER, OLDEST, more=SCANS):
        for options, left in (["--dry-run"], [NAME]), ([], []):
            arguments = parser.parse_args(["migrate", *options])
            assert arguments.run(arguments, settings) == 0
            assert pending(empty_database_url) == left
    assert "done: the schema is up to date" in capsys.readouterr().out


@pytest.mark.heavy
def test_the_command_has_nothing_to_do_for_a_database_of_the_release_before(
    empty_database_url: str, tmp_path: Path
) -> None:
    make_before_schema(empty_database_url, tmp_path)
    for options in (["--dry-run"], []):
        answer = migrate(empty_database_url, tmp_path, *options)
        assert (answer.returncode, answer.stderr) == (0, "")
        assert "nothing to do: the schema is up to date" in answer.stdout


@pytest.mark.heavy
def test_a_database_of_an_earlier_release_is_named_and_stays_as_it_is(
    empty_database_url: str, tmp_path: Path
) -> None:
    make_before_schema(empty_database_url, tmp_path, without="0030_pattern_set")
    answer = migrate(empty_database_url, tmp_path)
    assert (answer.returncode, "start release 0.2.0 first" in answer.stdout) == (1, True)


def test_without_a_database_nothing_is_made(tmp_path: Path) -> None:
    answer = migrate(f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path, "--dry-run")
    assert (answer.returncode, "the first start makes one" in answer.stdout) == (0, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.heavy
def test_a_newer_database_is_named(empty_database_url: str, tmp_path: Path) -> None:
    with release_with(tmp_path, EXPAND, OLDEST):
        update_schema(empty_database_url, tmp_path)
    answer = migrate(empty_database_url, tmp_path, "--dry-run")
    assert answer.returncode == 0
    assert f"migrations of a newer release, which works with this release: {NAME}" in answer.stdout
    database = Database(open_engine(empty_database_url))
    database.run(ReleaseRow.update(oldest=NAME))
    database.close()
    answer = migrate(empty_database_url, tmp_path, "--dry-run")
    assert (answer.returncode, f"and needs a newer one: {NAME}" in answer.stdout) == (1, True)


def test_the_former_name_of_a_transfer_still_works(tmp_path: Path) -> None:
    source, target = (f"sqlite:///{tmp_path / name / 'jobs.db'}" for name in ("a", "b"))
    open_store(Settings.read({"DATA_DIR": str(tmp_path / "a"), "DATABASE_URL": source})).close()
    answer = run_program("storage", "migrate", "--from", source, "--to", target)
    assert answer.returncode == 0, answer.stderr
    assert "is named `transfer` now" in answer.stderr
    half = run_program("storage", "migrate", "--from", source)
    assert (half.returncode, "storage transfer --from URL --to URL" in half.stderr) == (1, True)


def test_a_migration_says_which_tables_it_reads(tmp_path: Path) -> None:
    """An index on a table that was there before reads the table once, and so does `FROM table`."""
    url, before = f"sqlite:///{tmp_path / 'jobs.db'}", set[tuple[str, str | None]]()
    for name in sorted(each.stem for each in state.MIGRATIONS.glob("[0-9]*.py")):
        update_schema_to(url, tmp_path, name)
        tables = {table for table, _ in before}
        new = [table for table, index in indexes(url) - before if table in tables and index]
        migration = state.load(name)
        text = "" if name == state.SCHEMA else "\n".join(migration.SQLITE)
        new += [table for table in tables if f"FROM {table}," in text]
        scans = getattr(migration, "SCANS", {})
        assert (name, scans) == (name, {table: new.count(table) for table in sorted(set(new))})
        before = indexes(url)


def indexes(url: str) -> set[tuple[str, str | None]]:
    """All tables, and each with each of its indexes."""
    database = Database(open_engine(url))
    try:
        select = "SELECT tbl_name, name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        found: set[tuple[str, str | None]] = {*database.execute(select).fetchall()}
        return found | {(table, None) for table in database.engine.get_tables()}
    finally:
        database.close()


def test_a_start_announces_how_long_its_migrations_take(
    empty_database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    update_schema(empty_database_url, tmp_path)
    monkeypatch.setattr(plan, "_rows", lambda database, table: 2_000_000)
    database = Database(open_engine(empty_database_url))
    with (
        release_with(tmp_path, LATER, OLDEST, more=SCANS),
        caplog.at_level(logging.INFO, "storage"),
    ):
        bring_up_to_date(database, tmp_path)
    database.close()
    announced, *done, _ = [vars(each) for each in caplog.records if "migration" in str(vars(each))]
    assert announced["expected_seconds"] == round(2 * plan.SECONDS_PER_MILLION)
    assert [each["migration"] for each in done if "migration" in each] == [NAME]


def test_rows_are_counted_or_estimated(empty_database_url: str, tmp_path: Path) -> None:
    with open_bench(empty_database_url, tmp_path) as bench:
        for _ in range(3):
            bench.enqueue()
        database = bench.store.database
        assert plan._rows(database, "job") == 3
        assert plan._rows(database, "no_such_table") == 0
        if database.postgresql:
            database.execute("ANALYZE job")
            assert plan._rows(database, "job") == 3

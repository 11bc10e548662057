"""Programs of different releases on one database: after an update, and after a rollback."""

import logging
from pathlib import Path

import pytest

from storage.db.database import Database, open_engine
from storage.db.schema import state
from storage.open import open_store
from storage.queries.health import require_ready
from storage.records.job import NewJob, StoreUnusable
from storage.settings.settings import Settings
from storage.store import JobStore
from tests.support.newer_release import (
    EXPAND,
    NAME,
    OLDEST,
    Table,
    harm_to_older_programs,
    read_schema,
    release_with,
    update_schema,
    update_schema_to,
)

MIGRATIONS = sorted(file.stem for file in state.MIGRATIONS.glob("[0-9]*.py"))
DECLARED = {name: state.oldest_of(name) for name in MIGRATIONS}
LAST = MIGRATIONS[-1]


def settings(url: str, tmp_path: Path) -> Settings:
    return Settings.read({"DATA_DIR": str(tmp_path), "DATABASE_URL": url})


def test_migrations_are_numbered_from_the_schema_on_and_each_number_occurs_once() -> None:
    numbers = [int(name.partition("_")[0]) for name in MIGRATIONS]
    assert (MIGRATIONS[0], numbers[0]) == (state.SCHEMA, len(state.replaced()))
    assert numbers == list(range(numbers[0], numbers[0] + len(MIGRATIONS)))


def test_every_migration_declares_the_oldest_release_that_works_with_it() -> None:
    sources = {name: (state.MIGRATIONS / f"{name}.py").read_text() for name in DECLARED}
    assert [name for name, source in sources.items() if "\nOLDEST = " not in source] == []
    assert set(DECLARED.values()) <= state.known_names()
    for contracts in (True, False):  # an expansion may follow a contraction that is not applied yet
        oldest = [DECLARED[name] for name in DECLARED if state.is_contraction(name) is contracts]
        assert oldest == sorted(oldest)


def test_no_migration_needs_itself() -> None:
    """Otherwise a rollback by one release would be impossible."""
    assert [name for name, oldest in DECLARED.items() if name == oldest] == []


def test_a_migration_that_does_not_contract_only_adds(
    empty_database_url: str, tmp_path: Path
) -> None:
    before: dict[str, Table] = {}
    for name in MIGRATIONS:
        update_schema_to(empty_database_url, tmp_path, name)
        after = read_schema(empty_database_url)
        if not state.is_contraction(name):
            assert (name, harm_to_older_programs(before, after)) == (name, [])
        before = after


def harm_of(url: str, folder: Path, *statements: str) -> list[str]:
    """The harm that a migration with these statements does to the programs before it, as lines."""
    update_schema(url, folder)
    before = read_schema(url)
    with release_with(folder, statements, OLDEST):
        update_schema(url, folder)
    return harm_to_older_programs(before, read_schema(url))


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("statement", "harm"),
    [
        ("DROP TABLE moment", ["moment is gone"]),
        ("ALTER TABLE job DROP COLUMN callback_url", ["job: callback_url is gone"]),
        ("ALTER TABLE moment RENAME TO moments", ["moment is gone"]),
        ("ALTER TABLE attempt RENAME COLUMN pid TO process", ["attempt: pid is gone"]),
        (
            "CREATE UNIQUE INDEX one_runner ON attempt (runner)",
            ["attempt: unique index one_runner restricts runner"],
        ),
    ],
)
def test_a_migration_that_breaks_older_programs_is_noticed(
    statement: str, harm: list[str], empty_database_url: str, tmp_path: Path
) -> None:
    drop = ["DROP TRIGGER callback_delete", "DROP TRIGGER callback_final"]  # use the column
    first = drop if "sqlite" in empty_database_url and "callback" in statement else []
    if "postgresql" in empty_database_url and "callback" in statement:
        first = ["DROP TRIGGER callback_delete ON job"]
    assert harm_of(empty_database_url, tmp_path, *first, statement) == harm


@pytest.mark.heavy
@pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("statement", "harm"),
    [
        (
            "ALTER TABLE runner ADD COLUMN mood TEXT NOT NULL",
            ["runner: mood is NOT NULL without a default"],
        ),
        ("ALTER TABLE attempt ALTER COLUMN pid SET NOT NULL", ["attempt: pid is changed"]),
        ("ALTER TABLE attempt ALTER COLUMN pid TYPE TEXT", ["attempt: pid is changed"]),
        ("ALTER TABLE job ALTER COLUMN queue DROP DEFAULT", ["job: queue is changed"]),
        (
            "ALTER TABLE job ADD CONSTRAINT few CHECK (attempt < 9)",
            ["job: check few restricts attempt"],
        ),
        (
            "ALTER TABLE output ADD FOREIGN KEY (job_id) REFERENCES job (id)",
            ["output: foreign key of job_id restricts job_id"],
        ),
    ],
)
def test_a_stricter_column_is_noticed(
    statement: str, harm: list[str], empty_database_url: str, tmp_path: Path
) -> None:
    assert harm_of(empty_database_url, tmp_path, statement) == harm


def test_a_migration_that_only_adds_is_no_harm(empty_database_url: str, tmp_path: Path) -> None:
    assert harm_of(empty_database_url, tmp_path, *EXPAND) == []


def test_a_release_works_with_the_expanded_schema_of_a_newer_one(
    empty_database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_store(settings(empty_database_url, tmp_path)).close()
    with release_with(tmp_path, EXPAND, OLDEST):
        update_schema(empty_database_url, tmp_path)
    with caplog.at_level(logging.INFO, "storage"):
        store = open_store(settings(empty_database_url, tmp_path))
    require_ready(store.database)
    jobs = JobStore(store.database, store.wakeup, store.clock)
    (job_id,) = jobs.enqueue([NewJob("sleep", {"seconds": 1})])
    store.close()
    assert job_id
    said = [record for record in caplog.records if "newer schema" in record.message]
    assert [vars(record)["migrations"] for record in said] == [[NAME]]


@pytest.mark.parametrize("oldest", ["9997_feeling", None])
def test_a_release_that_a_newer_schema_no_longer_supports_is_refused(
    oldest: str | None, empty_database_url: str, tmp_path: Path
) -> None:
    store = open_store(settings(empty_database_url, tmp_path))
    with release_with(tmp_path, ["ALTER TABLE attempt DROP COLUMN pid"], oldest):
        update_schema(empty_database_url, tmp_path)
    needed = oldest or NAME
    text = (
        f"needs a release with the migration {needed} or a later one, but this one ends with {LAST}"
    )
    with pytest.raises(StoreUnusable, match=text):
        require_ready(store.database)
    store.close()
    with pytest.raises(StoreUnusable, match=text):
        open_store(settings(empty_database_url, tmp_path))


def test_the_release_before_a_contraction_still_works(
    empty_database_url: str, tmp_path: Path
) -> None:
    with release_with(tmp_path, EXPAND, OLDEST):
        store = open_store(settings(empty_database_url, tmp_path))
        contract = ["ALTER TABLE attempt DROP COLUMN pid"]
        with release_with(tmp_path, contract, NAME, "9999_no_pid"):
            update_schema(empty_database_url, tmp_path)
        require_ready(store.database)
        store.close()
        open_store(settings(empty_database_url, tmp_path)).close()
    with pytest.raises(StoreUnusable, match=NAME):
        open_store(settings(empty_database_url, tmp_path))


def test_a_failed_contraction_refuses_nobody(empty_database_url: str, tmp_path: Path) -> None:
    update_schema(empty_database_url, tmp_path)
    with (
        release_with(tmp_path, ["ALTER TABLE attempt DROP COLUMN no_such_column"], NAME),
        pytest.raises(Exception, match="no_such_column"),
    ):
        update_schema(empty_database_url, tmp_path)
    store = open_store(settings(empty_database_url, tmp_path))
    require_ready(store.database)
    store.close()


def test_an_update_after_a_rollback_finds_its_schema(
    empty_database_url: str, tmp_path: Path
) -> None:
    with release_with(tmp_path, EXPAND, OLDEST):
        open_store(settings(empty_database_url, tmp_path)).close()
        expanded = read_schema(empty_database_url)
    open_store(settings(empty_database_url, tmp_path)).close()
    database = Database(open_engine(empty_database_url))
    assert (state.read_state(database).pending, state.read_state(database).newer) == ([], [NAME])
    database.close()
    (tmp_path / f"migrations {NAME}").rename(tmp_path / "before")
    with release_with(tmp_path, EXPAND, OLDEST):
        store = open_store(settings(empty_database_url, tmp_path))
        require_ready(store.database)
        store.close()
    assert read_schema(empty_database_url) == expanded

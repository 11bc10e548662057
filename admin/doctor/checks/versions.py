"""Versions of the programs below the service, and of the schema of the database."""

import platform
from collections.abc import Iterator
from importlib import metadata

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from storage.db.peewee_internals import SQLITE_VERSION
from storage.db.schema.state import BEFORE_SCHEMA
from storage.db.sqlite import has_wal_reset_fix
from storage.liveness.runners import registered_runners
from storage.open import runners_folder
from storage.records.release import RELEASE

NAME = "versions"
SCHEMA = "schema"


def check(_subject: Subject) -> Iterator[Finding]:
    """Yield the versions, and what is wrong with them."""
    sqlite = ".".join(map(str, SQLITE_VERSION))
    yield ok(NAME, f"job-service {RELEASE}, Python {platform.python_version()}, SQLite {sqlite}")
    if not has_wal_reset_fix(SQLITE_VERSION):  # https://sqlite.org/wal.html#walresetbug
        yield Finding(
            NAME,
            "warning",
            f"SQLite {sqlite} has the WAL-reset bug",
            "the database uses the slower rollback journal instead of a WAL, to be safe",
            "use x86-64, where pip installs pysqlite3, or a Python with SQLite 3.51.3 or later",
        )


def check_schema(subject: Subject) -> Iterator[Finding]:
    """Yield what the schema of the database says about releases."""
    state = subject.schema
    if state.is_new:
        yield ok(SCHEMA, "the database is empty: the first start of a program makes its tables")
        return
    if state.lacking:
        yield Finding(
            SCHEMA,
            "error",
            f"the schema is that of an earlier release ({_missing(state.lacking)})",
            f"release {RELEASE} cannot use it",
            f"start release {BEFORE_SCHEMA} with it once; docs/upgrading.md#earlier-releases",
        )
    elif not state.is_compatible:
        yield Finding(
            SCHEMA,
            "error",
            f"the database has the schema of a newer release ({state.newer[-1]})",
            f"release {RELEASE} cannot use it",
            f"start a release that has the migration {state.oldest or state.newer[-1]}",
        )
    elif state.newer:
        yield Finding(
            SCHEMA,
            "note",
            f"the database has the schema of a newer release ({state.newer[-1]}), which works",
            "a later release uses it, or has used it before a rollback",
            "none is needed; docs/upgrading.md#the-schema",
        )
    if state.pending:
        yield Finding(
            SCHEMA,
            "note",
            f"{_missing(state.pending)}; so counters, rows, files and jobs were not checked",
            "the next start of a program applies them; older programs go on meanwhile",
            "start a listener or worker of this release",
        )
    if state.contractions:
        yield from _contraction(subject, state.contractions)
    if not (state.lacking or state.newer or state.pending or state.contractions):
        yield ok(SCHEMA, f"the schema is that of this release ({state.last})")


def _missing(pending: list[str]) -> str:
    if len(pending) == 1:
        return f"1 migration is missing, {pending[0]}"
    return f"{len(pending)} migrations are missing, the first is {pending[0]}"


def _contraction(subject: Subject, names: list[str]) -> Iterator[Finding]:
    runners = registered_runners(subject.database, runners_folder(subject.settings))
    stop = "stop all programs, then " if runners else ""
    yield Finding(
        SCHEMA,
        "note",
        f"the database keeps what only the previous release needs ({', '.join(names)})",
        "changes write to indexes that nobody reads",
        f"{stop}python -m storage contract, when no rollback is wanted any more",
    )


def packages() -> dict[str, str]:
    """Return the versions of all installed packages."""
    return {each.metadata["Name"]: each.version for each in metadata.distributions()}

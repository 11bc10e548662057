"""Runs all checks, each after the checks that it depends on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from admin.doctor.checks import (
    backups,
    bucket,
    clock,
    consistency,
    disk,
    file_systems,
    isolation,
    limits,
    permissions,
    ports,
    postgresql,
    settings,
    sign_in,
    sqlite,
    stranded_jobs,
    versions,
)
from admin.doctor.findings.finding import Finding
from admin.doctor.findings.subject import Subject
from admin.store_checks.reading import TookTooLong

Check = Callable[[Subject], Iterator[Finding]]
CANNOT = "it cannot be checked"


@dataclass(frozen=True)
class Checks:
    """Checks of one kind. `is_due` says whether they can run."""

    checks: tuple[Check, ...]
    is_due: Callable[[Subject, list[Finding]], bool]


def _always(_subject: Subject, _found: list[Finding]) -> bool:
    return True


def _settings_are_valid(subject: Subject, _found: list[Finding]) -> bool:
    return subject.is_readable


def _database_can_be_read(subject: Subject, found: list[Finding]) -> bool:
    """Return whether there is a database, and nothing has shown that it cannot be read."""
    if not subject.is_readable or (subject.file and not subject.file.exists()):
        return False
    bad = [each for each in found if each.level == "error"]
    failed = any(each.check == "postgresql" and each.what.startswith(CANNOT) for each in bad)
    return not failed and not any(each.check in ("sqlite", "schema") for each in bad)


def _schema_is_current(subject: Subject, found: list[Finding]) -> bool:
    """Return whether the database has all tables and columns that the other checks read."""
    if not _database_can_be_read(subject, found):
        return False
    failed = any(each.check == "versions" and each.what.startswith(CANNOT) for each in found)
    return not failed and not subject.schema.pending


ORDER = (
    Checks((settings.check, versions.check, isolation.check_kernel), _always),
    Checks(
        (
            settings.check_access,
            file_systems.check,
            disk.check,
            permissions.check,
            limits.check,
            isolation.check,
            ports.check,
            clock.check,
            bucket.check,
            sign_in.check,
            sqlite.check,
            postgresql.check,
        ),
        _settings_are_valid,
    ),
    Checks((versions.check_schema,), _database_can_be_read),
    Checks(
        (
            clock.check_store,
            consistency.check_counters,
            consistency.check_rows,
            consistency.check_files,
            stranded_jobs.check,
            backups.check,
        ),
        _schema_is_current,
    ),
)


def examine(subject: Subject) -> list[Finding]:
    """Return the findings of all checks."""
    found: list[Finding] = []
    for group in ORDER:
        if group.is_due(subject, found):
            for check in group.checks:
                found += _run(check, subject)
    return found


def _run(check: Check, subject: Subject) -> list[Finding]:
    """Run a check. One that fails has found something, too."""
    name, found = check.__module__.rpartition(".")[2], list[Finding]()
    try:
        for each in check(subject):
            found.append(each)
    except TookTooLong:
        found.append(
            Finding(
                name,
                "note",
                "the database was not checked to the end, because it is large or busy",
                "a fault in the rest would go unnoticed",
                "python -m storage doctor --thorough",
            )
        )
    except Exception as error:  # whatever it is: the other checks can still find something
        found.append(
            Finding(
                name,
                "error",
                f"{CANNOT}: {' '.join(str(error).split()) or repr(error)}",
                "the programs need the same access",
                "correct the cause that the message names, and repeat `python -m storage doctor`",
            )
        )
    return found

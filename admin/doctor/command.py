"""Examines this environment, repairs what can be repaired, and prints the findings, for
`python -m storage doctor`. Programs may run meanwhile."""

import argparse
import os
from collections.abc import Callable, Iterator

from admin.doctor import report
from admin.doctor.chaos import run_chaos
from admin.doctor.examine import examine
from admin.doctor.findings.finding import worst
from admin.doctor.findings.subject import Subject
from admin.store_checks.counters import (
    advance_version,
    correct_counters,
    counter_differences,
    version_behind,
)
from admin.store_checks.orphans import TABLES, Orphans, delete_lone_rows, delete_lone_uploads
from admin.store_checks.reading import Reader
from storage.db.database import Database
from storage.db.schema.state import read_state
from storage.open import new_database, open_uploads
from storage.ownership.ownership import own_since
from storage.ownership.stored_files import delete_lone_files
from storage.records.counted import counted
from storage.records.job import StoreError, StoreUnusable


def run(arguments: argparse.Namespace, show: Callable[[str], None]) -> int:
    """Show the findings, line by line; return the exit code. Raises StoreError if a repair fails.

    Settings that are invalid are findings, too; then nothing is repaired.
    """
    if arguments.chaos is not None:
        return _try_chaos(arguments.chaos)
    subject, fixed = Subject(os.environ, arguments.thorough), list[str]()
    try:
        if arguments.fix and subject.is_readable:
            fixed = list(_repair(subject))
        found = examine(subject)
    finally:
        subject.close()
    if arguments.json:
        show(report.as_json(found, fixed))
    else:
        for line in fixed:
            show(f"fixed    {line}")
        show(report.as_text(found))
    return int(worst(found) in (("warning", "error") if arguments.strict else ("error",)))


def _try_chaos(seconds: float) -> int:
    """Run the chaos suite, which needs valid settings; return its exit code. Raises StoreError."""
    subject = Subject(os.environ)
    if not subject.is_readable:
        raise StoreError("the settings are invalid: " + "; ".join(subject.problems))
    try:
        return run_chaos(subject, seconds)
    finally:
        subject.close()


def _repair(subject: Subject) -> Iterator[str]:
    """Repair what can be repaired, and yield a line for each repair. Raises StoreError.

    The settings must be valid. Refuses a database that is missing, damaged, or not up to date.
    """
    if subject.file and not subject.file.exists():
        raise StoreUnusable(f"there is no file {subject.file}")
    database = new_database(subject.settings)
    try:
        state = read_state(database)
        state.require_compatible()
        if state.pending:
            raise StoreUnusable(f"{state.pending[0]} is missing: start a program of this release")
        yield from _repair_counters(database)
        yield from _repair_rows(subject, database)
        yield from _delete_files(subject, database)
    finally:
        database.close()


def _repair_counters(database: Database) -> Iterator[str]:
    reader = Reader(database, None)
    if behind := version_behind(reader):
        advance_version(database, behind[1])
        yield f"the newest version is now {behind[1]:,} instead of {behind[0]:,}"
    if found := counter_differences(reader, database.postgresql):
        correct_counters(database, found)
        for each in found:
            jobs = counted(each.rows, "unfinished job")
            yield f"the counters of {each.type} say {jobs} now, instead of {each.counted:,}"


def _repair_rows(subject: Subject, database: Database) -> Iterator[str]:
    for table in TABLES:
        if count := delete_lone_rows(database, table):
            yield f"deleted {Orphans(table, count).text} without a job"
    if ids := delete_lone_uploads(database):
        open_uploads(subject.settings).delete(ids)
        yield f"deleted {Orphans('upload', len(ids)).text} without a job, with their files"


def _delete_files(subject: Subject, database: Database) -> Iterator[str]:
    folder = subject.settings.uploads_folder
    if folder is not None and not folder.is_dir():
        return
    uploads = open_uploads(subject.settings)
    own_since(subject.settings, database, uploads)
    if count := delete_lone_files(database, uploads):
        yield f"deleted {counted(count, 'file')} without a row"

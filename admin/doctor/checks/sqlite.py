"""The SQLite file: damage, notes of damage, and a WAL that is missing or of another moment."""

import time
from collections.abc import Iterator

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from admin.store_checks.reading import TookTooLong
from storage.db.schema.soundness import MAX_START_BYTES, is_small
from storage.db.sqlite_file.damage import DamageNote
from storage.db.sqlite_file.wal_file import wal_mismatch
from storage.db.sqlite_file.wal_index import lost_changes

NAME = "sqlite"
_RESTORE = "stop all programs, and restore a copy: docs/store.md#damage"
_MIB = 1024**2


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is wrong with the file; nothing if the database is on a server."""
    file = subject.file
    if file is None:
        return
    if not file.exists():
        yield ok(NAME, f"there is no database yet: the first start makes {file}")
        return
    bad = False
    if DamageNote(file).exists():
        bad = True
        yield Finding(
            NAME,
            "error",
            f"a program has left the note {file}-damaged",
            "changes are refused with 503 until a good copy is restored",
            _RESTORE,
        )
    if mismatch := lost_changes(file) or wal_mismatch(file):
        bad = True
        yield Finding(
            NAME,
            "error",
            f"{file} does not belong to what is beside it: {mismatch}",
            "no program starts, because SQLite would mix two states, or go on without changes",
            f"put the WAL back; delete {file}-wal and {file}-shm if the database is a complete "
            "copy; else restore a copy: docs/store.md#copy-a-store",
        )
    if not bad:
        yield from _of_pages(subject)


def _of_pages(subject: Subject) -> Iterator[Finding]:
    file = subject.file
    assert file is not None
    pragma = "integrity_check(1)" if subject.thorough else "quick_check(1)"
    began, size = time.monotonic(), file.stat().st_size
    shown = f"{file} ({size / _MIB:,.1f} MiB)"
    if not subject.thorough and not is_small(file):
        yield Finding(
            NAME,
            "note",
            f"{shown} is larger than {MAX_START_BYTES // _MIB} MiB, and was not read",
            "only reading it finds damage; a program checks it after each start, too",
            "python -m storage doctor --thorough",
        )
        return
    try:
        ((found,),) = subject.reader(2.0).rows(f"PRAGMA {pragma}")
    except TookTooLong:
        yield Finding(
            NAME,
            "note",
            f"{shown} could not be read in time",
            "damage would go unnoticed",
            "python -m storage doctor --thorough",
        )
        return
    if found != "ok":
        yield Finding(
            NAME,
            "error",
            f"{shown} is damaged: {' '.join(str(found).split())}",
            "jobs can be lost, and changes are refused once a program meets the damage",
            _RESTORE,
        )
        return
    yield ok(NAME, f"{shown} is sound: {pragma} took {time.monotonic() - began:.1f} s")

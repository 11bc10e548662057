"""Checks a SQLite file for damage: a small one before it is used, a large one in the background.

The program that checks in the background holds an flock on `jobs.db-checked`, and others leave it
to that program.
"""

import contextlib
import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import peewee as pw

from storage.db.sqlite_file.damage import DamageNote, damaged, is_damage
from storage.db.sqlite_file.wal_file import open_plainly, wal_mismatch
from storage.db.sqlite_file.wal_index import lost_changes
from storage.records.job import StoreUnavailable

log = logging.getLogger(__name__)

MAX_START_BYTES = 64 * 1024**2
"""The largest file that a start checks. It takes 0.1 s, and 1 s if the file is not in memory."""
_MAX_WAL_GROWTH = 64 * 1024**2
"""A step of the background check ends when the WAL has grown by so many bytes during it."""
_TRIES, _PAUSE_SECONDS = 3, 60.0
_STEPS_PER_CALL = 100_000
_NICE = 19


def refuse_lost_changes(file: Path) -> None:
    """Raise StoreDamaged if a file that exists lacks changes of a WAL that was deleted."""
    if file.exists() and (lost := lost_changes(file)):
        raise damaged(file, lost)


def require_sound(file: Path) -> None:
    """Raise StoreDamaged if a file is damaged or its WAL belongs to another state of it.

    Reads only. The caller holds a lock, so that one program at a time does this. A file that is
    larger than MAX_START_BYTES is checked only if a program has left a note of damage; the note of
    a sound file is removed. Raises StoreUnavailable while the file is locked.
    """
    note = DamageNote(file)
    try:
        if mismatch := wal_mismatch(file):
            raise damaged(file, mismatch)
        if not note.exists() and not is_small(file):
            return
        found = _quick_check(file)
    except pw.OperationalError as error:
        raise StoreUnavailable(str(error)) from error
    except pw.DatabaseError as error:
        raise damaged(file, str(error)) from error
    if found != "ok":
        raise damaged(file, found)
    note.remove()


def _quick_check(file: Path) -> str:
    """Return "ok", or the first damage that SQLite finds."""
    with open_plainly(file, "ro") as plain:
        return _one_line(plain.execute_sql("PRAGMA quick_check(1)").fetchone()[0])


def _one_line(text: str) -> str:
    return " ".join(text.removeprefix("*** in database main ***").split())


def is_small(file: Path) -> bool:
    """Return whether a start checks the whole file."""
    return file.stat().st_size <= MAX_START_BYTES


class BackgroundCheck:
    """Checks a large file in a thread of low priority, one table after the other.

    Each table is checked within a read transaction, which keeps the WAL from starting anew. So a
    table is left for later when the WAL grows too much meanwhile.
    """

    def __init__(self, file: Path, report: Callable[[str], object]):
        """`report` is called with the damage that is found."""
        self._file = file
        self._report = report
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="check-database", daemon=True)

    def start(self) -> None:
        """Start the check, unless the file is small."""
        if not is_small(self._file):
            self._thread.start()

    def stop(self) -> None:
        """End the check, and wait for its end."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        try:
            with open(f"{self._file}-checked", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._check()
        except BlockingIOError:
            return  # another program checks the file
        except (OSError, pw.PeeweeException) as error:
            if isinstance(error, pw.DatabaseError) and is_damage(error):
                self._report(str(error))
            else:
                log.warning("the database could not be checked", extra={"reason": str(error)})

    def _check(self) -> None:
        began_at = time.monotonic()
        for table in self._tables():
            found = self._check_patiently(table)
            if self._stopping.is_set():
                return
            if found is None:
                log.warning("a table is written to so much that it was not checked: %s", table)
            elif found != "ok":
                self._report(_one_line(found))
                return
        extra = {"seconds": round(time.monotonic() - began_at, 1)}
        log.info("the database was checked, it is sound", extra=extra)

    def _tables(self) -> list[str]:
        with open_plainly(self._file, "ro") as plain:
            select = "SELECT name FROM sqlite_master WHERE type = 'table'"
            return [name for (name,) in plain.execute_sql(select)]

    def _check_patiently(self, table: str) -> str | None:
        """Check a table; return "ok" or the damage, or None if the WAL grew too much each time."""
        for _ in range(_TRIES):
            try:
                return self._check_once(table)
            except pw.OperationalError:  # ended by _must_end, or locked
                if self._stopping.wait(_PAUSE_SECONDS):
                    break
            except pw.DatabaseError as error:
                return str(error)
        return None

    def _check_once(self, table: str) -> str:
        most = _wal_bytes(self._file) + _MAX_WAL_GROWTH
        with open_plainly(self._file, "ro") as plain:
            plain.connection().set_progress_handler(lambda: self._must_end(most), _STEPS_PER_CALL)
            return str(plain.execute_sql(f'PRAGMA quick_check("{table}")').fetchone()[0])

    def _must_end(self, most_wal_bytes: int) -> bool:
        return self._stopping.is_set() or _wal_bytes(self._file) > most_wal_bytes


def _wal_bytes(file: Path) -> int:
    with contextlib.suppress(OSError):
        return os.stat(f"{file}-wal").st_size
    return 0

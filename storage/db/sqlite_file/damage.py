"""A note beside a SQLite file says that the file is damaged. No program changes the file then.

The program that finds the damage writes `jobs.db-damaged`. All others see it before their next
change. Each program remembers the damage until it ends, because its caches may hold damaged pages.
A start that finds the file sound removes the note.
"""

import contextlib
import logging
import os
import threading
from pathlib import Path

import peewee as pw

from storage.records.job import StoreDamaged

log = logging.getLogger(__name__)

_MAX_REASON = 500


def is_damage(error: pw.PeeweeException) -> bool:
    """Return whether SQLite reports a damaged file: SQLITE_CORRUPT or SQLITE_NOTADB."""
    text = str(error)
    return type(error) is pw.DatabaseError and ("malformed" in text or "not a database" in text)


def damaged(file: Path | str, found: str) -> StoreDamaged:
    """Return the error for a file in which this damage was found."""
    return StoreDamaged(f"{file} is damaged: {found}: restore a copy, see docs/store.md")


class DamageNote:
    """The note of one file, as one program knows it. May be used by many threads."""

    def __init__(self, file: Path):
        self._file = file
        self._note = Path(f"{file}-damaged")
        self._found: StoreDamaged | None = None
        self._threads = threading.Lock()

    def require_none(self) -> None:
        """Raise StoreDamaged if this or another program has found damage."""
        if self._found is None and os.path.exists(self._note):
            with contextlib.suppress(OSError):  # removed or unreadable: another program's business
                self._remember(self._note.read_text(errors="replace"))
        if self._found is not None:
            raise StoreDamaged(*self._found.args)

    def exists(self) -> bool:
        """Return whether a program has left a note."""
        return os.path.exists(self._note)

    def report(self, reason: str) -> StoreDamaged:
        """Remember damage, leave a note for the other programs, and return the error to raise."""
        with contextlib.suppress(OSError):  # the disk may be full: then only this program knows
            file = os.open(self._note, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(file, "w") as note:
                note.write(reason[:_MAX_REASON])
        return self._remember(reason)

    def remove(self) -> None:
        """Remove the note. Raises OSError."""
        self._note.unlink(missing_ok=True)

    def _remember(self, reason: str) -> StoreDamaged:
        """Remember damage; log it the first time."""
        with self._threads:
            if self._found is None:
                self._found = damaged(self._file, reason[:_MAX_REASON])
                log.error(
                    "the database is damaged, changes are refused until all programs are stopped,"
                    " a good copy is restored and they are started again",
                    extra={"reason": str(self._found)},
                )
        return self._found

"""When the last backup was made, and whether it is on another disk than the store."""

import os
import tempfile
from collections.abc import Iterator

from admin.backup.destinations.destination import BackupRefused
from admin.backup.destinations.opening import open_new, path_of
from admin.backup.destinations.risks import risks_of
from admin.doctor.findings.finding import Finding, Level, ok
from admin.doctor.findings.subject import Subject
from storage.db.backups_made import read_backups
from storage.db.clock import clock_of
from storage.files.mounts import first_existing

NAME = "backups"
_DAY = 86400.0
_BY_HAND_SECONDS = 7 * _DAY
"""A backup that was made by hand is old after this time; one of a worker after two intervals."""
_COMMAND = "python -m storage backup --to PLACE, or BACKUP_TO; see docs/backup.md"
_WHY = "if the disk is lost, so are all jobs and files since the last backup"


def check(subject: Subject) -> Iterator[Finding]:
    """Yield how old the last backup is, and what is wrong with its place."""
    last_at = read_backups(subject.database).last_at
    if last_at is None:
        yield Finding(NAME, "note", "no backup was made yet", _WHY, _COMMAND)
    else:
        seconds = max(0.0, (clock_of(subject.database)() - last_at) / 1000)
        yield _age(subject, seconds)
    if place := subject.settings.backup_to:
        yield from _place(subject, place)


def _age(subject: Subject, seconds: float) -> Finding:
    what = f"the last backup was begun {seconds / 3600:.1f} hours ago"
    if not subject.settings.backup_to:
        if seconds <= _BY_HAND_SECONDS:
            return ok(NAME, what)
        return Finding(NAME, "warning", what, _WHY, _COMMAND)
    if seconds <= 2 * subject.worker.backup_interval_seconds:
        return ok(NAME, what)
    return Finding(
        NAME,
        "warning",
        f"{what}, more than two times BACKUP_INTERVAL_SECONDS",
        _WHY,
        "python -m storage backup shows what is wrong; the log of the workers has `no backup was "
        "made` with the reason",
    )


def _place(subject: Subject, place: str) -> Iterator[Finding]:
    """Yield that no backup can be written, or that a restart or a broken disk takes them away."""
    if problem := _why_not_writable(place, subject):
        yield Finding(
            NAME,
            "error",
            f"BACKUP_TO={place}: {problem}",
            "no backups are made",
            "name a folder that the user of the workers may write to, or give it to this user",
        )
        return
    for risk in risks_of(place, subject.settings):
        level: Level = "warning" if risk.loses_all else "note"
        yield Finding(NAME, level, f"BACKUP_TO: {risk.what}", risk.why, risk.fix)


def _why_not_writable(place: str, subject: Subject) -> str | None:
    """Return why no backup can be written to a path; None if it can, and for a bucket, which is not
    tried. Leaves nothing there."""
    try:
        path = path_of(place)
        if path is None:
            return None
        open_new(place, subject.settings)
        folder = first_existing(path if path.is_dir() else path.parent)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except (BackupRefused, OSError) as error:
        return f"user {os.geteuid()} cannot write there: {error}"

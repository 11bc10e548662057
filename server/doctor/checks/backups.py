"""When the last backup was made, and whether it is on another disk than the store."""

from collections.abc import Iterator
from pathlib import Path

from server.doctor.findings.finding import Finding, ok
from server.doctor.findings.subject import Subject
from storage.db.backups_made import read_backups
from storage.db.clock import clock_of

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
        yield from _place(subject, place.removeprefix("file://"))


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
    """Yield that a folder of backups is on the disk of the store."""
    folder = Path(place)
    if "://" in place or not folder.is_dir():
        return
    for setting, data in subject.folders.items():
        if data.is_dir() and data.stat().st_dev == folder.stat().st_dev:
            yield Finding(
                NAME,
                "note",
                f"BACKUP_TO={folder} is on the same file system as {setting}",
                "a disk that is lost takes the backups with it",
                "mount another disk there, or set BACKUP_TO=s3://bucket/prefix",
            )
            return

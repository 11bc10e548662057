"""Free space and inodes of the file systems that hold data."""

import os
from collections.abc import Iterator
from pathlib import Path

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from server.jobs.admission import DEFAULT_DISK_FRACTION, DEFAULT_MIN_FREE_BYTES
from storage.files.mounts import first_existing

NAME = "disk"
_MIB = 1024**2
_LITTLE = 4
"""A warning below so many times the space that is needed."""
_FEW_INODES, _FEW_SHARE = 10_000, 0.02


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for the space, and one for the inodes, of each folder with data."""
    for setting, folder in subject.folders.items():
        status = os.statvfs(first_existing(folder))
        total, free = status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize
        needed = subject.listener.min_free_bytes
        if needed is None:
            needed = min(DEFAULT_MIN_FREE_BYTES, total // DEFAULT_DISK_FRACTION)
        yield _of_space(f"{setting}={folder}", free, needed)
        if status.f_files:
            yield from _of_inodes(f"{setting}={folder}", status.f_favail, status.f_files)
    if subject.file and subject.file.exists():
        yield from _of_database(subject.file)


def _of_space(name: str, free: int, needed: int) -> Finding:
    shown = f"{name} has {free / _MIB:,.0f} MiB free"
    if free >= max(needed * _LITTLE, needed + 1):
        return ok(NAME, shown)
    is_full = free < needed
    return Finding(
        NAME,
        "error" if is_full else "warning",
        f"{shown}, and new jobs need {needed / _MIB:,.0f} MiB (MIN_FREE_BYTES)",
        "submissions and uploads get 507" if is_full else "submissions will soon get 507",
        "free or add space; RETENTION_SECONDS and RETENTION delete old jobs sooner, and "
        "python -m storage vacuum makes a SQLite file smaller",
    )


def _of_inodes(name: str, free: int, total: int) -> Iterator[Finding]:
    if free < min(_FEW_INODES, total * _FEW_SHARE):
        yield Finding(
            NAME,
            "error" if free < 100 else "warning",
            f"{name} has {free:,} of {total:,} inodes free",
            "each upload and each file of a job needs one",
            "find folders with many files (du --inodes -d 2), or make the file system anew with "
            "more inodes",
        )


def _of_database(file: Path) -> Iterator[Finding]:
    wal = Path(f"{file}-wal")
    size, log = file.stat().st_size, wal.stat().st_size if wal.exists() else 0
    if log > max(256 * _MIB, size):
        yield Finding(
            NAME,
            "warning",
            f"{wal} has {log / _MIB:,.0f} MiB, more than the database ({size / _MIB:,.0f} MiB)",
            "a reader has been open for long, so the WAL cannot start anew",
            "end other tools that have the file open: fuser -v " + str(file),
        )

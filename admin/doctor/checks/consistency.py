"""Counters against rows, rows without a job, and stored files against rows."""

from collections.abc import Iterator
from pathlib import Path

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from admin.store_checks.counters import counter_differences, version_behind
from admin.store_checks.orphans import TABLES, Orphans, lone_rows, lone_uploads
from admin.store_checks.reading import TookTooLong
from admin.transfer.file_copies import has_files
from storage.files.folder import FolderUploads
from storage.open import open_uploads
from storage.ownership.ownership import ADVICE, HARM, find_problem
from storage.ownership.stored_files import MissingFiles, count_lone_files, find_missing
from storage.records.counted import counted

COUNTERS, ORPHANS, FILES = "counters", "orphans", "files"
_HARM = "jobs that read them fail, and downloads of them get 410"
FIX = "python -m storage doctor --fix"


def check_counters(subject: Subject) -> Iterator[Finding]:
    """Yield the job types whose counters differ from their rows, and a version that is too low."""
    reader = subject.reader()
    if behind := version_behind(reader):
        yield Finding(
            COUNTERS,
            "error",
            f"the newest version is stored as {behind[0]:,}, and an event has {behind[1]:,}",
            "new changes would fail, or be taken for old ones",
            FIX,
        )
    found = counter_differences(reader, subject.postgresql)
    for each in found:
        yield Finding(
            COUNTERS,
            "error",
            f"jobs of type {each.type} that are not final: {counted(each.rows, 'row')}, "
            f"{each.counted:,} by the counters",
            "statistics, metrics and MAX_QUEUED_JOBS use the counters",
            FIX,
        )
    if not behind and not found:
        yield ok(COUNTERS, "the counters of all job types agree with their rows")


def check_rows(subject: Subject) -> Iterator[Finding]:
    """Yield the rows that belong to no job."""
    reader, found, late = subject.reader(2.0), list[Orphans](), list[str]()
    for table in (*TABLES, "upload"):
        try:
            lone = lone_uploads(reader) if table == "upload" else lone_rows(reader, table)
            found += [lone] if lone else []
        except TookTooLong:
            late.append(table)
    for each in found:
        yield Finding(
            ORPHANS,
            "warning",
            f"{each.text} {'belongs' if each.rows == 1 else 'belong'} to no job (table "
            f"{each.table})",
            "they take space for good, because they are deleted with their job",
            FIX,
        )
    if late:
        yield Finding(
            ORPHANS,
            "note",
            f"not checked in time: {', '.join(late)}",
            "rows without a job would go unnoticed there",
            "python -m storage doctor --thorough",
        )
    elif not found:
        yield ok(ORPHANS, "all rows belong to a job")


def _are_there(found: MissingFiles) -> str:
    return counted(found.checked, "stored file is there", "stored files are there")


def _lost_folder(subject: Subject, folder: Path) -> Iterator[Finding]:
    """Yield that a folder has no stored files, if it should."""
    if has_files(subject.database):
        yield Finding(
            FILES,
            "error",
            f"jobs have stored files, and {folder} has none",
            _HARM,
            "mount the disk of the uploads, or set DATA_DIR, UPLOADS_URL and AWS_… as the "
            "programs have them; lost files come from a backup (docs/backup.md)",
        )


def check_files(subject: Subject) -> Iterator[Finding]:
    """Yield stored files that are missing, or that no row names."""
    folder = subject.settings.uploads_folder
    if folder and not (folder / "files").is_dir():
        yield from _lost_folder(subject, folder)
        return
    uploads = open_uploads(subject.settings)
    if problem := find_problem(subject.settings, subject.database, uploads):
        yield Finding(FILES, "error", problem, HARM, ADVICE)
        return
    if folder is None and not subject.thorough:
        yield Finding(
            FILES,
            "note",
            "the files in the bucket were not compared with their rows",
            "each of them takes a request",
            "python -m storage doctor --thorough",
        )
        return
    missing = find_missing(subject.database, uploads, subject.seconds())
    if missing.missing:
        yield Finding(
            FILES,
            "error",
            f"missing or of another size: {missing.missing:,} of "
            f"{counted(missing.checked, 'stored file')}: {', '.join(missing.examples)}",
            _HARM,
            "restore them from a backup (docs/backup.md), or delete their jobs",
        )
    elif not missing.is_complete:
        yield Finding(
            FILES,
            "note",
            f"{_are_there(missing)}, and the others were not looked for",
            "a missing file would go unnoticed",
            "python -m storage doctor --thorough",
        )
    lone = count_lone_files(subject.database, uploads) if isinstance(uploads, FolderUploads) else 0
    if lone:
        yield Finding(
            FILES,
            "note",
            counted(lone, "file belongs to no job", "files belong to no job"),
            "a program that was killed has left them; a worker deletes them within an hour, unless "
            "they are more than half of all files or are older than the store",
            f"keep a worker running, or {FIX}",
        )
    if not missing.missing and missing.is_complete and not lone:
        yield ok(FILES, f"{_are_there(missing)}, and no others")

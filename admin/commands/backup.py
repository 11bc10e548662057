"""`python -m storage backup` copies the store to a place of backups, while programs use it."""

import argparse
import contextlib
import ctypes
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import closing

from admin.backup.create import Backup, create, keep_newest
from admin.backup.destinations.destination import BackupPlace, PlaceInUse
from admin.backup.destinations.opening import open_new
from admin.backup.destinations.risks import risks_of
from admin.commands.options import Subparsers, add_place, place_of, whole_number
from admin.commands.output import ProgressBar, show, size_text, warn
from storage.db.backups_made import read_backups, record_backup, record_failed_backup
from storage.db.clock import clock_of
from storage.db.database import Database
from storage.db.schema.migrate import refuse_foreign
from storage.files.uploads import Uploads
from storage.open import new_database, open_uploads
from storage.records.counted import counted
from storage.records.job import StoreError, StoreUnusable
from storage.settings.settings import Settings

log = logging.getLogger(__name__)

ABOUT = """Copies the database of DATABASE_URL or DATA_DIR, the uploads, and the files that jobs
have left, while listeners and workers run. What the place has already is not copied again. An
archive FILE.tar.zst always has everything. Resumable uploads that no job has yet are left out."""
EXIT_CODES = (
    "exit codes: 0 complete, 1 no backup was made, 2 usage, 3 the store itself lacks files that "
    "its jobs name: the backup has all others"
)
_SHOWN = 5

_IOPRIO_WHO_PROCESS, _LOWEST = 1, (2 << 13) + 7
"""The lowest level of the class best-effort: the idle class may never get its turn."""
_PR_SET_PDEATHSIG = 1
_SYS_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_NICENESS = 5
"""As jobs have. More would make a backup on a busy machine, and so its snapshot, take too long."""


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "backup", help="copy the store while it is used", description=ABOUT, epilog=EXIT_CODES
    )
    add_place(parser, "--to")
    parser.add_argument(
        "--keep",
        type=whole_number,
        metavar="COUNT",
        help="afterwards, delete all but the newest COUNT backups of the place",
    )
    parser.add_argument("--scheduled", type=float, help=argparse.SUPPRESS)  # for a worker
    parser.set_defaults(run=_run, failed="no backup was made")


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make a backup; return the exit code."""
    _step_back()
    with closing(new_database(settings)) as database:
        _require_store(database)
        if arguments.scheduled is not None:
            return _run_scheduled(arguments, settings, database)
        for risk in risks_of(place_of(arguments, settings), settings):
            warn(f"{risk.what}: {risk.why}")
        with _locked(arguments, settings) as place:
            made = _make(place, database, open_uploads(settings))
            deleted = keep_newest(place, arguments.keep) if arguments.keep else None
    _report(made, place)
    if deleted and deleted.backups:
        contents = counted(deleted.contents, "chunk or file", "chunks and files")
        show(f"deleted {counted(deleted.backups, 'old backup')}, with {contents}")
    return 3 if made.missing else 0


def _run_scheduled(arguments: argparse.Namespace, settings: Settings, database: Database) -> int:
    """Make a backup for a worker, unless another one has made it; return the exit code."""
    _end_with_parent()
    try:
        with _locked(arguments, settings) as place:
            last_at = read_backups(database).last_at
            now = clock_of(database)()
            if last_at is not None and now - last_at < arguments.scheduled * 1000:
                return 0
            made = _make(place, database, open_uploads(settings))
            deleted = keep_newest(place, arguments.keep).backups
    except PlaceInUse:
        return 4
    except StoreError as error:
        fields = {"place": place_of(arguments, settings), "why": str(error)}
        log.error("no backup was made", extra=fields)
        record_failed_backup(database)
        return 1
    _log(made, place, deleted, None if last_at is None else (now - last_at) / 1000)
    return 0


@contextlib.contextmanager
def _locked(arguments: argparse.Namespace, settings: Settings) -> Iterator[BackupPlace]:
    """Open the place, and lock it within the block. Raises StoreError."""
    with closing(open_new(place_of(arguments, settings), settings)) as place, place.lock():
        yield place


def _make(place: BackupPlace, database: Database, uploads: Uploads) -> Backup:
    """Make a backup, and record it in the store."""
    bar = ProgressBar()
    try:
        made = create(database, uploads, place, bar)
    finally:
        bar.clear()
    try:
        record_backup(database, made.manifest.began_at)
    except StoreError as error:  # the backup is there all the same
        log.warning("the backup could not be recorded", extra={"why": str(error)})
    return made


def _require_store(database: Database) -> None:
    if database.file and not database.file.exists():
        raise StoreUnusable(f"there is no {database.file}: set DATA_DIR or DATABASE_URL")
    refuse_foreign(database)


def _log(made: Backup, place: BackupPlace, deleted: int, before: float | None) -> None:
    manifest = made.manifest
    fields = {
        "place": place.description,
        "backup": made.name,
        "seconds": (manifest.ended_at - manifest.began_at) / 1000,
        "added_bytes": made.added_bytes,
        "files": manifest.files["count"],
        "deleted": deleted,
        "seconds_since_last": before,
    }
    log.info("a backup was made", extra=fields)
    if made.missing:
        names = [f"{each['name']} of {each['of']}" for each in made.missing[:_SHOWN]]
        log.warning(
            "files are not in the backup, because the store lacks them",
            extra={"count": len(made.missing), "files": names},
        )


def _report(made: Backup, place: BackupPlace) -> None:
    manifest = made.manifest
    seconds = (manifest.ended_at - manifest.began_at) / 1000
    files = f"{counted(manifest.files['count'], 'file')} of {size_text(manifest.files['bytes'])}"
    show(
        f"{place.description}: {made.name}, database and {files}; {size_text(made.added_bytes)} "
        f"were new, in {seconds:.1f} s"
    )
    deleted = len(manifest.absent) - len(made.missing)
    if deleted:
        left_out = counted(deleted, "file is left out", "files are left out")
        show(f"{left_out}, because their jobs were deleted meanwhile")
    for each in made.missing[:_SHOWN]:
        show(f"NOT in the backup: {each['name']} of {each['of']}: {each['why']}")
    if len(made.missing) > _SHOWN:
        show(f"NOT in the backup: {counted(len(made.missing) - _SHOWN, 'more file')}")


def _step_back() -> None:
    """Give this process a low priority for processors and disks."""
    with contextlib.suppress(OSError):  # forbidden in some sandboxes
        os.nice(_NICENESS)
    if (number := _SYS_IOPRIO_SET.get(os.uname().machine)) is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _LOWEST)


def _end_with_parent() -> None:
    """Have the kernel end this process when its parent dies (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGTERM), 0, 0, 0)

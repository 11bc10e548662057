"""`python -m storage backup` copies the store to a place of backups, while programs use it."""

import argparse
import contextlib

from storage.backup.create import Backup, create
from storage.backup.pace import step_back
from storage.backup.places.opening import open_new
from storage.backup.places.place import BackupPlace
from storage.backup.retention import keep_newest
from storage.commands.output import ProgressBar, show, size_text
from storage.commands.places import add_place
from storage.commands.subparsers import Subparsers
from storage.db.database import Database
from storage.db.schema.migrate import refuse_foreign
from storage.open import new_database, open_uploads
from storage.records.job import StoreUnusable
from storage.settings.settings import Settings

ABOUT = """Copies the database of DATABASE_URL or DATA_DIR, the uploads, and the files that jobs
have left, while listeners and workers run. What the place has already is not copied again. An
archive FILE.tar.zst always has everything. Resumable uploads that no job has yet are left out."""
EXIT_CODES = (
    "exit codes: 0 complete, 1 no backup was made, 2 usage, 3 the store itself lacks files that "
    "its jobs name: the backup has all others"
)
_SHOWN = 5


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "backup", help="copy the store while it is used", description=ABOUT, epilog=EXIT_CODES
    )
    add_place(parser, "--to", "a folder, FILE.tar.zst, or s3://bucket/prefix")
    parser.add_argument(
        "--keep",
        type=_count,
        metavar="COUNT",
        help="afterwards, delete all but the newest COUNT backups of the place",
    )
    parser.set_defaults(run=_run, failed="no backup was made")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it must be a whole number, 1 or more")
    return int(text)


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make a backup; return the exit code."""
    step_back()
    with contextlib.ExitStack() as stack:
        place = open_new(arguments.place, settings)
        stack.callback(place.close)
        database = new_database(settings)
        stack.callback(database.close)
        _require_store(database)
        uploads = open_uploads(settings)
        bar = ProgressBar()
        stack.callback(bar.clear)
        stack.enter_context(place.lock())
        made = create(database, uploads, place, bar)
        if arguments.keep:
            _keep(place, arguments.keep)
    _report(made, place)
    return 3 if made.missing else 0


def _require_store(database: Database) -> None:
    if database.file and not database.file.exists():
        raise StoreUnusable(f"there is no {database.file}: set DATA_DIR or DATABASE_URL")
    refuse_foreign(database)


def _keep(place: BackupPlace, count: int) -> None:
    deleted = keep_newest(place, count)
    if deleted.backups:
        show(f"deleted {deleted.backups:,} old backups, with {deleted.contents:,} chunks and files")


def _report(made: Backup, place: BackupPlace) -> None:
    manifest = made.manifest
    seconds = (manifest.ended_at - manifest.began_at) / 1000
    files = f"{manifest.files['count']:,} files of {size_text(manifest.files['bytes'])}"
    show(
        f"{place.description}: {made.name}, database and {files}; {size_text(made.added_bytes)} "
        f"were new, in {seconds:.1f} s"
    )
    deleted = len(manifest.absent) - len(made.missing)
    if deleted:
        show(f"{deleted:,} files are left out, because their jobs were deleted meanwhile")
    for each in made.missing[:_SHOWN]:
        show(f"NOT in the backup: {each['name']} of {each['of']}: {each['why']}")
    if len(made.missing) > _SHOWN:
        show(f"NOT in the backup: {len(made.missing) - _SHOWN:,} more files")

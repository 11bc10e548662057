"""`python -m storage restore` puts a backup into an empty place."""

import argparse
import contextlib

from admin.backup.destinations.opening import open_existing
from admin.backup.restore import restore
from admin.commands.options import Subparsers, add_place, place_of
from admin.commands.output import ProgressBar, show, size_text
from storage.files.disk import make_folder
from storage.open import new_database, open_uploads
from storage.records.counted import counted
from storage.records.job import StoreError
from storage.settings.settings import Settings

ABOUT = """Puts a backup into DATA_DIR, or into DATABASE_URL and UPLOADS_URL, which must have no
database yet, or an empty one. Start the programs afterwards: jobs that ran at the time of the
backup run again. If the command is interrupted, run it again: it keeps the files that are there."""


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "restore", help="put a backup into an empty place", description=ABOUT
    )
    add_place(parser, "--from")
    parser.add_argument(
        "--backup", metavar="NAME", help="the name of the manifest (default: the newest)"
    )
    parser.add_argument(
        "--adopt-uploads",
        action="store_true",
        help="take over an UPLOADS_URL that has files, and that no other service uses: a worker "
        "deletes those that no job of the backup has",
    )
    parser.set_defaults(run=_run, failed="not restored")


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Restore; return the exit code."""
    with contextlib.ExitStack() as stack:
        try:
            make_folder(settings.data_dir)
        except OSError as error:
            raise StoreError(f"DATA_DIR={settings.data_dir}: {error.strerror}") from error
        place = open_existing(place_of(arguments, settings), settings, settings.data_dir)
        stack.callback(place.close)
        database = new_database(settings)
        stack.callback(database.close)
        bar = ProgressBar()
        stack.callback(bar.clear)
        uploads = open_uploads(settings)
        may_adopt = arguments.adopt_uploads or not settings.uploads_url  # others have no DATA_DIR
        done = restore(
            place, arguments.backup, database, settings.data_dir, uploads, bar, may_adopt
        )
    size = size_text(done.manifest.files["bytes"])
    files = counted(done.files, "file")
    show(f"restored {done.name} of release {done.manifest.release}: {files}, {size}")
    if done.absent:
        were = counted(done.absent, "of the files was", "of the files were")
        show(f"{were} not in the store when the backup was made")
    return 0

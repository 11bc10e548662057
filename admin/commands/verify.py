"""`python -m storage verify` reads all backups of a place, and compares them with their hashes."""

import argparse
from contextlib import closing

from admin.backup.destinations.destination import BackupPlace
from admin.backup.destinations.opening import open_existing
from admin.backup.verify import Verified, verify
from admin.commands.options import Subparsers, add_place, place_of
from admin.commands.output import ProgressBar, show, size_text
from storage.records.counted import counted
from storage.settings.settings import Settings

ABOUT = """Reads everything in a place of backups, and compares it with its hashes. Needs no store.
Lists the backups, and names what is damaged or missing."""
EXIT_CODES = "exit codes: 0 all backups can be restored, 1 something is damaged or missing, 2 usage"


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "verify", help="read all backups of a place", description=ABOUT, epilog=EXIT_CODES
    )
    add_place(parser, "--from")
    parser.add_argument(
        "--delete-damaged",
        action="store_true",
        help="delete damaged chunks and files, so that the next backup copies them again",
    )
    parser.set_defaults(run=_run, failed="not verified")


def _run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Verify; return the exit code."""
    with closing(open_existing(place_of(arguments, settings), settings)) as place:
        bar = ProgressBar()
        found = verify(place, lambda done: bar("reading", done, done))
        bar.clear()
        _report(found)
        if found.damaged and arguments.delete_damaged:
            _delete(found, place)
    return 0 if found.is_sound else 1


def _report(found: Verified) -> None:
    for name, manifest in found.backups.items():
        lacks = len(found.incomplete.get(name, ()))
        verdict = (
            f"LACKS {counted(lacks, 'chunk or file', 'chunks or files')}" if lacks else "complete"
        )
        files = f"{counted(manifest.files['count'], 'file')}, {size_text(manifest.files['bytes'])}"
        kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[manifest.database["kind"]]
        show(f"{name}: {verdict}; {kind}, {files}, release {manifest.release}")
    if not found.backups:
        show("there is no complete backup")
    for name in found.damaged:
        show(f"DAMAGED: {name}")
    for names in found.incomplete.values():
        for name in sorted(set(names) - set(found.damaged)):
            show(f"MISSING: {name}")
    read = counted(found.count, "chunk or file", "chunks and files")
    show(f"read {read}, {size_text(found.bytes)}")
    if not found.backups and not found.damaged:
        show("Is it the right place? `backup` with the same --to makes a backup there.")
    elif not found.is_sound:
        show(
            "To mend it: `verify --delete-damaged`, and then `backup`, which copies again what the "
            "store still has. Older backups may stay incomplete."
        )


def _delete(found: Verified, place: BackupPlace) -> None:
    with place.lock():
        place.delete(found.damaged)
    what = "damaged chunk, file or manifest", "damaged chunks, files or manifests"
    show(f"deleted {counted(len(found.damaged), *what)}")

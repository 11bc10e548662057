"""`python -m storage vacuum` makes a SQLite file smaller."""

import argparse

from admin.commands.output import show
from admin.commands.subparsers import Subparsers
from admin.transfer.vacuum import vacuum
from storage.records.job import StoreError
from storage.settings.folders import sqlite_file
from storage.settings.settings import Settings
from storage.settings.url import is_postgresql

ABOUT = """Gives the free space in the SQLite file of DATABASE_URL or DATA_DIR back to the
disk. Stop all listeners and workers first. It needs as much free disk space as the jobs take."""


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("vacuum", help="make a SQLite file smaller", description=ABOUT)
    parser.set_defaults(run=_run, failed="not made smaller")


def _run(_arguments: argparse.Namespace, settings: Settings) -> int:
    """Make the SQLite file smaller; return the exit code."""
    if is_postgresql(settings.store_url):
        raise StoreError("PostgreSQL reuses and frees space by itself, see docs/postgresql.md")
    file = sqlite_file(settings)
    before, after = vacuum(file, settings.data_dir)
    show(f"{file}: {before:,} bytes before, {after:,} bytes now")
    return 0

"""`python -m storage contract` drops what only the previous release needs."""

import argparse

from admin.commands.options import Subparsers
from admin.commands.output import show
from admin.transfer.endpoints import open_source
from storage.db.schema.migrate import contract
from storage.settings.settings import Settings

ABOUT = """Drops what only the previous release needs from the database of DATABASE_URL or
DATA_DIR: indexes, triggers, tables and columns. That release can no longer use the database then.
Stop all listeners and workers first."""


def add(commands: Subparsers) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "contract", help="drop what only the previous release needs", description=ABOUT
    )
    parser.set_defaults(run=_run, failed="not contracted")


def _run(_arguments: argparse.Namespace, settings: Settings) -> int:
    """Drop what only the previous release needs; return the exit code."""
    database = open_source(settings.store_url, settings.data_dir)
    try:
        dropped = contract(database, settings.data_dir)
    finally:
        database.close()
    for line in dropped:
        show(f"dropped: {line}")
    if not dropped:
        show("nothing to do: the database has nothing that only the previous release needs")
    return 0

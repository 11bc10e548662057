"""The option with which commands name a place of backups."""

import argparse

from storage.records.job import StoreError
from storage.settings.settings import Settings
from storage.settings.url import backup_place_problem


def add_place(parser: argparse.ArgumentParser, option: str) -> None:
    """Add the option to a parser."""
    text = "a folder, FILE.tar.zst, or s3://bucket/prefix (default: BACKUP_TO)"
    parser.add_argument(option, dest="place", type=_place, metavar="PLACE", help=text)
    parser.set_defaults(place_option=option)


def place_of(arguments: argparse.Namespace, settings: Settings) -> str:
    """Return the place that the option or BACKUP_TO names. Raises StoreError."""
    place = arguments.place or settings.backup_to
    if not place:
        raise StoreError(f"give {arguments.place_option} PLACE, or set BACKUP_TO")
    return str(place)


def _place(text: str) -> str:
    if problem := backup_place_problem(text):
        raise argparse.ArgumentTypeError(problem)
    return text

"""Options that several commands have, and their types."""

import argparse
import os
from pathlib import Path
from typing import TypeAlias

from storage.records.job import StoreError
from storage.settings.env_file import read_environ
from storage.settings.settings import Settings
from storage.settings.url import backup_place_problem

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_place(parser: argparse.ArgumentParser, option: str) -> None:
    """Add the option that names a place of backups."""
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


def whole_number(text: str) -> int:
    """Return the number of an option, 1 or more. Raises ArgumentTypeError."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("it must be a whole number, 1 or more")
    return int(text)


def add_env_file(parser: argparse.ArgumentParser) -> None:
    """Add `--env-file`, with which commands of a checkout use the settings of `make run`, to the
    parser of a command that reads its settings itself."""
    parser.add_argument(
        "--env-file",
        type=_file,
        metavar="FILE",
        help="also use the settings in this file, such as the .env of `make run`; variables of the "
        "environment override them",
    )


def use_env_file(arguments: argparse.Namespace) -> None:
    """Set the variables of the file that the environment does not have."""
    if arguments.env_file:
        for name, value in read_environ(arguments.env_file).items():
            os.environ.setdefault(name, value)


def _file(text: str) -> Path:
    try:
        Path(text).read_bytes()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{text} cannot be read: {error.strerror}") from None
    return Path(text)

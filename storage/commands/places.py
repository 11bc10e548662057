"""The option with which commands name a place of backups."""

import argparse

from storage.backup.places.opening import place_problem


def add_place(parser: argparse.ArgumentParser, option: str, text: str) -> None:
    """Add the option to a parser."""
    parser.add_argument(
        option, dest="place", type=_place, required=True, metavar="PLACE", help=text
    )


def _place(text: str) -> str:
    if problem := place_problem(text):
        raise argparse.ArgumentTypeError(problem)
    return text

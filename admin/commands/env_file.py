"""The option `--env-file`: commands of a checkout use the settings of `make run`."""

import argparse
import os
from pathlib import Path

from storage.settings.env_file import read_environ


def add_env_file(parser: argparse.ArgumentParser) -> None:
    """Add the option to the parser of a command that reads its settings itself."""
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

"""The name of the command: `jobservice`, or `jobs`, its short name, which most shells hide by a
command `jobs` of their own.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

NAMES = ("jobservice", "jobs")


def name() -> str:
    """Return the name of the command that the user typed."""
    started_as = Path(sys.argv[0]).stem if sys.argv else ""
    return started_as if started_as in NAMES else NAMES[0]


def completion_variable(environ: Mapping[str, str]) -> str:
    """Return the variable in which a shell asks for a completion.

    A shell that completes one name as the other one uses the variable of the other one.
    """
    variables = [f"_{each.upper()}_COMPLETE" for each in NAMES]
    return next((each for each in variables if each in environ), variables[0])

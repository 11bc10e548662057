"""The name of the command: `jobs`, or `jobservice` in shells that have a `jobs` of their own."""

import sys
from pathlib import Path

NAMES = ("jobs", "jobservice")


def name() -> str:
    """Return the name by which the command was started."""
    started_as = Path(sys.argv[0]).stem if sys.argv else ""
    return started_as if started_as in NAMES else NAMES[0]

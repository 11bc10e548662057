"""Named pipes, which are files on Linux and macOS only."""

import os
import sys
from pathlib import Path

import pytest


def make_named_pipe(path: Path) -> None:
    """Make a named pipe. Skips the test on Windows, where no file is one."""
    if sys.platform == "win32":
        pytest.skip("only where named pipes are files")
    else:
        os.mkfifo(path)


def open_for_reading(path: Path) -> int:
    """Open a named pipe without waiting for a writer. Returns its descriptor."""
    if sys.platform == "win32":
        pytest.skip("only where named pipes are files")
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK)

"""Says what to do if a program lacks a package. It imports no library, like `stop_signals`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.records.our_modules import IS_INSTALLED

OURS = ("admin", "loganalysis", "runner", "server", "storage")
PYTHON = ".venv/bin/python"


@contextmanager
def explained_imports(program: str) -> Iterator[None]:
    """Exit with a hint if an import fails because a package is not installed.

    `program` is the module that is run, such as server.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if not error.name or error.name.partition(".")[0] in OURS:
            raise
        sys.exit(f"{sys.executable} has no package {error.name}. {_hint(program)}")


def _hint(program: str) -> str:
    """Name the virtual environment of this folder, or the command that makes one."""
    if IS_INSTALLED:
        return "Install job-service again, with all that it requires."
    if Path(PYTHON).exists() and Path(sys.prefix) != Path(".venv").absolute():
        return f"The packages are in .venv: start with {PYTHON} -m {program}"
    return "`make run` installs all packages into .venv."

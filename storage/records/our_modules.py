"""How a module of ours is started as a process of its own. Imports nothing of ours.

    checkout, image     python -m MODULE                   found in the current folder
    wheel, pyz          python -P -m job_service MODULE    found in job_service/packages

An installed service lies in a folder that no other program shall search, and -P keeps the current
folder from hiding its packages. Neither is a variable, because jobs would inherit it.
"""

import sys
from pathlib import Path

IS_INSTALLED = Path(__file__).parts[-5:-3] == ("job_service", "packages")


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs a module with these arguments."""
    starter = ["-P", "-m", "job_service"] if IS_INSTALLED else ["-m"]
    return [sys.executable, *starter, module, *arguments]


def shown_command(module: str) -> str:
    """Return what people type to run one of the programs server, runner and storage."""
    return f"job-service {module}" if IS_INSTALLED else f"python -m {module}"

"""Runs the tools that `tests/generators/run` has installed, as docs/generated-clients.md says."""

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT, TESTS

FOLDER = TESTS / "generators"
URL = "http://localhost:5000"
"""The address of the service in the documentation."""


def places() -> str:
    """Return the folders of the tools, as a PATH; skip the test if they are not installed."""
    folder = os.environ.get("GENERATORS")
    if folder is None:
        pytest.skip("tests/generators/run installs the generators and runs this")
    found = [f"{folder}/python/bin", f"{folder}/node/node_modules/.bin", os.environ["PATH"]]
    return os.pathsep.join(found)


def find_tool(name: str) -> str:
    """Return the path of a tool; skip the test if it is not installed."""
    return shutil.which(name, path=places()) or pytest.skip(f"{name} is not installed")


def documented_command(tool: str, service_url: str) -> list[str]:
    """Return the documented command that generates a client of the service at this address."""
    find_tool(tool)
    page = (ROOT / "docs/generated-clients.md").read_text()
    (command,) = re.findall(rf"`(?:npx )?({tool} [^`]*{URL}[^`]*)`", page)
    return shlex.split(command.replace(URL, service_url))


def run(*command: str | Path, folder: Path, **environ: str) -> str:
    """Run a command in a folder; return its output. Fails with the output if the command fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": places(), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout

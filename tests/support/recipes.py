"""The code of docs/recipes.md and other pages, for the tests that run it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "recipes.md"


def recipe(heading: str, kind: str, page: Path = PAGE) -> list[str]:
    """The code blocks of a kind below a heading, up to the next heading of any level."""
    text = re.sub(r"^```\w+\n.*?^```$", _mark, page.read_text(), flags=re.MULTILINE | re.DOTALL)
    sections = re.split(r"^#+ (.*)$", text, flags=re.MULTILINE)
    section = dict(zip(sections[1::2], sections[2::2], strict=True))[heading]
    blocks = re.findall(rf"^```{kind}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [block.replace("\0", "#") for block in blocks]


def _mark(block: re.Match[str]) -> str:
    """Hide the # in code, where it is no heading."""
    return block[0].replace("#", "\0")


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    """A recipe with other names and ports; each of the old ones must occur."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def run_commands(commands: str, base_url: str, folder: Path) -> str:
    """Run commands of a page in a folder, with the service at this address; return their output.

    Raises CalledProcessError if one fails.
    """
    script = commands.replace("http://localhost:5000", base_url)
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=50, check=True
    )
    return done.stdout


def require_program(name: str, package: str) -> str:
    """The path of a program. Skips the test if it is not installed; fails it in CI."""
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        pytest.skip(f"{name} is not installed: Debian has it in the package {package}")
    return path

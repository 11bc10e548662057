"""The size of functions, forbidden texts in files, and features that stay switched off."""

import ast
import os
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.support.paths import ROOT

FOLDERS = (
    "admin",
    "loganalysis",
    "server",
    "runner",
    "storage",
    "client",
    "tests",
    "benchmarks",
    "docs",
    ".ci",
)
BINARY = (".png", ".whl")
INSTALLED = {"__pycache__", "node_modules", ".ruff_cache"}
MAX_FUNCTION = 50

# In pieces, so that this file does not mention them itself.
HOMES = r"(?<!\w)/(home|Users|root|work)" + "/"
HOSTS = r"\b(pypi|pythonhosted|npmjs|deb\.debian|ghcr|quay|(hub|registry-1)\.docker)" + (
    r"\.(org|com|io)\b"
)
FORBIDDEN = re.compile(f"{HOMES}|{HOSTS}")


def files() -> Iterator[Path]:
    """Every text file of the project. Files that tools have made or installed are left out."""
    yield from (
        file for file in ROOT.iterdir() if file.is_file() and file.name not in (".env", ".git")
    )
    for folder, folders, names in chain.from_iterable(os.walk(ROOT / each) for each in FOLDERS):
        folders[:] = set(folders) - INSTALLED
        found = (Path(folder, name) for name in names)
        yield from (file for file in found if file.is_file() and file.suffix not in BINARY)


def sources() -> list[Path]:
    """Every Python file of ours."""
    return sorted(file for file in files() if file.suffix == ".py")


def long_functions(source: str) -> list[str]:
    """The functions of a source that are too long, with their number of lines."""
    functions = [
        (node.name, (node.end_lineno or 0) - node.lineno + 1)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [f"{name}: {lines} lines" for name, lines in functions if lines > MAX_FUNCTION]


def mentions(text: str) -> list[str]:
    """The lines that mention what no file may."""
    return [line.strip() for line in text.splitlines() if FORBIDDEN.search(line)]


def test_no_function_is_too_long() -> None:
    found = {str(f.relative_to(ROOT)): long_functions(f.read_text()) for f in sources()}
    assert {file: functions for file, functions in found.items() if functions} == {}


def test_no_file_mentions_a_home_or_a_registry() -> None:
    found = {str(f.relative_to(ROOT)): mentions(f.read_text()) for f in files()}
    assert {file: lines for file, lines in found.items() if lines} == {}


def test_a_function_of_51_lines_is_too_long() -> None:
    body = "    pass\n" * 49
    assert long_functions(f"async def f():\n{body}") == []
    assert long_functions(f"def f():\n{body}    pass\n") == ["f: 51 lines"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cd /home" + "/someone/jobs", True),
        ("/root" + "/.cache", True),
        ("--index-url https://pypi" + ".org/simple", True),
        ("$HOME/.pyenv and ~/jobs", False),
        ("GET /jobs/home/1, tests/work/x", False),
        ("apt-get install docker.io", False),
    ],
)
def test_mentions_are_found(text: str, found: bool) -> None:
    assert bool(mentions(text)) is found


def test_bodies_are_not_decompressed_and_reasons_are_not_made_of_text() -> None:
    sources = {path.name: path.read_text() for path in (ROOT / "server").rglob("*.py")}
    assert [name for name, text in sources.items() if re.search(r"\breason=", text)] == []
    assert "decompress_request=False" in sources["http_server.py"]
    assert not any("decompress_request=True" in text for text in sources.values())

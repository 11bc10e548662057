"""Tries mutants, each in a copy of the tree."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.pool.linux import processes
from runner.pool.linux.processes import kill_descendants
from tests.mutants.mutant import Mutant
from tests.support.paths import ROOT

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", "data", "__pycache__", "node_modules", ".cache", ".*_cache"
)
PATIENCE_SECONDS = 300.0
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
_NO_CACHE = ("-p", "no:cacheprovider")
TESTS_FAILED = 1
"""Pytest's exit code for it; any other but 0 says that the tests could not be run."""


@dataclass(frozen=True)
class Verdict:
    """The fate of a mutant. `by` is the test that caught it."""

    guard: str
    caught: bool
    by: str
    seconds: float


def copy_tree(folder: Path) -> Path:
    """A copy of the tree in a folder of this process, made once."""
    copy = folder / str(os.getpid())
    if not copy.exists():
        shutil.copytree(ROOT, copy, ignore=NOT_COPIED)
        # Processes that the tests of a mutant leave running are found below this one, and ended.
        processes.set_subreaper()
    return copy


def try_mutant(mutant: Mutant, folder: Path) -> Verdict:
    """Run its tests on a changed copy of the tree. Raises RuntimeError if they cannot be run."""
    copy, began = copy_tree(folder), time.monotonic()
    mutant.apply(copy)
    try:
        code, output = run_tests(copy, mutant.tests, "-x")
    finally:
        kill_descendants()
        mutant.undo(copy, ROOT)
    if code not in (0, TESTS_FAILED, None):
        raise RuntimeError(f"{mutant.guard}: pytest exited with code {code}\n{output}")
    found = _FAILED.search(output)
    by = "no end" if code is None else found.group(1) if found else ""
    return Verdict(mutant.guard, code != 0, by, time.monotonic() - began)


def run_tests(
    root: Path, tests: Iterable[str], *options: str, patience: float = PATIENCE_SECONDS
) -> tuple[int | None, str]:
    """Exit code and output of pytest; None if it did not end in so many seconds."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--all",
        "-q",
        "-rfE",
        "--tb=no",
        *_NO_CACHE,
        *options,
    ]
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [*command, *tests],
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "CI": "true", "TMPDIR": str(root.parent)},
            start_new_session=True,
        )
        try:
            code: int | None = process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            code = None
        output.seek(0)
        return code, output.read()

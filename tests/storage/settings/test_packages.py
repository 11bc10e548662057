"""Programs that are started with a Python that lacks their packages."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT

WITHOUT_PACKAGES = """
import runpy, sys
class Missing:
    def find_spec(self, name, *rest):
        if name in ("peewee", "pythonjsonlogger"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


@pytest.mark.heavy
@pytest.mark.parametrize("has_venv", [False, True])
@pytest.mark.parametrize("program", ["server", "runner", "storage"])
def test_a_missing_package_is_named_with_the_place_of_the_packages(
    tmp_path: Path, program: str, has_venv: bool
) -> None:
    if has_venv:
        python = tmp_path / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.symlink_to(sys.executable)
    arguments = ["vacuum"] if program == "storage" else []
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PACKAGES, str(ROOT), program, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    hint = f".venv/bin/python -m {program}" if has_venv else "make run"
    assert "has no package" in done.stderr
    assert hint in done.stderr

"""The undocumented parts of Python are the ones that python_internals.py was checked with."""

import importlib
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from runner.pool.protocol import python_internals
from tests.support.paths import ROOT

CHECK = "check runner/pool/protocol/python_internals.py and tests/runner/pool with it"
PYTHON = f"Python {sys.version.split()[0]}"
SIGNATURES = {
    "context.SpawnProcess._Popen": "(process_obj)",
    "context.get_spawning_popen": "()",
    "context.set_spawning_popen": "(popen)",
    "popen_fork.Popen.__init__": "(self, process_obj)",
    "popen_fork.Popen._launch": "(self, process_obj)",
    "process.BaseProcess._bootstrap": "(self, parent_sentinel=None)",
    "reduction.DupFd": "(fd)",
    "reduction.dump": "(obj, file, protocol=None)",
    "resource_tracker.ensure_running": "()",
    "spawn._main": "(fd, parent_sentinel)",
    "spawn.get_preparation_data": "(name)",
    "util.Finalize.__init__": "(self, obj, callback, args=(), kwargs=None, exitpriority=None)",
}
"""The parameters of what the module calls or replaces, in multiprocessing."""
STATEMENTS = {
    "popen_fork.Popen.__init__": ["self._launch(process_obj)"],
    "process.BaseProcess.start": ["self._popen = self._Popen(self)", "self._popen.sentinel"],
    "reduction.DupFd": ["popen_obj.DupFd(popen_obj.duplicate_for_child(fd))"],
    "spawn._main": [
        "self = reduction.pickle.load(from_parent)",
        "self._bootstrap(parent_sentinel)",
    ],
    "resource_tracker.ResourceTracker.__init__": ["self._fd = None", "self._pid = None"],
    "util.get_temp_dir": ["process.current_process()._config.get('tempdir')"],
}
"""What the module relies on: statements of multiprocessing."""


def part(name: str) -> Any:
    """Return a part of multiprocessing; fails the test if it is gone."""
    module, *path = name.split(".")
    found: Any = importlib.import_module(f"multiprocessing.{module}")
    for each in path:
        if not hasattr(found, each):
            pytest.fail(f"{PYTHON} has no multiprocessing.{name}: {CHECK}")
        found = getattr(found, each)
    return found


def test_this_python_is_tested() -> None:
    newest = python_internals.NEWEST_TESTED
    assert sys.version_info[:2] <= newest, f"{PYTHON} is new here: {CHECK}, then set NEWEST_TESTED"


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_undocumented_functions_have_their_parameters(name: str) -> None:
    changed = f"multiprocessing.{name} has other parameters in {PYTHON}: {CHECK}"
    assert str(inspect.signature(part(name))) == SIGNATURES[name], changed


@pytest.mark.parametrize("name", STATEMENTS)
def test_the_undocumented_functions_do_what_the_module_relies_on(name: str) -> None:
    source = inspect.getsource(part(name))
    for statement in STATEMENTS[name]:
        assert statement in source, f"multiprocessing.{name} has changed in {PYTHON}: {CHECK}"


def test_all_preloaded_modules_exist() -> None:
    for name in python_internals.PRELOADED:
        assert importlib.import_module(name), f"{PYTHON} has no {name}: {CHECK}"


def test_no_other_module_uses_undocumented_parts_of_multiprocessing() -> None:
    imported = re.compile(r"from multiprocessing import (\([^)]*\)|.*)")
    undocumented = {"context", "popen_fork", "process", "reduction", "resource_tracker", "spawn"}
    found = [
        str(file.relative_to(ROOT))
        for folder in ("admin", "loganalysis", "runner", "server", "storage")
        for file in Path(ROOT / folder).rglob("*.py")
        for names in imported.findall(file.read_text())
        if undocumented & set(re.findall(r"\w+", names))
    ]
    assert found == ["runner/pool/protocol/python_internals.py"]

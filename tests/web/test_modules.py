"""The unit tests of the modules of the web front end, without a browser."""

import shutil
import subprocess

import pytest

from tests.support.paths import ROOT

UNIT_TESTS = ROOT / "tests/web/unit"
OLDEST_NODE = (20, 19)  # the first that takes a file without package.json for a module


def find_node() -> str:
    """The path of Node; skips the test where there is none, or only an older one."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    major, minor, _ = version.strip().lstrip("v").split(".")
    if (int(major), int(minor)) < OLDEST_NODE:
        pytest.skip(f"Node {version.strip()} is older than 20.19")
    return node


@pytest.mark.heavy
def test_the_unit_tests_pass() -> None:
    files = sorted(UNIT_TESTS.glob("*.test.js"))
    assert files
    run = subprocess.run([find_node(), "--test", *files], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout

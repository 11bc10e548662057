"""The modules of the web front end without a browser: their unit tests, and their types."""

import re
import shutil
import subprocess

import pytest

from runner.job_types.registry import loader
from server.start.description import openapi_document
from tests.support.paths import ROOT

UNIT_TESTS = ROOT / "tests/web/unit"
TYPES = ROOT / "server/web/types.d.ts"
OLDEST_NODE = (20, 19)  # the first that takes a file without package.json for a module
OTHER_NAMES = {"JobError": "Error"}


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


@pytest.mark.heavy
def test_the_types_have_the_fields_of_the_openapi_document() -> None:
    schemas = openapi_document(loader.find())["components"]["schemas"]
    interfaces = re.findall(r"^export interface (\w+) {\n(.*?)^}", TYPES.read_text(), re.M | re.S)
    typed = {
        OTHER_NAMES.get(name, name): set(re.findall(r"^  (\w+)\??:", body, re.M))
        for name, body in interfaces
    }
    shared = {
        name: fields for name, fields in typed.items() if "properties" in schemas.get(name, {})
    }
    assert len(shared) > 20
    assert shared == {
        name: {each for each, kind in properties.items() if not kind.get("deprecated")}
        for name, properties in ((name, schemas[name]["properties"]) for name in shared)
    }
    assert [name for name in typed if name.endswith("Document") and name not in schemas] == []

"""The distribution of the log analysis: what it exports, and that it needs nothing else of ours."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import loganalysis
from tests.support.paths import ROOT
from tests.test_requirements import pins

FOLDER = ROOT / "loganalysis"
PROJECT = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
EXAMPLE = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
ALONE = "import sys; sys.modules['job_service_scan'] = None\n"
"""The kernel has to be the one in the distribution."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the contents of the wheel."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=FOLDER, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    with ZipFile(wheel) as packed:
        packed.extractall(folder / "site")
    return folder / "site"


def run(code: str, folder: Path, path: Path) -> str:
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_works_without_the_repository(installed: Path, tmp_path: Path) -> None:
    assert len(EXAMPLE) == 1
    assert run(ALONE + EXAMPLE[0], tmp_path, installed) == "{'ERROR': 1, 'disk (full|slow)': 2}\n"
    assert "disk (full|slow)" in (tmp_path / "report.html").read_text()


def test_all_public_names_are_in_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "from loganalysis import *; import loganalysis; print(loganalysis.__file__)"
    assert run(ALONE + code, tmp_path, installed) == f"{installed}/loganalysis/__init__.py\n"


def test_the_wheel_has_a_kernel_for_each_processor_and_no_sources_in_c(installed: Path) -> None:
    names = {file.name for file in (installed / "loganalysis" / "native").iterdir()}
    machines = ("linux-x86_64", "linux-aarch64", "darwin-x86_64", "darwin-arm64", "win32-amd64")
    libraries = {f"scan-{machine}.library" for machine in machines}
    assert names - {"__pycache__"} == {"__init__.py", *libraries}


@pytest.mark.parametrize("name", loganalysis.__all__)
def test_every_public_name_is_described(name: str) -> None:
    assert name in dir(loganalysis)
    assert name in (loganalysis.__doc__ or "")
    assert getattr(loganalysis, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'analyse'"):
        _ = loganalysis.analyse


def test_importing_the_package_imports_none_of_its_modules() -> None:
    look = "print(sorted(name for name in sys.modules if name.startswith('loganalysis')))"
    assert run(f"import sys, loganalysis; {look}", ROOT, ROOT) == "['loganalysis']\n"


def test_an_analysis_imports_nothing_else_of_ours(tmp_path: Path) -> None:
    look = "print([name for name in ('admin', 'jobservice', 'runner', 'server', 'storage')"
    code = f"import sys; {EXAMPLE[0]}\n{look} if name in sys.modules])"
    assert run(code, tmp_path, ROOT).splitlines()[-1] == "[]"


def test_the_distribution_allows_the_versions_that_the_service_runs_with() -> None:
    pinned = pins("requirements.txt")
    for requirement in map(Requirement, PROJECT["dependencies"]):
        (version,) = pinned[canonicalize_name(requirement.name)].specifier
        assert version.version in requirement.specifier

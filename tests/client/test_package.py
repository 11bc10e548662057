import subprocess
import sys
import tomllib

import pytest

import jobservice
from tests.support.paths import ROOT

CLIENT = ROOT / "client"
PROJECT = tomllib.loads((CLIENT / "pyproject.toml").read_text())
LOOK = "import sys, jobservice; print([name for name in {!r} if name in sys.modules])"
SLOW = ["httpx", "rich", "typer", "asyncio", "ssl"]


def run(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, check=True)
    return done.stdout


def test_importing_the_package_imports_nothing_slow() -> None:
    assert run(LOOK.format(SLOW)) == "[]\n"


def test_the_client_needs_neither_the_command_nor_the_service() -> None:
    modules = ["typer", "server", "runner", "storage"]
    assert run(f"from jobservice import Client; {LOOK.format(modules)}") == "[]\n"


@pytest.mark.parametrize("name", jobservice.__all__)
def test_every_exported_name_can_be_imported(name: str) -> None:
    assert name in dir(jobservice)
    assert getattr(jobservice, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Klient'"):
        _ = jobservice.Klient


def test_the_version_of_the_distribution_is_that_of_the_package() -> None:
    command = [sys.executable, "-m", "hatchling", "metadata", "version"]
    assert subprocess.check_output(command, cwd=CLIENT, text=True).strip() == jobservice.__version__


def test_the_extra_takes_the_log_analysis_of_the_same_release() -> None:
    (requirement,) = PROJECT["project"]["optional-dependencies"]["analyze"]
    assert requirement.startswith(f"job-service-loganalysis=={jobservice.__version__};")


def test_the_requirements_of_the_distribution_are_installed_for_the_tests() -> None:
    pinned = (ROOT / "tests/requirements.txt").read_text()
    for requirement in PROJECT["project"]["dependencies"]:
        name = requirement.partition(">")[0]
        assert f"\n{name}==" in pinned


@pytest.mark.timing
def test_importing_the_package_is_fast() -> None:
    code = "import time; at = time.process_time(); import jobservice; print(time.process_time()-at)"
    assert min(float(run(code)) for _ in range(3)) <= 0.15

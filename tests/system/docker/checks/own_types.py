"""Checks of images and deployments with job types of one's own, as docs/job-types.md shows them."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.paths import ROOT
from tests.system.docker.checks.image import IMAGE
from tests.system.docker.client import Client
from tests.system.docker.compose import Compose
from tests.system.docker.engine import docker

OWN_IMAGE = "job-service-own:latest"
PACKAGE = "sortedcontainers"
"""A package that the programs do not need."""
LIST_TYPES = """
from runner.job_types.registry import loader
from storage.settings.settings import Settings
found = loader.find(Settings.read().job_type_packages)
print(*sorted(found), found['sleep'].__doc__)
"""


def an_image_with_own_job_types_and_packages_is_built() -> None:
    with _folder() as folder:
        (code,) = _blocks("python")
        (folder / "my_jobs" / "greet.py").write_text(f"import {PACKAGE}\n{code}")
        (folder / "requirements.txt").write_text(_pin(PACKAGE))
        (dockerfile,) = _blocks("dockerfile")
        (folder / "Dockerfile").write_text(dockerfile.replace("job-service:1", IMAGE))
        docker("build", "--quiet", "--tag", OWN_IMAGE, str(folder), timeout=600)
    assert docker("run", "--rm", OWN_IMAGE, "id", "-u") == "10001"
    assert _types(OWN_IMAGE)[:3] == ["analyze", "greet", "sleep"]


def job_types_of_an_image_stay_in_force_under_compose(project: str) -> None:
    for compose in (
        Compose(project, IMAGE=OWN_IMAGE),
        Compose(project, IMAGE=OWN_IMAGE, JOB_TYPES=""),
        Compose(project, IMAGE=OWN_IMAGE, JOB_TYPES="runner.job_types.sleep"),
    ):
        compose.up("--no-build")
        _greet(compose.listeners()[0])
    compose.remove()


def job_types_in_a_mounted_folder_are_added(project: str) -> None:
    with _folder() as folder:
        (code,) = _blocks("python")
        (folder / "my_jobs" / "greet.py").write_text(code)
        (override,) = _blocks("yaml")
        file = folder / "my_jobs.yml"
        file.write_text(override.replace("./my_jobs", str(folder / "my_jobs")))
        compose = Compose(project, (str(file),))
        compose.up("--no-build")
        _greet(compose.listeners()[0])
        compose.remove()


def a_mounted_file_replaces_one_of_the_image() -> None:
    """Also one of the same size."""
    path = "runner/job_types/sleep.py"
    with _folder() as folder:
        changed = folder / "sleep.py"
        source = (ROOT / path).read_text()
        changed.write_text(source.replace('"""Sleeps for', '"""Xleeps for'))
        changed.chmod(0o444)
        assert _types(IMAGE)[2] == "Sleeps"
        assert _types(IMAGE, f"--volume={changed}:/app/{path}:ro")[2] == "Xleeps"


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder with an empty package `my_jobs`, which user 10001 can read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "my_jobs").mkdir()
        (folder / "my_jobs" / "__init__.py").touch()
        yield folder


def _blocks(kind: str) -> list[str]:
    """The code blocks of a kind in the guide."""
    text = (ROOT / "docs/job-types.md").read_text()
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _pin(name: str) -> str:
    """The line that pins a package for the tests."""
    lines = (ROOT / "tests/requirements.txt").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{name}==")]
    return line


def _types(image: str, *options: str) -> list[str]:
    """The job types in an image, and the words of the docstring of `sleep`."""
    return docker("run", "--rm", *options, image, "python", "-c", LIST_TYPES).split()


def _greet(listener: Client) -> None:
    job = listener.final(listener.submit("greet", {"name": "you"}))
    assert job["result"] == {"text": "hello you"}, job


CHECKS = (
    job_types_of_an_image_stay_in_force_under_compose,
    job_types_in_a_mounted_folder_are_added,
)

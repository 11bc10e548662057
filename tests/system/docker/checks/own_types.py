"""Checks of images and deployments with job types of one's own, as docs/job-types.md and
job_types/README.md show them."""

import json
import re
import tempfile
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError, run

from tests.support.paths import ROOT
from tests.system.docker.checks.image import IMAGE
from tests.system.docker.client import Client
from tests.system.docker.compose import Compose
from tests.system.docker.engine import docker

OWN_IMAGE = "job-service-own:latest"
PACKAGE = "sortedcontainers"
"""A package that the programs do not need."""
ONBUILD_IMAGE = "job-service:onbuild"
ONE_LINE_IMAGE = "job-service-own:one-line"
PACKAGE_IMAGE = f"""
FROM {IMAGE}
USER root
COPY requirements.txt /tmp/
RUN pip install --no-cache-dir -r /tmp/requirements.txt
USER 10001:10001
COPY my_jobs /app/my_jobs
ENV JOB_TYPES=my_jobs
"""
COUNT = f"""
from {PACKAGE} import SortedList
from runner.job_types import job

@job
def count(values: list[int]) -> list[int]:
    return list(SortedList(values))
"""
COMMANDS = {
    "hello": {
        "argv": ["echo", "hello {name}"],
        "parameters": {"name": {"type": "text"}},
        "stdout": {"file": "hello.txt"},
    },
    "wrong": {"argv": []},
}
LIST_TYPES = """
from runner.job_types.registry import loader
from storage.settings.settings import Settings
found = loader.find(Settings.read().job_type_packages)
print(*sorted(found), found['sleep'].__doc__)
"""


def an_image_with_own_job_types_and_packages_is_built() -> None:
    with _folder() as folder:
        (folder / "my_jobs").mkdir()
        (folder / "my_jobs" / "greet.py").write_text(f"import {PACKAGE}\n{_blocks('python')[0]}")
        (folder / "requirements.txt").write_text(_pin(PACKAGE))
        (folder / "Dockerfile").write_text(PACKAGE_IMAGE)
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


def a_file_in_the_mounted_folder_is_a_job_type_after_a_restart(project: str) -> None:
    """It follows the lines in job_types/README.md, in a folder of the project."""
    file = ROOT / "job_types" / "hello.py"
    assert not file.exists(), f"{file} is not of these checks"
    compose = Compose(project)
    compose.up("--no-build")
    lines = textwrap.dedent(_indented((ROOT / "job_types/README.md").read_text()))
    writes, curl = lines.split("docker compose restart\n")
    try:
        _shell(writes)
        compose("restart", "--timeout", "5")
        compose.up("--no-build")
        job = json.loads(_shell(curl.replace(":5000", f":{compose.ports()[0]}")))
    finally:
        file.unlink(missing_ok=True)
        compose.remove()
    assert (job["status"], job["result"]) == ("succeeded", "hello you"), job


def a_command_of_a_file_in_the_mounted_folder_runs_a_program(project: str) -> None:
    file = ROOT / "job_types" / "commands.json"
    assert not file.exists(), f"{file} is not of these checks"
    compose = Compose(project, COMMANDS_FILE="job_types/commands.json")
    try:
        file.write_text(json.dumps(COMMANDS))
        file.chmod(0o644)
        compose.up("--no-build")
        listener = compose.listeners()[0]
        job = listener.final(listener.submit("hello", {"name": "$(id)"}))
        _, document = listener.call("GET", "/types")
    finally:
        file.unlink(missing_ok=True)
        compose.remove()
    assert (job["status"], job["result"], job["files"]) == (
        "succeeded",
        {"exit_code": 0, "files": ["hello.txt"]},
        1,
    ), job
    assert [each["line"] for each in document["broken"]] == [1], document["broken"]


def compose_starts_without_the_folder(project: str) -> None:
    """It makes the folder."""
    with _folder() as folder:
        compose = Compose(project, COMPOSE_FILE="")
        compose(f"--project-directory={folder}", "up", "--detach", "--wait", "--no-build")
        assert list((folder / "job_types").iterdir()) == []
        job = compose.listeners()[0].final(compose.listeners()[0].sleep(0))
        compose.remove()
    assert job["status"] == "succeeded", job


def the_image_for_a_dockerfile_of_one_line_is_built() -> None:
    docker("build", "--quiet", "--target", "onbuild", "--tag", ONBUILD_IMAGE, ".", timeout=600)


def a_dockerfile_of_one_line_takes_job_types_and_their_packages(project: str) -> None:
    with _folder() as folder:
        (folder / "Dockerfile").write_text(*_blocks("dockerfile"))
        (folder / "requirements.txt").write_text(_pin(PACKAGE))
        (folder / "count.py").write_text(COUNT)
        (folder / "count.py").chmod(0o600)
        docker("build", "--quiet", "--tag", ONE_LINE_IMAGE, str(folder), timeout=600)
    assert docker("run", "--rm", ONE_LINE_IMAGE, "id", "-u") == "10001"
    compose = Compose(project, IMAGE=ONE_LINE_IMAGE)
    compose.up("--no-build")
    listener = compose.listeners()[0]
    job = listener.final(listener.submit("count", {"values": [3, 1]}))
    compose.remove()
    assert (job["status"], job["result"]) == ("succeeded", [1, 3]), job


def packages_that_would_replace_those_of_the_service_are_refused() -> None:
    with _folder() as folder:
        (folder / "Dockerfile").write_text(f"FROM {ONBUILD_IMAGE}\n")
        (folder / "requirements.txt").write_text("pydantic<2\n")
        try:
            docker("build", "--progress=plain", "--tag", ONE_LINE_IMAGE, str(folder), timeout=600)
            reason = "the image was built"
        except CalledProcessError as error:
            reason = error.stderr
    assert "conflicting dependencies" in reason, reason


@contextmanager
def _folder() -> Iterator[Path]:
    """An empty folder, which user 10001 can read."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def _blocks(kind: str) -> list[str]:
    """The code blocks of a kind in the guide."""
    text = (ROOT / "docs/job-types.md").read_text()
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def _indented(text: str) -> str:
    """The lines of a page that are indented: its code."""
    return "".join(line for line in text.splitlines(True) if line[:4] in ("    ", "\n"))


def _shell(script: str) -> str:
    command = ["bash", "-euo", "pipefail", "-c", script]
    return run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout


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


ALONE = (
    a_mounted_file_replaces_one_of_the_image,
    the_image_for_a_dockerfile_of_one_line_is_built,
    packages_that_would_replace_those_of_the_service_are_refused,
)
CHECKS = (
    a_file_in_the_mounted_folder_is_a_job_type_after_a_restart,
    a_command_of_a_file_in_the_mounted_folder_runs_a_program,
    compose_starts_without_the_folder,
    a_dockerfile_of_one_line_takes_job_types_and_their_packages,
    job_types_of_an_image_stay_in_force_under_compose,
)

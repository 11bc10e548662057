"""Checks of the image without a deployment."""

import os

from tests.support.waiting import wait_for
from tests.system.docker.engine import complaints, docker

IMAGE = "job-service:latest"
LIST_CONTENTS = """
import importlib.metadata, os, shutil
print(*sorted(os.listdir('/app')))
print(*sorted(found.name for found in importlib.metadata.distributions()))
print(*(name for name in ('cc', 'gcc', 'clang', 'make') if shutil.which(name)))
print(os.getuid(), os.access('/app', os.W_OK), os.access('/data', os.W_OK))
"""


def the_image_is_built() -> str:
    docker("compose", "build", timeout=600)
    size = int(docker("image", "inspect", "--format", "{{.Size}}", IMAGE))
    return f"{size / 1e6:.0f} MB including its base"


def the_image_contains_only_the_programs_and_their_packages() -> None:
    found = docker("run", "--rm", IMAGE, "python", "-c", LIST_CONTENTS)
    folders, packages, tools, rights = found.splitlines()
    assert folders == "runner server storage", folders
    assert "tornado" in packages, packages
    assert not {"pytest", "mypy", "honcho"} & set(packages.split()), packages
    assert not tools, tools
    assert rights == "10001 False True", rights


def without_an_init_both_programs_stop_in_order() -> None:
    for program, message in (("server", "listening"), ("runner", "ready")):
        _start_and_stop(program, message)


def _start_and_stop(program: str, message: str) -> None:
    """Run a program as the first process of a container. It must exit on SIGTERM."""
    name = os.environ["LONE_CONTAINER"]
    docker("run", "--detach", "--name", name, IMAGE, "python", "-m", program)
    wait_for(lambda: f'"message": "{message}"' in complaints("logs", name))
    docker("stop", name)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
    docker("rm", name)


CHECKS = (
    the_image_contains_only_the_programs_and_their_packages,
    without_an_init_both_programs_stop_in_order,
)

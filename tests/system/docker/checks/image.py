"""Checks of the image without a deployment."""

import json
import os
from subprocess import CalledProcessError

from tests.system.docker.engine import complaints, docker, lone_container, python, wait_for_line

IMAGE = "job-service:latest"
LIST_CONTENTS = """
import importlib.metadata, os, shutil
print(*sorted(os.listdir('/app')))
print(*sorted(found.name for found in importlib.metadata.distributions()))
print(*(name for name in ('cc', 'gcc', 'clang', 'make') if shutil.which(name)))
print(os.getuid(), os.access('/app', os.W_OK), os.access('/data', os.W_OK))
"""
SUBMIT = """
import sys, urllib.request
url, body = 'http://127.0.0.1:5000/jobs?wait=30', sys.argv[1].encode()
request = urllib.request.Request(url, body, {'Content-Type': 'application/json'})
print(urllib.request.urlopen(request, timeout=60).read().decode())
"""
KILL_WORKER = """
import os, pathlib
for file in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
    ours = file.read_bytes().endswith(b"-m\\0runner\\0")
    if ours and (file.parent / "stat").read_text().split()[3] == "1":
        os.kill(int(file.parent.name), 9)
"""


def the_image_is_built() -> str:
    docker("compose", "build", timeout=600)
    size = int(docker("image", "inspect", "--format", "{{.Size}}", IMAGE))
    return f"{size / 1e6:.0f} MB including its base"


def the_image_contains_only_the_programs_and_their_packages() -> None:
    found = docker("run", "--rm", IMAGE, "python", "-c", LIST_CONTENTS)
    folders, packages, tools, rights = found.splitlines()
    assert folders == "admin docs loganalysis runner server storage tests", folders
    assert "tornado" in packages, packages
    assert not {"pytest", "mypy", "opentelemetry-sdk"} & set(packages.split()), packages
    assert not tools, tools
    assert rights == "10001 False True", rights


def the_doctor_examines_the_image() -> str:
    """It has a warning, that anybody may use the service, and no error."""
    options = ("--network", "none", "--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp")
    volume = f"{os.environ['LONE_CONTAINER']}-doctor"
    command = ("run", "--rm", *options, "--volume", f"{volume}:/data", IMAGE)
    document = json.loads(docker(*command, "python", "-m", "storage", "doctor", "--json"))
    docker("volume", "rm", volume)
    bad = {each["check"]: each["what"] for each in document["findings"] if each["level"] == "error"}
    assert bad == {}, bad
    assert document["level"] == "warning", document
    return f"{len(document['findings'])} findings"


def the_doctor_tries_faults_on_a_volume() -> str:
    """A short chaos run in the image keeps all promises, and leaves nothing on the volume."""
    volume = ("--volume", f"{os.environ['LONE_CONTAINER']}-trial:/data")
    hardened = ("--init", "--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp")
    command = ("run", "--rm", *hardened, *volume, IMAGE)
    said = docker(*command, "python", "-m", "storage", "doctor", "--chaos", "10", timeout=300)
    lines = said.splitlines()
    assert "P1  kept    an acknowledged job survives" in lines, said
    assert "violations          0" in lines, said
    assert docker(*command, "ls", "/data") == "", "the trial has left files"
    docker("volume", "rm", volume[1].partition(":")[0])
    return next(line for line in lines if line.startswith("jobs acknowledged"))


def without_the_packages_for_traces_a_program_says_how_to_get_them() -> None:
    endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"
    for program in ("server", "runner"):
        try:
            docker("run", "--rm", "--env", endpoint, IMAGE, "python", "-m", program)
            raise AssertionError(f"{program} has started")
        except CalledProcessError as error:
            *_, line = error.stderr.splitlines()  # others say which rights the container has
        assert "cannot start: traces need" in line, line
        assert "--build-arg TRACING=1" in line, line


def with_tracing_the_image_has_the_packages_for_traces() -> None:
    tag = "job-service-tracing"
    docker("build", "--quiet", "--build-arg", "TRACING=1", "--tag", tag, ".", timeout=600)
    docker("run", "--rm", tag, "python", "-c", "import storage.telemetry.spans")
    docker("image", "rm", tag)


def without_an_init_both_programs_stop_in_order() -> None:
    for program, message in (("server", "listening"), ("runner", "ready")):
        _start_and_stop(program, message)


def _start_and_stop(program: str, message: str) -> None:
    """Run a program as the first process of a container. It must exit on SIGTERM."""
    with lone_container(IMAGE, "python", "-m", program) as name:
        wait_for_line(name, message)
        docker("stop", name)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0"


def by_default_a_container_runs_both_programs() -> str:
    with lone_container(IMAGE) as name:
        wait_for_line(name, "service ready")
        body = '{"type": "sleep", "payload": {"seconds": 0}}'
        job = json.loads(python(name, SUBMIT, body))
        assert job["status"] == "succeeded", job
        docker("stop", name)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0"
        stopped = complaints("logs", name).count('"message": "stopped"')
        assert stopped == 2, stopped
    return "one container has run a job"


def if_the_worker_of_a_container_dies_the_container_ends() -> None:
    with lone_container(IMAGE) as name:
        wait_for_line(name, "service ready")
        python(name, KILL_WORKER)
        assert docker("wait", name) == "137"


CHECKS = (
    by_default_a_container_runs_both_programs,
    if_the_worker_of_a_container_dies_the_container_ends,
    the_image_contains_only_the_programs_and_their_packages,
    the_doctor_examines_the_image,
    the_doctor_tries_faults_on_a_volume,
    without_the_packages_for_traces_a_program_says_how_to_get_them,
    with_tracing_the_image_has_the_packages_for_traces,
    without_an_init_both_programs_stop_in_order,
)

"""Runs commands of Docker."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.waiting import wait_for

PATIENCE_SECONDS = 120.0
START_SECONDS = 60.0
TRIES = 3
NOT_BEGUN = "OCI runtime exec failed"
"""What Docker says when `docker exec` could not start the command."""


def docker(*arguments: str, timeout: float = PATIENCE_SECONDS, **environ: str) -> str:
    """Run `docker …`. Returns its stdout.

    Raises CalledProcessError, and TimeoutExpired after `timeout` seconds.
    """
    return _run(*arguments, timeout=timeout, **environ).stdout.strip()


def complaints(*arguments: str, timeout: float = PATIENCE_SECONDS, **environ: str) -> str:
    """Run `docker …`. Returns its stderr."""
    return _run(*arguments, timeout=timeout, **environ).stderr.strip()


def containers(*labels: str, everything: bool = False, **environ: Any) -> list[str]:
    """The ids of the running containers with these labels. `everything`: also of ended ones."""
    filters = [f"--filter=label={label}" for label in labels]
    options = [*filters, *(["--all"] if everything else [])]
    return sorted(docker("ps", "--quiet", "--no-trunc", *options, **environ).split())


def python(container: str, source: str, *arguments: str) -> str:
    """Run a Python program inside a container. Returns its stdout."""
    return docker("exec", container, "python", "-c", source, *arguments, timeout=60)


@contextmanager
def lone_container(*arguments: str) -> Iterator[str]:
    """Run a container with these arguments of `docker run`, and yield its name.

    It is removed at the end, also after a failure: the next check gives the same name.
    """
    name = os.environ["LONE_CONTAINER"]
    docker("run", "--detach", "--name", name, "--volume", "/data", *arguments)
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def wait_for_line(container: str, message: str) -> None:
    """Wait until a container has logged a message."""
    line = f'"message": "{message}"'
    wait_for(lambda: line in complaints("logs", container), timeout=START_SECONDS)


def published_ports() -> list[int]:
    """The ports in PORTS, which the compose file publishes on this machine."""
    first, last = os.environ.get("PORTS", "5000-5001").split("-")
    return list(range(int(first), int(last) + 1))


def _run(*arguments: str, timeout: float, **environ: str) -> subprocess.CompletedProcess[str]:
    for _ in range(TRIES):
        done = subprocess.run(
            ["docker", *arguments],
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if NOT_BEGUN not in done.stderr:
            break
    done.check_returncode()
    return done

"""Commands of the Docker engine."""

import os
import subprocess
from typing import Any

PATIENCE_SECONDS = 120.0


def docker(*arguments: str, timeout: float = PATIENCE_SECONDS, **environ: str) -> str:
    """What `docker …` prints; raises CalledProcessError, and TimeoutExpired after `timeout` s."""
    return _run(*arguments, timeout=timeout, **environ).stdout.strip()


def complaints(*arguments: str, timeout: float = PATIENCE_SECONDS, **environ: str) -> str:
    """What `docker …` prints to stderr."""
    return _run(*arguments, timeout=timeout, **environ).stderr.strip()


def containers(*labels: str, everything: bool = False, **environ: Any) -> list[str]:
    """The ids of the running containers with these labels; also of ended ones if `everything`."""
    filters = [f"--filter=label={label}" for label in labels]
    options = [*filters, *(["--all"] if everything else [])]
    return sorted(docker("ps", "--quiet", "--no-trunc", *options, **environ).split())


def python(container: str, source: str, *arguments: str) -> str:
    """What a Python program prints that runs inside a container."""
    return docker("exec", container, "python", "-c", source, *arguments, timeout=60)


def published_ports() -> list[int]:
    """The ports of this machine that the compose file publishes, by PORTS."""
    first, last = os.environ.get("PORTS", "5000-5001").split("-")
    return list(range(int(first), int(last) + 1))


def _run(*arguments: str, timeout: float, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *arguments],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=True,
    )

"""A machine of Debian with systemd, in a container."""

import json
import os
import shlex
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT
from tests.support.waiting import wait_for
from tests.system.docker.client import Client, exchange_inside
from tests.system.docker.engine import docker

NAME = os.environ.get("MACHINES", "jobs-systemd")
"""The name of the image and of the network, and the label of all containers."""
FILES = Path(__file__).parent / "files"
LISTENER, WORKER = "job-service-listener", "job-service-worker"
START_SECONDS = 60.0
INSTALL_SECONDS = 300.0


def build() -> None:
    """Build the image of the machines."""
    file = str(FILES / "machine.dockerfile")
    docker(
        "build", "--quiet", f"--tag={NAME}", f"--file={file}", os.environ["CONTEXT"], timeout=600
    )


class Machine:
    """A running machine. The sources of the service are in /src; packages come from /wheels."""

    def __init__(self, name: str, *options: str):
        self.name = name
        self.id = docker(
            *("run", "--detach", "--privileged", f"--name={NAME}-{name}", f"--hostname={name}"),
            *(f"--label={NAME}", "--tmpfs=/run", "--tmpfs=/tmp:exec", "--env=container=docker"),
            *("--env=PIP_NO_INDEX=1", "--env=PIP_FIND_LINKS=/wheels"),
            *(f"--volume={ROOT}:/src:ro", *options, NAME),
        )
        self.wait_until_started()

    def wait_until_started(self) -> None:
        """Wait until systemd has started everything. Raises AssertionError if that failed."""
        wait_for(lambda: self.state() in {"running", "degraded"}, START_SECONDS)
        assert self.state() == "running", self.run("systemctl list-units --failed --no-legend")

    def reboot(self) -> None:
        """Stop everything as at a shutdown, and start it again."""
        docker("restart", "--time=60", self.id)
        self.wait_until_started()

    def run(self, command: str, timeout: float = 120) -> str:
        """Run a command of the shell as root. Returns its stdout. Raises CalledProcessError."""
        return docker("exec", self.id, "sh", "-euc", command, timeout=timeout)

    def state(self) -> str:
        """The state of the whole system, such as `running`."""
        return self.run("systemctl is-system-running || true")

    def write(self, path: str, text: str) -> None:
        """Write a file that only root reads."""
        quoted = shlex.quote(path)
        self.run(
            f"mkdir -p $(dirname {quoted}); umask 077; printf '%s\\n' {shlex.quote(text)} >{quoted}"
        )

    def install(self, *programs: str, source: str = "/src") -> str:
        """Install the service as docs/systemd.md says. Returns the output."""
        units = f"UNITS='{' '.join(programs)}'" if programs else ""
        return self.run(f"make --no-print-directory -C {source} install-systemd {units}", 300)

    def shown(self, unit: str, name: str) -> str:
        """A property of a unit, such as MainPID."""
        return self.run(f"systemctl show --property={name} --value {unit}")

    def pid(self, unit: str) -> int:
        """The id of the main process of a service; 0 if it does not run."""
        return int(self.shown(unit, "MainPID"))

    def is_active(self, unit: str) -> bool:
        """Whether a service runs and is ready."""
        return self.shown(unit, "ActiveState") == "active"

    def override(self, unit: str, section: str, *lines: str) -> Callable[[], None]:
        """Change a unit as `systemctl edit` does. Returns what undoes it."""
        file = f"/etc/systemd/system/{unit}.d/test.conf"
        self.write(file, "\n".join([f"[{section}]", *lines]))
        self.run(f"systemctl daemon-reload; systemctl restart {unit}")

        def undo() -> None:
            self.run(f"rm {file}; systemctl daemon-reload; systemctl restart {unit}")

        return undo

    def log(self, unit: str) -> list[dict[str, Any]]:
        """The log lines of a service that it has written itself."""
        lines = self.run(f"journalctl --quiet --output cat --unit {unit}").splitlines()
        return [json.loads(line) for line in lines if line[:1] == "{"]

    def releases(self) -> list[str]:
        """The folders of the installed releases, the oldest first."""
        return self.run("ls -dtr /opt/job-service/*").split()

    @cached_property
    def client(self) -> Client:
        """A client on this machine."""
        return Client("http://127.0.0.1:5000", exchange_inside(self.id))

"""The deployment by `docker stack deploy`."""

import contextlib
import json
import subprocess
from functools import cached_property
from typing import Any

from tests.support.waiting import wait_for
from tests.system.docker.client import Client, exchange_inside
from tests.system.docker.engine import complaints, containers, docker, published_ports, python

CONCURRENCY_LIMIT = 5
START_SECONDS, UPDATE_SECONDS = 90.0, 240.0
ADDRESSES = """
import socket
found = socket.getaddrinfo('tasks.listener', 5000, socket.AF_INET, socket.SOCK_STREAM)
print(*sorted({address[4][0] for address in found}))
"""


class Stack:
    """A stack on this machine, which must be a Swarm manager."""

    def __init__(self, name: str):
        self.name = name

    def deploy(self) -> str:
        """Deploy the stack. Returns the warnings of the command."""
        command = ("stack", "deploy", "--detach=true", "-c", "docker-compose.yml", self.name)
        return complaints(*command, CONCURRENCY_LIMIT=str(CONCURRENCY_LIMIT))

    def wait_for_replicas(self, service: str, count: int) -> None:
        """Wait until a service has this many replicas, all of them healthy."""
        name, wanted = f"name={self.name}_{service}", f"{count}/{count}"

        def all_run() -> bool:
            replicas = docker("service", "ls", "--filter", name, "--format", "{{.Replicas}}")
            return replicas == wanted and len(self.containers(service)) == count

        wait_for(all_run, START_SECONDS)

    def update(self, service: str, *options: str) -> None:
        """Change a service, and wait until the update is completed."""
        docker("service", "update", "--detach", *options, f"{self.name}_{service}")
        wait_for(lambda: self._update_state(service) == "completed", UPDATE_SECONDS)

    def containers(self, service: str) -> list[str]:
        """The ids of the running containers of a service."""
        return containers(f"com.docker.swarm.service.name={self.name}_{service}")

    def remove(self) -> None:
        """Remove the stack, except for its volumes."""
        wait_for(self._is_removed, timeout=60)
        wait_for(lambda: not self.leftovers(), timeout=60)

    def leftovers(self) -> list[str]:
        """The containers and networks of the stack."""
        label = f"com.docker.stack.namespace={self.name}"
        networks = docker("network", "ls", "--quiet", f"--filter=label={label}").split()
        return containers(label, everything=True) + networks

    @cached_property
    def routed(self) -> bool:
        """Whether the published ports reach the listeners. That needs a kernel with IPVS."""
        with contextlib.suppress(AssertionError):
            return wait_for(lambda: all(each.is_well() for each in _published()), timeout=5)
        return False

    def listeners(self) -> list[Client]:
        """A client of each published port.

        If these do not work, a client of each listener from inside the network of the stack.
        """
        if self.routed:
            return _published()
        container = self.containers("listener")[0]
        addresses = python(container, ADDRESSES).split()
        inside = exchange_inside(container)
        return [Client(f"http://{address}:5000", inside) for address in addresses]

    def _is_removed(self) -> bool:
        """Remove the stack. Returns False while Docker refuses, since ended tasks use a network."""
        try:
            docker("stack", "rm", self.name)
        except subprocess.CalledProcessError as error:
            if "is in use" not in error.stderr:
                raise
            return False
        return True

    def _update_state(self, service: str) -> str:
        found = docker("service", "inspect", f"{self.name}_{service}")
        status: dict[str, Any] = json.loads(found)[0].get("UpdateStatus") or {}
        return str(status.get("State"))


def _published() -> list[Client]:
    return [Client(f"http://127.0.0.1:{port}") for port in published_ports()]

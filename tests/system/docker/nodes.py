"""The deployment for many machines, `deploy/stack.yml`, on three engines."""

import functools
import os
from typing import Any

from tests.support.waiting import wait_for
from tests.system.docker.client import Client, exchange
from tests.system.docker.engine import containers, docker
from tests.system.docker.machines import Machine
from tests.system.docker.outside import PORT, Outside
from tests.system.docker.scaled import Scaled

LISTENERS, WORKERS, SLOTS = 2, 3, 9
DRAIN_SECONDS, LEASE_SECONDS = 5, 10


class Nodes(Scaled):
    """The stack on machines that are joined in a Swarm. The first machine is the manager.

    Each listener publishes its port on its own machine only (host mode), since the routing mesh
    needs a kernel with IPVS.
    """

    def __init__(self, name: str, machines: list[Machine]):
        super().__init__(name)
        self.machines = machines
        os.environ["DOCKER_HOST"] = machines[0].host

    @property
    def settings(self) -> dict[str, Any]:
        """The environment variables that the stack file reads."""
        return {
            **super().settings,
            "PORT": str(PORT),
            "PORT_MODE": "host",
            "LISTENERS": str(LISTENERS),
            "WORKERS": str(WORKERS),
            "DRAIN_SECONDS": str(DRAIN_SECONDS),
            "STOP_GRACE_PERIOD": f"{DRAIN_SECONDS + 10}s",
            "LEASE_SECONDS": str(LEASE_SECONDS),
        }

    def on(self, machine: Machine, service: str) -> list[str]:
        """The ids of a service's containers that run on a machine."""
        if not machine.alive:
            return []
        label = f"com.docker.swarm.service.name={self.name}_{service}"
        return containers(label, DOCKER_HOST=machine.host)

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers on all machines."""
        return [each for machine in self.machines for each in self.on(machine, service)]

    def placed(self, service: str) -> list[int]:
        """The number of a service's containers on each machine."""
        return [len(self.on(machine, service)) for machine in self.machines]

    def wait_until_complete(self) -> None:
        """Wait until all replicas are healthy, on machines that are alive."""
        self.wait_for_replicas("listener", LISTENERS)
        self.wait_for_replicas("worker", WORKERS)

    def wait_for_state(self, machine: Machine, state: str) -> None:
        """Wait until the manager reports a machine as `ready` or `down`."""
        status = ("node", "inspect", "--format", "{{.Status.State}}", machine.name)
        wait_for(lambda: docker(*status) == state, timeout=60)

    def set_availability(self, machine: Machine, availability: str) -> None:
        """Set the availability of a machine to `active` or `drain`."""
        docker("node", "update", "--availability", availability, machine.name)

    def load(self) -> Outside:
        """Clients that submit jobs to all machines."""
        return Outside(self.token, [(machine.address, PORT) for machine in self.machines])

    def listener_addresses(self) -> list[str]:
        """The addresses of the machines that run a listener."""
        return [each.address for each in self.machines if self.on(each, "listener")]

    def listeners(self) -> list[Client]:
        """A client of each listener that responds."""
        send = functools.partial(exchange, token=self.token)
        clients = [Client(f"http://{each}:{PORT}", send) for each in self.listener_addresses()]
        return [client for client in clients if client.is_well()]

    def client(self) -> Client:
        """A client of any listener."""
        return wait_for(self.listeners)[0]

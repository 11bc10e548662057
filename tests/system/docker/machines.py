"""Docker engines that simulate machines, each with its own network, host name and processes.

    this process 10.0.0.1 ── bridge0 ─┬─ node1 10.0.0.2    dockerd, containerd, containers
                                      ├─ node2 10.0.0.3
                                      └─ node3 10.0.0.4

An engine is the first process of its PID namespace, so the kernel kills all its processes with it.
It dies with this process. Its folder and its cgroups remain, and `tests/system/docker/run` removes
them. Needs root, vxlan in the kernel, iproute2 and util-linux.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.waiting import wait_for
from tests.system.chaos import networks
from tests.system.docker.engine import docker

TOOLS = ("dockerd", "setpriv")
START_SECONDS = 60.0
POOL = "10.30.0.0/16"
"""Addresses for the networks of the Swarm, apart from those of the machines."""

# A fresh /run, as after a boot: the real one contains the socket of another engine.
BEGIN = 'mount -t tmpfs tmpfs /run && hostname "$1" && shift && exec "$@"'


def missing() -> str | None:
    """The reason why several engines cannot run here. None if they can."""
    if reason := networks.missing():
        return reason
    if lacking := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"{', '.join(lacking)} is not installed"
    return networks.missing_link("vxlan", "id", "42", "dstport", "4789")


def add_address(address: str) -> None:
    """Give this process one more address, from which it can send requests to machines."""
    command = ["ip", "address", "add", f"{address}/16", "dev", networks.BRIDGE]
    subprocess.run(command, check=True)


class Machine:
    """A Docker engine in namespaces of its own, with its data in `folder`."""

    def __init__(self, name: str, network: networks.Network, folder: Path, cgroup: str):
        self.name = name
        self.address = network.address
        self._network = network
        self._folder = folder
        self._cgroup = cgroup
        self._process: subprocess.Popen[bytes] | None = None
        self._reconnect: Callable[[], None] = lambda: None

    @property
    def host(self) -> str:
        """The address of its engine, for DOCKER_HOST."""
        return f"unix://{self._folder}/docker.sock"

    @property
    def alive(self) -> bool:
        """Whether its engine is running."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start or restart its engine, and wait until it responds."""
        self._reconnect()
        self._folder.mkdir(exist_ok=True)
        config = self._folder / "daemon.json"
        config.write_text("{}")  # not the configuration of the real machine's engine
        command = ["setpriv", "--pdeathsig=KILL", "--", *self._network.starter]
        command += ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child"]
        command += ["--mount-proc", "--", "sh", "-c", BEGIN, "sh", self.name]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._engine(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(self._answers, START_SECONDS)

    def __call__(self, *arguments: str, timeout: float = 120) -> str:
        """Run `docker …` on this machine. Returns its stdout."""
        return docker(*arguments, timeout=timeout, DOCKER_HOST=self.host)

    def load(self, *images: str) -> None:
        """Copy images from the engine of the real machine."""
        load = ["docker", "--host", self.host, "load", "--quiet"]
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
            subprocess.run(load, stdin=save.stdout, check=True, capture_output=True)
        assert save.returncode == 0

    def die(self) -> None:
        """Cut its network, then kill all its processes, so that no peer is notified."""
        assert self._process is not None
        reconnect = self._network.cut()
        self._process.kill()
        self._process.wait()
        self._reconnect = reconnect

    def _engine(self, config: Path) -> list[str]:
        options = [f"--host={self.host}", f"--config-file={config}"]
        options += [f"--data-root={self._folder}/data", "--exec-root=/run/docker"]
        options += ["--pidfile=/run/docker.pid"]
        cgroups = ["--exec-opt=native.cgroupdriver=cgroupfs", f"--cgroup-parent={self._cgroup}"]
        return ["dockerd", *options, *cgroups]

    def _answers(self) -> bool:
        assert self.alive, (self._folder / "log").read_text()[-2000:]
        try:
            return bool(self("version", "--format", "{{.Server.Version}}"))
        except subprocess.CalledProcessError:
            return False


def start(count: int) -> list[Machine]:
    """Start `count` machines, without images and not joined in a Swarm.

    This process moves to their network. Their data is in NODES_FOLDER, whose name is also the name
    of their cgroups.
    """
    folder = Path(os.environ["NODES_FOLDER"])
    joined = networks.Networks()
    names = [f"node{number}" for number in range(1, count + 1)]
    machines = [
        Machine(name, joined.add(), folder / name, f"/{folder.name}/{name}") for name in names
    ]
    for machine in machines:
        machine.start()
    return machines


def join(machines: list[Machine]) -> None:
    """Join machines in a Swarm. The first one is its manager."""
    manager, *others = machines
    init = ("swarm", "init", "--default-addr-pool", POOL)
    manager(*init, "--advertise-addr", manager.address)
    token = manager("swarm", "join-token", "--quiet", "worker")
    for machine in others:
        addresses = ("--advertise-addr", machine.address, f"{manager.address}:2377")
        machine("swarm", "join", "--token", token, *addresses)

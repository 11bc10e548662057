"""Docker engines that stand for machines: each has a network, a name and processes of its own.

    this process 10.0.0.1 ── bridge0 ─┬─ node1 10.0.0.2    dockerd, containerd, containers
                                      ├─ node2 10.0.0.3
                                      └─ node3 10.0.0.4

The engine is the first process of its PID namespace, so the kernel kills with it all that it has
started; and it dies with this process. What is left then are its folder and its cgroups, which
`tests/system/docker/run` removes. Needs root, vxlan in the kernel, iproute2 and util-linux.
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
"""For the networks of the Swarm: beside those of the machines."""

# A /run of its own, as after a boot: in that of this machine is the socket of another engine.
BEGIN = 'mount -t tmpfs tmpfs /run && hostname "$1" && shift && exec "$@"'


def missing() -> str | None:
    """What several engines would need and is not there; None if nothing."""
    if lack := networks.missing():
        return lack
    if lacks := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"{', '.join(lacks)} is not installed"
    return networks.missing_link("vxlan", "id", "42", "dstport", "4789")


def add_address(address: str) -> None:
    """Give this process one more address, from which machines can be asked."""
    command = ["ip", "address", "add", f"{address}/16", "dev", networks.BRIDGE]
    subprocess.run(command, check=True)


class Machine:
    """An engine in namespaces of its own, with its data in a folder."""

    def __init__(self, name: str, network: networks.Network, folder: Path, cgroup: str):
        self.name = name
        self.address = network.address
        self._network = network
        self._folder = folder
        self._cgroup = cgroup
        self._process: subprocess.Popen[bytes] | None = None
        self._mend: Callable[[], None] = lambda: None

    @property
    def host(self) -> str:
        """Its engine, as DOCKER_HOST."""
        return f"unix://{self._folder}/docker.sock"

    @property
    def alive(self) -> bool:
        """Whether its engine runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start its engine, also again after its death, and wait until it answers."""
        self._mend()
        self._folder.mkdir(exist_ok=True)
        config = self._folder / "daemon.json"
        config.write_text("{}")  # that of this machine's engine is not for it
        command = ["setpriv", "--pdeathsig=KILL", "--", *self._network.starter]
        command += ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child"]
        command += ["--mount-proc", "--", "sh", "-c", BEGIN, "sh", self.name]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._engine(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(self._answers, START_SECONDS)

    def __call__(self, *arguments: str, timeout: float = 120) -> str:
        """What `docker …` prints here."""
        return docker(*arguments, timeout=timeout, DOCKER_HOST=self.host)

    def load(self, *images: str) -> None:
        """Copy images from the engine of this machine."""
        load = ["docker", "--host", self.host, "load", "--quiet"]
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
            subprocess.run(load, stdin=save.stdout, check=True, capture_output=True)
        assert save.returncode == 0

    def die(self) -> None:
        """Lose its network, then all processes at once: nobody is told."""
        assert self._process is not None
        mend = self._network.cut()
        self._process.kill()
        self._process.wait()
        self._mend = mend

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
    """So many machines, without images and not joined; this process moves to their network.

    NODES_FOLDER is where their data goes, its name is also that of their cgroups.
    """
    folder = Path(os.environ["NODES_FOLDER"])
    joined = networks.Networks()
    names = [f"node{number}" for number in range(1, count + 1)]
    found = [Machine(name, joined.add(), folder / name, f"/{folder.name}/{name}") for name in names]
    for machine in found:
        machine.start()
    return found


def join(machines: list[Machine]) -> None:
    """Make a Swarm of them, whose manager is the first."""
    manager, *others = machines
    init = ("swarm", "init", "--default-addr-pool", POOL)
    manager(*init, "--advertise-addr", manager.address)
    token = manager("swarm", "join-token", "--quiet", "worker")
    for each in others:
        place = ("--advertise-addr", each.address, f"{manager.address}:2377")
        each("swarm", "join", "--token", token, *place)

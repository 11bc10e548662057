"""A network namespace for each program, which can be cut, bridged to this process's namespace.

    programs     eth0 10.0.0.2   eth0 10.0.0.3 …
                      │               │
    this process    port2           port3 …        the database server and the clients are here,
                      └──── bridge0 ──┘            at 10.0.0.1

This process moves to a new namespace itself. No namespace has a name, so the kernel removes all of
them and their links when the last process ends, in whatever way. Needs root, iproute2 and
util-linux.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

_CLONE_NEWNET = 0x40000000
BRIDGE = "bridge0"
_UNUSED_MAC = "02:00:00:00:00:01"
HERE = "10.0.0.1"
TOOLS = ("ip", "nsenter", "unshare")


def missing() -> str | None:
    """A message about what networks need and this machine lacks; None if nothing is missing."""
    if os.geteuid() != 0:
        return "networks need root"
    if lacks := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"networks need {', '.join(lacks)} (iproute2, util-linux)"
    return missing_link("bridge")


def missing_link(*kind: str) -> str | None:
    """Why the kernel cannot create a link of this kind, such as ("bridge",); None if it can."""
    link = ["unshare", "--net", "ip", "link", "add", BRIDGE, "type", *kind]
    tried = subprocess.run(link, capture_output=True, text=True)
    return None if tried.returncode == 0 else f"no {kind[0]}: {tried.stderr.strip()}"


class Networks:
    """A bridge, and the networks that it joins."""

    def __init__(self) -> None:
        """Move this process to a new network. It must not have other threads yet."""
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
        _ip("link", "set", "lo", "up")
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("address", "add", f"{HERE}/16", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        self._count = 1

    def add(self) -> "Network":
        """Create a namespace with its own address."""
        self._count += 1
        network = Network(f"10.0.0.{self._count}", f"port{self._count}", _new_namespace())
        inside = network.starter
        peer = ("type", "veth", "peer", "name", "eth0", "netns", network.path)
        _ip("link", "add", network.port, *peer)
        _ip("link", "set", network.port, "master", BRIDGE, "up")
        _ip("link", "set", "lo", "up", starter=inside)
        _ip("address", "add", f"{network.address}/16", "dev", "eth0", starter=inside)
        _ip("link", "set", "eth0", "up", starter=inside)
        return network


@dataclass(frozen=True)
class Network:
    """A namespace. It exists while its descriptor is open here or a program runs in it.

    `port` is the end of its link in the namespace of this process.
    """

    address: str
    port: str
    descriptor: int

    @property
    def path(self) -> str:
        """The path of the namespace, for nsenter and ip."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    @property
    def starter(self) -> tuple[str, ...]:
        """The prefix of a command that runs in the namespace."""
        return ("nsenter", f"--net={self.path}", "--")

    def cut(self) -> Callable[[], None]:
        """Silently drop all packets; returns a function that restores the link."""
        _ip("link", "set", self.port, "down")
        return lambda: _ip("link", "set", self.port, "up")

    def cut_answers(self) -> Callable[[], None]:
        """Drop only packets to the program: its commits still arrive, but not the answers.

        Returns a function that restores the link.
        """
        neighbour = (self.address, "dev", BRIDGE)
        _ip("neighbour", "replace", *neighbour, "lladdr", _UNUSED_MAC, "nud", "permanent")
        return lambda: _ip("neighbour", "delete", *neighbour)


def _new_namespace() -> int:
    """Return a descriptor of a new network namespace."""
    with subprocess.Popen(
        ["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()  # once `cat` answers, it runs in the new namespace
        return os.open(f"/proc/{process.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _ip(*arguments: str, starter: tuple[str, ...] = ()) -> None:
    subprocess.run([*starter, "ip", *arguments], check=True, stdout=subprocess.DEVNULL)

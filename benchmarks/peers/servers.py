"""The servers that peers need, of Debian's packages, each new and thrown away after its use."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.processes import running
from tests.support.servers import postgres
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class Server:
    """A kind of server: what is missing for it, if anything, its version, and how to run one.

    A running one gives its URL.
    """

    missing: Callable[[], str | None]
    version: Callable[[], str]
    running: Callable[[Path], AbstractContextManager[str]]


def _redis_missing() -> str | None:
    return None if shutil.which("redis-server") else "redis-server is not installed"


def _redis_version() -> str:
    words = subprocess.check_output(["redis-server", "--version"], text=True).split()
    return f"Redis {words[2].removeprefix('v=')}"


@contextmanager
def _redis(folder: Path) -> Iterator[str]:
    """As it is by default: a snapshot now and then, nothing synced before an answer."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with running(command, {}, folder):
        wait_for(lambda: answers(port))
        yield f"redis://127.0.0.1:{port}/0"


def _postgresql_version() -> str:
    return f"PostgreSQL {postgres.version()}"


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """As it is by default, each commit synced; reached by its socket."""
    with postgres.synced_database() as url:
        yield url


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


REDIS = Server(_redis_missing, _redis_version, _redis)
POSTGRESQL = Server(postgres.missing, _postgresql_version, _postgresql)

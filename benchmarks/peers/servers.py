"""The servers that peers need, from Debian's packages; each runs in a temporary folder."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.processes import running
from tests.support.ports import free_port
from tests.support.servers import postgres
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class Server:
    """A kind of server: the reason why it is missing (or None), its version, and how to run it.

    `running` yields the server's URL.
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
    """Redis with its defaults: snapshots now and then, nothing synced before an answer."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    with running(command, {}, folder):
        wait_for(lambda: answers(port))
        yield f"redis://127.0.0.1:{port}/0"


def _postgresql_version() -> str:
    return f"PostgreSQL {postgres.version()}"


@contextmanager
def _postgresql(folder: Path) -> Iterator[str]:
    """PostgreSQL with its defaults, every commit synced, reached by its socket."""
    with postgres.synced_database() as url:
        yield url


def answers(port: int) -> bool:
    """Whether a program listens on the port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


REDIS = Server(_redis_missing, _redis_version, _redis)
POSTGRESQL = Server(postgres.missing, _postgresql_version, _postgresql)

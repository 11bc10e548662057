"""A PostgreSQL server of its own for a test session, made of what Debian's packages install.

It lives in a new folder, listens on a socket in there only, and goes with the session that
started it, even when that is killed.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.waiting import wait_for

START_SECONDS = 30
STOP_SECONDS = 10
UNPRIVILEGED = "postgres"  # the account of Debian's packages


class PostgresServer:
    """A running server. All who reach its socket are let in, as its superuser `tests`."""

    def __init__(self, folder: Path):
        self._folder = folder

    def url(self, database: str) -> str:
        """The address of a database, whatever the environment's own PG* variables say."""
        return f"postgresql://tests@/{database}?host={self._folder}&port=5432"

    @contextmanager
    def new_database(self) -> Iterator[str]:
        """The address of an empty database, which is dropped at the end, in use or not."""
        name = f"test_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


def missing() -> str | None:
    """What a server would need and this machine lacks; None if nothing."""
    if _binaries() is None:
        return "PostgreSQL is not installed"
    if shutil.which("setpriv") is None:
        return "setpriv (util-linux) is not installed"
    if os.geteuid() == 0 and UNPRIVILEGED not in {user.pw_name for user in pwd.getpwall()}:
        return f"root cannot run PostgreSQL, and there is no user {UNPRIVILEGED}"
    return None


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A new server; stopped and removed at the end."""
    binaries = _binaries()
    assert binaries is not None
    with tempfile.TemporaryDirectory(prefix="job-service-postgres-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED, UNPRIVILEGED)
        options = ["--no-sync", "--auth=trust", "--username=tests", "--encoding=UTF8"]
        initdb = [*_drop_rights(), str(binaries / "initdb"), *options, "--no-locale", "data"]
        subprocess.run(initdb, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with _started(binaries, folder) as server:
            yield server


@contextmanager
def _started(binaries: Path, folder: Path) -> Iterator[PostgresServer]:
    settings = ["-F", "-k", str(folder), "-c", "listen_addresses=", "-p", "5432"]
    postgres = [*_drop_rights(), str(binaries / "postgres"), "-D", "data", *settings]
    log_path = folder / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(postgres, cwd=folder, stdout=log, stderr=log)
    server = PostgresServer(folder)
    try:
        wait_for(lambda: server.answers() or process.poll() is not None, START_SECONDS)
        assert process.poll() is None, log_path.read_text()
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)


def _drop_rights() -> list[str]:
    """A prefix of a command: not as root, and stopped when this process dies."""
    command = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() == 0:
        command += [f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"]
    return [*command, "--"]


def _binaries() -> Path | None:
    """The folder of the newest server that is installed."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    on_path = shutil.which("initdb")
    if newest is None and on_path is not None:
        newest = Path(on_path).resolve()
    return newest.parent if newest else None

"""A PostgreSQL server for a test session, from Debian's packages.

It stores its data in a new folder, and listens only on a socket there, unless it is given an
address. It ends with the session, even if the session is killed.
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

from tests.support.waiting import wait_for

START_SECONDS = 30
STOP_SECONDS = 10
UNPRIVILEGED = "postgres"  # the account of Debian's packages


class PostgresServer:
    """A running server. Everyone who can reach its socket may connect as the superuser `tests`; so
    may hosts in the network of its address, if it has one."""

    def __init__(self, binaries: Path, folder: Path, synced: bool = False, address: str = ""):
        self._binaries = binaries
        self._address = address
        self._folder = folder
        self._synced = synced
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the server's main process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        settings = ["-k", str(self._folder), "-p", "5432"]
        settings += ["-c", f"listen_addresses={self._address}"]
        if not self._synced:
            settings.append("-F")
        postgres = [*drop_rights(), str(self._binaries / "postgres"), "-D", "data", *settings]
        log_path = self._folder / "log"
        with log_path.open("ab") as log:
            process = subprocess.Popen(postgres, cwd=self._folder, stdout=log, stderr=log)
        self._process = process
        wait_for(lambda: self.answers() or process.poll() is not None, START_SECONDS)
        assert process.poll() is None, log_path.read_text()

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop the server; SIGQUIT simulates a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(STOP_SECONDS)

    def url(self, database: str) -> str:
        """The URL of a database. It does not depend on PG* variables of the environment."""
        return f"postgresql://tests@/{database}?host={self._folder}&port=5432"

    def network_url(self, database: str) -> str:
        """The URL of a database over the network."""
        return f"postgresql://tests@{self._address}:5432/{database}"

    @contextmanager
    def standby(self, address: str) -> Iterator["PostgresServer"]:
        """Yield a second server that follows this one, which waits for it with each commit."""
        with tempfile.TemporaryDirectory(prefix="job-service-postgres-") as name:
            folder = Path(name)
            give_away(folder)
            copy = [*drop_rights(), str(self._binaries / "pg_basebackup"), "-D", "data", "-R"]
            source = ["-h", str(self._folder), "-U", "tests", "--checkpoint=fast", "--no-sync"]
            subprocess.run([*copy, *source], cwd=folder, check=True)
            server = PostgresServer(self._binaries, folder, self._synced, address)
            try:
                server.start()
                self._execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                self._execute("SELECT pg_reload_conf()")
                yield server
            finally:
                server.stop()

    def promote(self) -> None:
        """Make a standby the primary, and wait until it is."""
        self._execute("SELECT pg_promote()")

    @contextmanager
    def new_database(self, encoding: str = "UTF8") -> Iterator[str]:
        """Yield the URL of an empty database, which is dropped at the end, even if in use."""
        name = self.create_database(encoding)
        try:
            yield self.url(name)
        finally:
            self.drop_database(name)

    def create_database(self, encoding: str = "UTF8") -> str:
        """Create an empty database, and return its name."""
        name = f"test_{uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, even if it is in use."""
        self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def answers(self) -> bool:
        """Whether the server accepts connections."""
        try:
            self._execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


def missing() -> str | None:
    """The program or user that is missing to run a server; None if nothing is."""
    if _binaries() is None:
        return "PostgreSQL is not installed"
    if shutil.which("setpriv") is None:
        return "setpriv (util-linux) is not installed"
    if os.geteuid() == 0 and UNPRIVILEGED not in {user.pw_name for user in pwd.getpwall()}:
        return f"root cannot run PostgreSQL, and there is no user {UNPRIVILEGED}"
    return None


def version() -> str:
    """The version of the installed server, such as `17.6`."""
    binaries = _binaries()
    assert binaries is not None
    return subprocess.check_output([binaries / "postgres", "--version"], text=True).split()[2]


@contextmanager
def running_server(synced: bool = False, address: str = "") -> Iterator[PostgresServer]:
    """Yield a new server, which is stopped and removed at the end. It only syncs commits to disk if
    `synced` is set, because tests are faster without."""
    binaries = _binaries()
    assert binaries is not None
    with tempfile.TemporaryDirectory(prefix="job-service-postgres-") as name:
        folder = Path(name)
        give_away(folder)
        options = ["--no-sync", "--auth=trust", "--username=tests", "--encoding=UTF8"]
        initdb = [*drop_rights(), str(binaries / "initdb"), *options, "--no-locale", "data"]
        subprocess.run(initdb, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        if address:
            with (folder / "data" / "pg_hba.conf").open("a") as access:
                access.write("host all tests samenet trust\n")
        server = PostgresServer(binaries, folder, synced, address)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def synced_database() -> Iterator[str]:
    """Yield the URL of an empty database on a new server that syncs each commit."""
    with running_server(synced=True) as server, server.new_database() as url:
        yield url


def give_away(folder: Path) -> None:
    """Give a folder and its files to the user that runs the servers."""
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, UNPRIVILEGED, UNPRIVILEGED)


def drop_rights() -> list[str]:
    """A command prefix that drops root, and stops the server when this process dies."""
    command = ["setpriv", "--pdeathsig=INT"]
    if os.geteuid() == 0:
        command += [f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"]
    return [*command, "--"]


def _binaries() -> Path | None:
    """The folder of the newest installed server."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    on_path = shutil.which("initdb")
    if newest is None and on_path is not None:
        newest = Path(on_path).resolve()
    return newest.parent if newest else None

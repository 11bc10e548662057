"""The subject of the checks: the settings of the environment, and the database that they name."""

import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from admin.store_checks.reading import Reader, open_for_reading
from runner.config import RunnerSettings
from server.settings.server import ServerSettings
from storage.db.database import Database
from storage.db.schema.state import SchemaState, read_state
from storage.settings.folders import data_folders, sqlite_file
from storage.settings.settings import Settings, SettingsError
from storage.settings.url import is_postgresql

QUERY_SECONDS = 0.4
"""How long the queries of one check may take, unless the examination is thorough."""


def local_url(host: str, port: int) -> str:
    """Return the URL by which programs on this machine reach a listener on a host and a port."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    shown = f"[{local}]" if ":" in local else local
    return f"http://{shown}:{port}"


class Subject:
    """An installation, as the environment of this process describes it."""

    def __init__(self, environ: Mapping[str, str], thorough: bool = False):
        """With `thorough`, checks take the time that they need."""
        self.environ = environ
        self.thorough = thorough
        self.now = time.time()
        self.problems: dict[str, str] = {}
        """The problems of the settings, a line each, with the programs that have it."""
        self._worker = self._read(RunnerSettings)
        self._listener = self._read(ServerSettings)

    def _read(self, cls: type[Settings]) -> Settings | None:
        try:
            return cls.read(self.environ)
        except SettingsError as error:
            for line in str(error).splitlines():
                others = self.problems.get(line)
                self.problems[line] = f"{others} and {cls.program}" if others else cls.program
            return None

    @property
    def is_readable(self) -> bool:
        """Whether the settings of both programs are valid."""
        return not self.problems

    @property
    def worker(self) -> RunnerSettings:
        """The settings of a worker. Only if the settings are valid."""
        assert isinstance(self._worker, RunnerSettings)
        return self._worker

    @property
    def listener(self) -> ServerSettings:
        """The settings of a listener. Only if the settings are valid."""
        assert isinstance(self._listener, ServerSettings)
        return self._listener

    @property
    def listener_url(self) -> str:
        """Where programs on this machine reach the listener. Only if the settings are valid."""
        return local_url(self.listener.listen_host or "0.0.0.0", self.listener.port)

    @property
    def settings(self) -> Settings:
        """The settings that both programs share. Only if the settings are valid."""
        return self.worker

    @property
    def postgresql(self) -> bool:
        """Whether the database is on a server."""
        return is_postgresql(self.settings.store_url)

    @property
    def file(self) -> Path | None:
        """The SQLite file, which need not exist; None if the database is on a server."""
        return None if self.postgresql else sqlite_file(self.settings)

    @property
    def folders(self) -> dict[str, Path]:
        """The folders that hold data, by the settings that name them."""
        return data_folders(self.settings)

    @cached_property
    def database(self) -> Database:
        """The database, for reading. Raises StoreUnusable if there is no such file."""
        return open_for_reading(self.settings)

    @cached_property
    def schema(self) -> SchemaState:
        """The migrations that the database has, and lacks. Raises StoreError."""
        return read_state(self.database)

    def reader(self, share: float = 1.0) -> Reader:
        """Return a reader whose queries may take this share of the usual time."""
        return Reader(self.database, self.seconds(share))

    def seconds(self, share: float = 1.0) -> float | None:
        """Return this share of the usual time; None for any time."""
        return None if self.thorough else QUERY_SECONDS * share

    def close(self) -> None:
        """Close the connections."""
        if "database" in self.__dict__:
            self.database.close()

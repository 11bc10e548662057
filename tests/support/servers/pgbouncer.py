"""PgBouncer in transaction mode, in front of a PostgreSQL server for tests."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import psycopg

from tests.support.servers import postgres
from tests.support.waiting import wait_for

CONFIG = """
[databases]
* = {server} port=5432
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 2
"""
# Debian installs it in /usr/sbin, which is not on every user's path.
PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@contextmanager
def running_pooler(url: str) -> Iterator[str]:
    """Yield the URL of this database through a pooler with two server connections."""
    parts = urlparse(url)
    (host,) = (each for each in parts.query.split("&") if each.startswith("host="))
    with tempfile.TemporaryDirectory(prefix="job-service-pgbouncer-") as name:
        folder = Path(name)
        (folder / "users").write_text('"tests" ""\n')
        config = folder / "pgbouncer.ini"
        config.write_text(CONFIG.format(server=host, folder=folder))
        postgres.give_away(folder)
        assert PROGRAM is not None
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*postgres.drop_rights(), PROGRAM, str(config)], stdout=log, stderr=log
            )
        try:
            pooled = f"postgresql+pool://tests@{parts.path}?host={folder}&port=6432"
            wait_for(lambda: _answers(pooled) or process.poll() is not None, 20)
            assert process.poll() is None, (folder / "log").read_text()
            yield pooled
        finally:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url.replace("+pool", "")).close()
    except psycopg.OperationalError:
        return False
    return True

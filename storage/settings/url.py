"""X."""

import importlib
import os.path
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from urllib.parse import urlparse

POSTGRESQL_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+pool"})
"""All mean the same: connections are kept anyhow."""
_UNREADABLE = (
    "it cannot be read as an address: host or port are wrong, or a password has / ? # [ ] in it, "
    "which are written as %2F %3F %23 %5B %5D"
)


def is_postgresql(url: str) -> bool:
    """Whether it is the address of a PostgreSQL, right or wrong."""
    return url.partition(":")[0].lower() in POSTGRESQL_SCHEMES


def url_problem(url: str) -> str | None:
    """What is wrong with the address of a database, if anything; nothing of a password is told."""
    try:
        parts = urlparse(url)
        _ = parts.port  # it is read only when it is asked for
    except ValueError:
        return _UNREADABLE
    if is_postgresql(url):
        return None
    if parts.scheme != "sqlite":
        return "it must start with sqlite:/// or postgresql://"
    if parts.netloc:
        return "a file comes behind three slashes, or four if its path starts with one"
    return _file_problem(parts.path, parts.query)


def _file_problem(path: str, query: str) -> str | None:
    if path in ("", "/", "/:memory:"):
        return "a database in memory would be lost with its program"
    if query:
        return f"sqlite takes no options, so leave out {'?' + query!r}"
    if os.path.isdir(file := path.removeprefix("/")):  # that of Path fails where it may not look
        return f"{file} is a folder and no file"
    return None


def load_peewee(store_url: str) -> None:
    """Import Peewee, which looks only then which drivers there are, with those that it needs."""
    with hide_unneeded_drivers(postgresql=not store_url.startswith("sqlite")):
        importlib.import_module("peewee")


@contextmanager
def hide_unneeded_drivers(postgresql: bool) -> Iterator[None]:
    """A block in which, with SQLite, no drivers are found that nobody asks for: psycopg takes 12 MB
    in each process, a second SQLite 1 MB. Others, say job types, can import them afterwards."""
    unneeded = ["psycopg", "sqlite3"] if find_spec("pysqlite3") else ["psycopg"]
    left_out = [name for name in unneeded if not postgresql and name not in sys.modules]
    sys.modules.update(dict.fromkeys(left_out))  # type: ignore[arg-type]  # None: not to be found
    try:
        yield
    finally:
        for name in left_out:
            del sys.modules[name]

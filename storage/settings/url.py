"""Validates the URLs of databases and uploads, and loads only the drivers that a URL needs.

Imports nothing of ours, and no driver before it is asked to.
"""

import importlib
import os.path
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from urllib.parse import urlparse

POSTGRESQL_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+pool"})
"""Schemes of PostgreSQL URLs. All mean the same, since connections are always kept open."""
_UNREADABLE = (
    "it cannot be read as an address: the host or port is invalid, or a password contains "
    "/ ? # [ ], which must be written as %2F %3F %23 %5B %5D"
)


def is_postgresql(url: str) -> bool:
    """Return whether a URL has a PostgreSQL scheme; the rest may be invalid."""
    return url.partition(":")[0].lower() in POSTGRESQL_SCHEMES


def url_problem(url: str) -> str | None:
    """Return why a database URL is invalid, or None. The text never contains the password."""
    if re.search(r"[\x00-\x1f\x7f]", url):
        return "it contains a line break or another control character"
    try:
        parts = urlparse(url)
        _ = parts.port  # urlparse checks the port only on access
    except ValueError:
        return _UNREADABLE
    if is_postgresql(url):
        return None
    if parts.scheme != "sqlite":
        return "it must start with sqlite:/// or postgresql://"
    if parts.netloc:
        return "use three slashes before a relative path, or four before an absolute one"
    return _file_problem(parts.path, parts.query)


def uploads_url_problem(url: str) -> str | None:
    """Return why the URL of a place for uploaded files is invalid, or None."""
    try:
        parts = urlparse(url)
    except ValueError:
        return "it cannot be read as an address"
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return None
    if parts.scheme == "s3" and parts.netloc and not (parts.query or parts.fragment):
        return None
    return "it must be file:///path or s3://bucket/prefix"


def _file_problem(path: str, query: str) -> str | None:
    if path in ("", "/", "/:memory:"):
        return "a database in memory would be lost when the program ends"
    if query:
        return f"sqlite takes no options: remove {'?' + query!r}"
    if os.path.isdir(file := path.removeprefix("/")):  # Path.is_dir() can raise PermissionError
        return f"{file} is a folder, not a file"
    return None


def load_peewee(store_url: str) -> None:
    """Import Peewee with the drivers that a URL needs. Peewee looks for drivers only on import."""
    with hide_unneeded_drivers(postgresql=not store_url.startswith("sqlite")):
        importlib.import_module("peewee")


@contextmanager
def hide_unneeded_drivers(postgresql: bool) -> Iterator[None]:
    """With SQLite, hide drivers that Peewee would import needlessly: psycopg takes 12 MB per
    process, a second SQLite 1 MB. Later imports, say by job types, still find them."""
    unneeded = ["psycopg", "sqlite3"] if find_spec("pysqlite3") else ["psycopg"]
    left_out = [name for name in unneeded if not postgresql and name not in sys.modules]
    sys.modules.update(dict.fromkeys(left_out))  # type: ignore[arg-type]  # None: import fails
    try:
        yield
    finally:
        for name in left_out:
            del sys.modules[name]

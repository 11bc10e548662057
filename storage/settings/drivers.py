"""Which drivers of databases a program loads. Imports nothing of ours."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

POSTGRESQL_SCHEMES = frozenset({"postgresql", "postgres", "postgresql+pool"})
"""All mean the same: connections are kept anyhow."""


def load_peewee(store_url: str) -> None:
    """Import Peewee, which looks only then which drivers there are, with those that it needs."""
    with needed_only(postgresql=not store_url.startswith("sqlite")):
        importlib.import_module("peewee")


@contextmanager
def needed_only(postgresql: bool) -> Iterator[None]:
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

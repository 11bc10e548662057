"""Keeps PostgreSQL's driver out of the memory of a program that uses SQLite."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_psycopg(postgresql: bool) -> Iterator[None]:
    """A block whose imports do not load psycopg, which takes 10 MB, unless `postgresql`.

    The first import of Peewee belongs into it: Peewee and its playhouse load each driver that is
    installed.
    """
    if postgresql or "psycopg" in sys.modules:
        yield
        return
    sys.modules["psycopg"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["psycopg"]  # job types may import it

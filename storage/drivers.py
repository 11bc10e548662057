"""Which drivers of databases a program loads. Imports nothing of ours."""

import importlib
import sys
from importlib.util import find_spec


def load_peewee(store_url: str) -> None:
    """Import Peewee, with SQLite without drivers that nobody asks for: psycopg takes 12 MB in each
    process, a second SQLite 1 MB.

    It looks only once which there are: when it is first imported, like what its migrations import.
    Others, say job types, can import them afterwards.
    """
    left_out = []
    if store_url.startswith("sqlite"):
        left_out = ["psycopg", "sqlite3"] if find_spec("pysqlite3") else ["psycopg"]
    left_out = [name for name in left_out if name not in sys.modules]
    sys.modules.update(dict.fromkeys(left_out))  # type: ignore[arg-type]  # None: not to be found
    try:
        importlib.import_module("playhouse.migrations")
    finally:
        for name in left_out:
            del sys.modules[name]

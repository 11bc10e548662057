"""Which drivers of databases a program loads. Imports nothing of ours."""

import sys


def leave_out_others(store_url: str) -> None:
    """With SQLite, keep Peewee from loading psycopg, which would take 12 MB in each process.

    To be called before Peewee is imported: it looks once which drivers there are.
    """
    if store_url.startswith("sqlite"):
        sys.modules["psycopg"] = None  # type: ignore[assignment]

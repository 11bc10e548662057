"""Submissions with a key: each key stands for one job, however often and wherever it is sent.

The key is a row whose uniqueness the database keeps, stored in the transaction that stores the job.
Of two transactions with one key, the second waits for the first, and then finds its row. A key goes
with its job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from storage.db.database import Database
from storage.db.models import KeyRow
from storage.db.parameters import parameter
from storage.records.job import NewJob


@dataclass(frozen=True)
class KeyedJob:
    """A new job with the key of its submission; equal submissions have the same fingerprint."""

    key: str
    fingerprint: str
    job: NewJob


@dataclass(frozen=True)
class StoredKey:
    """What a key stands for."""

    job_id: UUID
    fingerprint: str


def store_keys(database: Database, keyed: Sequence[KeyedJob]) -> dict[str, StoredKey]:
    """Store the keys that are new; what each of them stands for now. Inside a transaction, which
    has to store the jobs of the new ones, too."""
    insert = database.statement("keep", _insert)
    # In one order, or two transactions could wait for each other.
    rows = [
        {"key": each.key, "fingerprint": each.fingerprint, "job_id": each.job.id}
        for each in sorted(keyed, key=lambda each: each.key)
    ]
    database.change_each(insert, rows)
    kept = KeyRow.select().where(KeyRow.key.in_(sorted({each.key for each in keyed})))
    return {row["key"]: _kept(row) for row in database.rows(kept)}


def delete_keys(database: Database, keys: Sequence[str]) -> None:
    """Let keys be used again, whose jobs could not be stored."""
    if keys:
        database.run(KeyRow.delete().where(KeyRow.key.in_(keys)))


def _insert() -> Any:
    names = ("key", "fingerprint", "job_id")
    return KeyRow.insert(
        **{name: parameter(getattr(KeyRow, name)) for name in names}
    ).on_conflict_ignore()


def _kept(row: Mapping[str, Any]) -> StoredKey:
    return StoredKey(row["job_id"], row["fingerprint"])

"""Idempotency keys: each key stands for one job.

That holds however often and to whichever listener the key is sent. A key is a row with a unique
index, stored in the transaction that stores the job. If two transactions store one key, the second
waits for the first and then finds its row. A key is deleted with its job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import KeyRow
from storage.db.parameters import parameter
from storage.db.statements import Values
from storage.records.job import NewJob


@dataclass(frozen=True)
class KeyedJob:
    """A new job with its idempotency key. Equal submissions have the same fingerprint."""

    key: str
    fingerprint: str
    job: NewJob


@dataclass(frozen=True)
class StoredKey:
    """The job of a key, and the fingerprint of its submission."""

    job_id: UUID
    fingerprint: str


def store_keys(database: Database, keyed: Sequence[KeyedJob]) -> dict[str, StoredKey]:
    """Store the new keys, and return the stored row of each key.

    Inside a transaction, which must store the jobs of the new keys as well.
    """
    insert = database.statement("keep", _insert)
    # Sorted, since two transactions could otherwise wait for each other.
    rows = [
        {"key": each.key, "fingerprint": each.fingerprint, "job_id": each.job.id}
        for each in sorted(keyed, key=lambda each: each.key)
    ]
    database.change_each_deferred(insert, rows)
    kept = KeyRow.select().where(KeyRow.key.in_(sorted({each.key for each in keyed})))
    return {row["key"]: _kept(row) for row in database.rows(kept)}


def has_key(database: Database, key: str) -> bool:
    """Return whether a key stands for a job."""
    select = database.statement("has key", _select)
    return bool(database.fetch(select, {"key": key}))


def delete_keys(database: Database, keys: Sequence[str]) -> None:
    """Free the keys whose jobs could not be stored."""
    if keys:
        database.run(KeyRow.delete().where(KeyRow.key.in_(keys)))


def change_jobs(database: Database, jobs: Mapping[str, UUID]) -> None:
    """Let each of these keys stand for another job, given by its id."""
    for key, job_id in jobs.items():
        database.run(KeyRow.update(job_id=job_id).where(KeyRow.key == key))


def _select() -> pw.Select:
    return KeyRow.select(KeyRow.job_id).where(KeyRow.key == parameter(KeyRow.key))


def _insert() -> pw.Insert:
    names = ("key", "fingerprint", "job_id")
    return KeyRow.insert(
        **{name: parameter(getattr(KeyRow, name)) for name in names}
    ).on_conflict_ignore()


def _kept(row: Values) -> StoredKey:
    return StoredKey(row["job_id"], row["fingerprint"])

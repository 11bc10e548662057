"""Held jobs, and the outbox of ended jobs, for tests of what holds and watches jobs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from storage.db.models import EndedRow
from storage.records.holds import Hold, Watch
from storage.waiting.ended import EndedJob, Reacting, Reactions, process_ended, watch
from storage.waiting.held import release
from tests.support.stores import Bench


def held_job(bench: Bench, kind: Hold, **options: Any) -> UUID:
    """Store a new job that is held."""
    return bench.enqueue(holds=kind, **options)


def watch_job(bench: Bench, job_id: UUID, kind: Watch) -> None:
    with bench.store.database.transaction():
        watch(bench.store.database, [job_id], kind)


def release_jobs(bench: Bench, ids: Sequence[UUID], kind: Hold) -> list[UUID]:
    """Take one hold from jobs, as a reaction does."""
    database = bench.store.database
    with database.transaction():
        database.next_version(0)
        return release(database, ids, kind, bench.clock())


def outbox(bench: Bench) -> list[tuple[UUID, str, bool, int]]:
    """The entries of the outbox: id, status, whether it was deleted, and what watches it."""
    rows = bench.store.database.rows(EndedRow.select().order_by(EndedRow.job_id, EndedRow.deleted))
    return [(row["job_id"], row["status"], bool(row["deleted"]), row["watched"]) for row in rows]


class Notes:
    """A reaction that notes the jobs with which it is called, and leaves some unfinished."""

    def __init__(self) -> None:
        self.seen: list[EndedJob] = []
        self.unfinished: set[UUID] = set()

    def __call__(self, reacting: Reacting, ended: Sequence[EndedJob]) -> set[UUID]:
        self.seen += ended
        return self.unfinished


def process(bench: Bench, reactions: Reactions) -> bool:
    store = bench.store
    return process_ended(store.database, store.wakeup, bench.clock, reactions)

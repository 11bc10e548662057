"""Groups failed jobs by their kinds, see `storage/records/failure_kind.py`.

The failures are read by the index `job_failed`, the latest first, in windows, for a limited time.
If it is over, the groups describe only the latest failures, and `next` continues with earlier ones.
A tag that few jobs have is read by its own index instead, all at once.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, TagRow
from storage.db.parameters import parameter, unindexed
from storage.db.statements import Row, Values
from storage.queries.search_statements import (
    has_tag,
    in_queues,
    queue_values,
    select_tag_count,
)
from storage.records.failure_kind import FailureKind, failure_kind
from storage.records.filters import Filters
from storage.records.states import Status

FAILURE_SECONDS = 0.5
"""Time limit of an answer; the next one continues."""
WINDOW_SECONDS = 0.03
"""Target duration of one window; its size is adjusted to it."""
WINDOWS = (256, 8192)
"""Least and greatest number of failures in a window."""
MAX_FAILURES = 200_000
"""The most failures that one answer groups."""
FEW = 4096
"""The jobs of a tag are read all at once if there are at most so many."""
SAMPLES = 5
"""How many jobs of a group are named."""
INDEX = "job_failed"
# As literals: a database uses a partial index only if it can prove the index's condition.
_IS_FAILED = pw.SQL("status = 'failed'")
_NEWEST_FIRST = JobRow.finished_at.desc(), JobRow.id.desc()
_LATEST = 2**62, UUID(int=(1 << 128) - 1)
_EARLIEST = UUID(int=0)

Position = tuple[int, UUID]
"""The end of a failed job, in milliseconds since 1970, and its id: its place in the list."""


@dataclass
class FailureGroup:
    """Failed jobs of one kind. Times are the ends of jobs, in milliseconds since 1970."""

    kind: FailureKind
    example: str | None
    """The stored JSON of the latest error."""
    last_at: int
    first_at: int = 0
    count: int = 0
    job_ids: list[UUID] = field(default_factory=list)
    """The latest SAMPLES jobs."""


@dataclass(frozen=True)
class Failures:
    """Groups of failures, the largest first.

    Pass `next` as `before` to continue with failures that were not looked at; None means that all
    were.
    """

    groups: list[FailureGroup]
    failed: int
    """The number of failed jobs in all groups."""
    next: Position | None


def find_failures(
    database: Database,
    filters: Filters,
    before: Position | None = None,
    seconds: float = FAILURE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Failures:
    """Group the failed jobs that filters select and that come after `before` in the list.

    Of the filters, only type, queue, tags, caller, `finished_after` and `view` count.
    """
    narrowed = filters.narrowed()
    if narrowed is None:
        return Failures([], 0, None)
    run = _Run(database, narrowed, before or _LATEST)
    if run.rare_tag:
        return run.answer(None)
    deadline = clock() + seconds
    size = WINDOWS[0]
    while True:
        began = clock()
        end = run.window(size)
        if end is None or run.failed >= MAX_FAILURES or clock() > deadline:
            return run.answer(end)
        quick = clock() - began < WINDOW_SECONDS
        size = min(size * 2, WINDOWS[1]) if quick else max(size // 2, WINDOWS[0])


class _Run:
    """The groups of one answer, while it looks at failures."""

    def __init__(self, database: Database, filters: Filters, before: Position):
        self._database = database
        self._before = before
        self._groups: dict[FailureKind, FailureGroup] = {}
        self.failed = 0
        tags = sorted(filters.tags)
        given = {name: getattr(filters, name) for name in ("type", "queue", "submitted_by")}
        self._named = {name: value for name, value in given.items() if value is not None}
        self._named |= queue_values((filters.view and filters.view.queues) or ())
        self._named |= {f"tag {number}": tag for number, tag in enumerate(tags)}
        self._least = filters.finished_after or 0, _EARLIEST
        self.rare_tag = next((tag for tag in tags if self._is_rare(tag)), None)
        if self.rare_tag:
            self._add(self._fetch("tagged", _select_tagged, {"tag first": self.rare_tag}))

    def window(self, size: int) -> Position | None:
        """Look at the next `size` failures. Returns where they end, None at the end of all."""
        last = self._database.statement(
            ("failure", size), lambda: _select_last(self._database, size)
        )
        bounds = _bounds(self._least, self._before)
        rows = self._database.fetch(last, bounds)
        end = (rows[0]["finished_at"], rows[0]["id"]) if rows else None
        self._add(self._fetch("failures", _select_window, {}, end))
        if end:
            self._before = end
        return end

    def answer(self, next: Position | None) -> Failures:
        """Return the groups, the largest first; of equal ones, the latest."""
        groups = sorted(self._groups.values(), key=lambda each: (-each.count, -each.last_at))
        return Failures(groups, self.failed, next)

    def _fetch(
        self,
        name: str,
        select: Callable[[Database, Iterable[str]], pw.Select],
        more: Values,
        end: Position | None = None,
    ) -> list[Row]:
        names = tuple(self._named)
        statement = self._database.statement((name, *names), lambda: select(self._database, names))
        bounds = _bounds(end or self._least, self._before)
        return self._database.fetch(statement, {**self._named, **more, **bounds})

    def _is_rare(self, tag: str) -> bool:
        count = self._database.statement(("tag", FEW + 1), lambda: select_tag_count(FEW + 1))
        return bool(self._database.fetch(count, {"tag": tag})[0]["count"] <= FEW)

    def _add(self, rows: list[Row]) -> None:
        """Add failures, the latest first."""
        self.failed += len(rows)
        for row in rows:
            kind, at = failure_kind(row["type"], row["error"]), row["finished_at"]
            group = self._groups.get(kind)
            if group is None:
                group = self._groups[kind] = FailureGroup(kind, row["error"], at)
            group.count += 1
            group.first_at = at
            if len(group.job_ids) < SAMPLES:
                group.job_ids.append(UUID(row["text"]))


def _bounds(least: Position, before: Position) -> Row:
    return {
        "least at": least[0],
        "least id": least[1],
        "before at": before[0],
        "before id": before[1],
    }


def _within() -> list[pw.Node]:
    """The condition that a failed job ended before one position, and not before another one."""
    least, before = (
        pw.Tuple(parameter(JobRow.finished_at, f"{name} at"), parameter(JobRow.id, f"{name} id"))
        for name in ("least", "before")
    )
    key = pw.Tuple(JobRow.finished_at, JobRow.id)
    return [key >= least, key < before]


def _select_last(database: Database, size: int) -> pw.Select:
    """The last of the next `size` failures; no row if there are fewer."""
    query = JobRow.select(JobRow.finished_at, JobRow.id).where(_IS_FAILED, *_within())
    query = query.order_by(*_NEWEST_FIRST).limit(1).offset(size - 1)
    return database.engine.by_index(query, JobRow, INDEX)


def _columns() -> list[pw.Node]:
    # The id as text: only few of them become UUIDs.
    return [JobRow.id.cast("TEXT").alias("text"), JobRow.type, JobRow.error, JobRow.finished_at]


def _chosen(names: Iterable[str]) -> list[pw.Node]:
    """The conditions of the named filters."""
    names = list(names)
    columns = {name: getattr(JobRow, name) for name in ("type", "queue", "submitted_by")}
    given = [columns[name] for name in names if name in columns]
    return [
        *(unindexed(column) == parameter(column) for column in given),
        *(has_tag(name) for name in names if name.startswith("tag ")),
        *in_queues(names),
    ]


def _select_window(database: Database, names: Iterable[str]) -> pw.Select:
    query = JobRow.select(*_columns()).where(_IS_FAILED, *_within(), *_chosen(names))
    return database.engine.by_index(query.order_by(*_NEWEST_FIRST), JobRow, INDEX)


def _select_tagged(database: Database, names: Iterable[str]) -> pw.Select:
    """The failures among the jobs with a rare tag."""
    tagged = TagRow.tag == parameter(TagRow.tag, "tag first")
    query = TagRow.select(*_columns()).join(JobRow, on=(JobRow.id == TagRow.job_id))
    failed = unindexed(JobRow.status) == Status.FAILED
    within = _within()
    return query.where(tagged, failed, *within, *_chosen(names)).order_by(*_NEWEST_FIRST)

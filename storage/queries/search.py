"""Finds the jobs that match filters, newest first.

The result is a merge of streams, each read from an index:

  (sleep, failed)   ──▶ ids, newest first ─┐
  (sleep, canceled) ──▶ ids, newest first ─┴─ merge ─▶ ids, newest first

| filter | index |
|---|---|
| none | the ids |
| tag | tag, id: of several tags, the rarest; everything else is checked job by job |
| after | predecessor, id; everything else is checked job by job |
| tag; failed, canceled | type, status, id, if FEW such jobs or fewer have the status |
| schedule | schedule, id; everything else but a tag is checked job by job |
| caller | caller, id; everything else but a tag and a schedule is checked job by job |
| type | type, id |
| failed, canceled | type, status, id: one stream per combination |
| queued, running | if there are at most FEW such jobs: all of them, sorted |
| succeeded, or many queued | of the type or all; the status is checked job by job |

A stream is read only as far as the merge needs it. Filters without an index (such a status, text,
exact time, queue, kind of failure) are checked job by job, in windows of a stream, for a limited
time. A page can therefore hold fewer jobs than requested and still have a next page.
"""

import heapq
import re
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from uuid import UUID

from storage.db.database import Database
from storage.db.statements import Row
from storage.jobs.transitions import to_json_text
from storage.queries.id_skew import stored_skew
from storage.queries.search_statements import (
    UNSUCCESSFUL,
    queue_values,
    select_chosen,
    select_count,
    select_ids,
    select_last,
    select_range_count,
    select_tag_count,
    select_type_after,
    select_unfinished,
)
from storage.records.failure_kind import failure_key
from storage.records.filters import Filters
from storage.records.ids import first_id_at, id_in_batch, last_id_in_batch
from storage.records.states import FINAL, Status

SEARCH_SECONDS = 0.2
"""Time limit of a page; the next page continues the search."""
WINDOW_SECONDS = 0.02
"""Target duration of the check of one window; its size is adjusted to it."""
WINDOWS = (64, 4096)
"""Least and greatest number of jobs in a window; the latter also limits other queries."""
FEW = 4096
"""Up to so many jobs with a status that is not final are sorted for each page."""
_PART_OF_ID = re.compile(r"(?:…|\.\.\.)?([0-9a-f-]{4,36})")
"""A job id, or a part of one; the front end shows the end of an id after an ellipsis."""
_NEWEST = UUID(int=(1 << 128) - 1)
_OLDEST = UUID(int=0)
_ID_DIGITS = 32

Candidate = tuple[UUID, bool]
"""A matching job with True, or the last job of a window with False: a point where the search can
stop."""


@dataclass(frozen=True)
class SearchResult:
    """Matching ids, newest first. Pass `next` as `before` to continue; None means the end."""

    ids: list[UUID]
    next: UUID | None


def find(
    database: Database,
    filters: Filters,
    limit: int,
    before: UUID | None = None,
    seconds: float = SEARCH_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> SearchResult:
    """Return up to `limit` jobs older than `before`, newest first, found within `seconds`."""
    deadline = clock() + seconds
    if filters.failure is not None:
        if Status.FAILED not in (filters.statuses or Status):
            return SearchResult([], None)
        filters = replace(filters, statuses=frozenset({Status.FAILED}))
    narrowed = filters.narrowed()
    if narrowed is None:
        return SearchResult([], None)
    search = _SearchRun(database, narrowed, limit, before, clock)
    found: list[UUID] = []
    for job_id, chosen in heapq.merge(*search.streams(), key=_id_of, reverse=True):
        if chosen and len(found) == limit:
            return SearchResult(found, found[-1])
        if chosen:
            found.append(job_id)
        elif clock() > deadline:
            return SearchResult(found, job_id)
    return SearchResult(found, None)


def types_of(database: Database) -> list[str]:
    """The types of all stored jobs. Takes one index lookup per type."""
    found: list[str] = []
    following = database.statement("type after", select_type_after)
    while rows := database.fetch(following, {"after": found[-1] if found else ""}):
        found.append(rows[0]["type"])
    return found


class _SearchRun:
    """One search: the parameters that all its streams share."""

    def __init__(
        self,
        database: Database,
        filters: Filters,
        limit: int,
        before: UUID | None,
        clock: Callable[[], float],
    ):
        self._database = database
        self._filters = filters
        self._clock = clock
        self._start = before or _NEWEST
        self._least = _OLDEST
        if filters.created_before is not None:
            end = filters.created_before + stored_skew(database)
            self._start = min(self._start, first_id_at(end))
        if filters.created_after is not None:
            self._least = first_id_at(filters.created_after - stored_skew(database))
        if filters.batch is not None:
            self._take_range(id_in_batch(filters.batch, 0), last_id_in_batch(filters.batch))
        tags = self._rarest_first(filters.tags)
        first = 0 if filters.after else 1
        self._tag, others = next(iter(tags[:first]), None), tags[first:]
        self._looked_at = _unindexed_filters(filters)
        self._looked_at |= {f"tag {number}": tag for number, tag in enumerate(others)}
        if (self._tag is not None or filters.after) and filters.schedule is not None:
            self._looked_at["schedule"] = filters.schedule
        if len(self._looked_at.get("id_part", "")) == _ID_DIGITS:
            self._take_only(UUID(self._looked_at["id_part"]))
        # A power of two, so that few different statements are prepared.
        self._count = min(1 << limit.bit_length(), WINDOWS[1])

    def _rarest_first(self, tags: Collection[str]) -> list[str]:
        if len(tags) < 2:
            return [*tags]
        count = self._database.statement(("tag", FEW), lambda: select_tag_count(FEW))
        found = ((self._database.fetch(count, {"tag": tag})[0]["count"], tag) for tag in tags)
        return [tag for _, tag in sorted(found)]

    def _take_only(self, job_id: UUID) -> None:
        """Restrict the search to the job with an id, if there is one; it is then found at once."""
        after = UUID(int=min(job_id.int + 1, _NEWEST.int))
        one = self._database.statement(("page", 1), lambda: select_ids({}, 1))
        if self._database.fetch(one, {"before": after, "least": job_id}):
            self._take_range(job_id, job_id)

    def _take_range(self, first: UUID, last: UUID) -> None:
        """Restrict the search to the jobs with ids from `first` to `last`."""
        after = UUID(int=min(last.int + 1, _NEWEST.int))
        self._start, self._least = min(self._start, after), max(self._least, first)

    def streams(self) -> list[Iterator[Candidate]]:
        """The streams that together hold all matching jobs."""
        statuses = self._filters.statuses
        is_any = not statuses or statuses == frozenset(Status)
        each = [None] if is_any else sorted(statuses)
        if self._filters.after is not None:
            return [self._followers(self._filters.after, status) for status in each]
        if self._tag is not None:
            given = "tag", self._tag, "tag first"
            return [stream for status in each for stream in self._of_name(*given, status)]
        if self._filters.schedule is not None:
            given = "schedule", self._filters.schedule, "schedule"
            return [stream for status in each for stream in self._of_name(*given, status)]
        if self._filters.submitted_by is not None:
            given = "submitted_by", self._looked_at.pop("submitted_by"), "submitted_by"
            return [stream for status in each for stream in self._of_name(*given, status)]
        if is_any:
            return [self._range(self._type_guard)]
        return [stream for status in sorted(statuses) for stream in self._of_status(status)]

    def _followers(self, job_id: UUID, status: Status | None) -> Iterator[Candidate]:
        """The matching jobs that follow a job, and have a status unless that is None."""
        checked = {} if status is None else {f"status {status}": status}
        checked |= self._type_guard | self._looked_at
        guard = {"predecessor_id": job_id}
        return self._windows(guard, checked) if checked else self._pages(guard)

    def _of_name(
        self, column: str, value: str, checked_as: str, status: Status | None
    ) -> list[Iterator[Candidate]]:
        """The matching jobs with a tag, of a schedule or of a caller, and with a status unless that
        is None.

        Among few jobs with that status, the filter `checked_as` looks at each.
        """
        if status and status not in FINAL and self._are_few(status):
            return [self._unfinished(status, {checked_as: value})]
        if status in UNSUCCESSFUL and (ranges := self._few_ended(status, {column: value})):
            looked_at = {**self._looked_at, checked_as: value}
            return [self._windows(each, looked_at) for each in ranges]
        checked = {} if status is None else {f"status {status}": status}
        checked |= self._type_guard | self._looked_at
        guard = {column: value}
        return [self._windows(guard, checked) if checked else self._pages(guard)]

    def _few_ended(self, status: Status, other: Row) -> list[Row]:
        """The index ranges of a status, if they have few jobs, and fewer than the other range."""
        given = self._filters.type
        types = types_of(self._database) if given is None else [given]
        ranges = [{"type": type, "status": status} for type in types]
        ended = 0
        for each in ranges:
            ended += self._count_range(each, FEW + 1 - ended)
            if ended > FEW:
                return []
        return ranges if self._count_range(other, ended + 1) > ended else []

    def _count_range(self, guard: Row, limit: int) -> int:
        """The number of jobs of an index range, up to a limit."""
        count = self._database.statement(("range", *guard), lambda: select_range_count(guard))
        values = {**guard, "before": self._start, "least": self._least, "limit": limit}
        return int(self._database.fetch(count, values)[0]["count"])

    def _of_status(self, status: Status) -> list[Iterator[Candidate]]:
        if status in UNSUCCESSFUL:
            given = self._filters.type
            types = types_of(self._database) if given is None else [given]
            return [self._range({"type": type, "status": status}) for type in types]
        if status is not Status.SUCCEEDED and self._are_few(status):
            return [self._unfinished(status)]
        looked_at = {**self._looked_at, f"status {status}": status}
        return [self._windows(self._type_guard, looked_at)]

    @property
    def _type_guard(self) -> Row:
        return {} if self._filters.type is None else {"type": self._filters.type}

    def _range(self, guard: Row) -> Iterator[Candidate]:
        """The matching jobs of an index range."""
        return self._windows(guard, self._looked_at) if self._looked_at else self._pages(guard)

    def _are_few(self, status: Status) -> bool:
        key = "count", status
        count = self._database.statement(key, lambda: select_count(self._database, status, FEW + 1))
        return bool(self._database.fetch(count, {})[0]["count"] <= FEW)

    def _unfinished(self, status: Status, more: Row | None = None) -> Iterator[Candidate]:
        """The matching jobs among the few with a status; `more` are further filters."""
        looked_at = {**self._type_guard, **self._looked_at, **(more or {})}
        chosen = self._database.statement(
            ("unfinished", status, *looked_at),
            lambda: select_unfinished(self._database, looked_at, status),
        )
        values = {**looked_at, "before": self._start, "least": self._least}
        return ((row["id"], True) for row in self._database.fetch(chosen, values))

    def _pages(self, guard: Row) -> Iterator[Candidate]:
        """All jobs of an index range."""
        before, count = self._start, self._count
        page = self._database.statement(("page", *guard, count), lambda: select_ids(guard, count))
        while True:
            rows = self._database.fetch(page, {**guard, "before": before, "least": self._least})
            yield from ((row["id"], True) for row in rows)
            if len(rows) < count:
                return
            before = rows[-1]["id"]

    def _windows(self, guard: Row, looked_at: Row) -> Iterator[Candidate]:
        """The matching jobs of an index range, and the end of each window."""
        before, size = self._start, WINDOWS[0]
        while (last := self._last(guard, before, size)) is not None:
            began = self._clock()
            yield from ((job_id, True) for job_id in self._chosen(guard, looked_at, before, last))
            quick = self._clock() - began < WINDOW_SECONDS
            size = min(size * 2, WINDOWS[1]) if quick else max(size // 2, WINDOWS[0])
            yield last, False
            before = last

    def _last(self, guard: Row, before: UUID, size: int) -> UUID | None:
        last = self._database.statement(("last", *guard, size), lambda: select_last(guard, size))
        rows = self._database.fetch(last, {**guard, "before": before, "least": self._least})
        text = rows[0]["id"]
        return None if text is None else UUID(text)

    def _chosen(self, guard: Row, looked_at: Row, before: UUID, last: UUID) -> list[UUID]:
        chosen = self._database.statement(
            ("chosen", *guard, *looked_at),
            lambda: select_chosen(self._database, guard, looked_at),
        )
        values = {**guard, **looked_at, "before": before, "least": last}
        rows, wanted = self._database.fetch(chosen, values), self._filters.failure
        return [
            row["id"]
            for row in rows
            if wanted is None or failure_key(row["type"], row["error"]) == wanted
        ]


def _unindexed_filters(filters: Filters) -> Row:
    """The filters that no index serves, with their values."""
    given = {
        "created_after": filters.created_after,
        "created_before": filters.created_before,
        "text": ascii_lower(filters.text) or None,
        "quoted": ascii_lower(to_json_text(filters.text)[1:-1]) or None,
        "id_part": _part_of_id(filters.text),
        "submitted_by": filters.submitted_by,
        "queue": filters.queue,
        "finished_after": filters.finished_after,
        "finished_before": filters.finished_before,
        "failure": filters.failure,
    }
    if filters.view is not None:
        given |= queue_values(filters.view.queues or ())
    return {name: value for name, value in given.items() if value is not None}


def ascii_lower(text: str) -> str:
    """Lower-case only the letters A to Z, like the text search of both databases."""
    return "".join(each.lower() if each.isascii() else each for each in text)


def _part_of_id(text: str) -> str | None:
    """The digits of a job id, or of a part of one, that a client has searched for."""
    found = _PART_OF_ID.fullmatch(text.strip().lower())
    digits = found[1].replace("-", "") if found else ""
    return digits if 4 <= len(digits) <= _ID_DIGITS else None


def _id_of(candidate: Candidate) -> UUID:
    return candidate[0]

"""Jobs that differ only in their ids and payloads, stored from one row of columns.

A batch has thousands of jobs. Their rows are made one by one while they are inserted: that takes
half the time of a list of all rows, and leaves nothing for the garbage collector to look through.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import overload
from uuid import UUID

from storage.records.batch import BatchJob
from storage.records.ids import id_in_batch
from storage.records.job import NewJob
from storage.records.json_values import JsonValue

SHARED = frozenset(
    {
        *("type", "payload", "max_retries", "max_losses", "timeout", "priority", "queue"),
        *("run_at", "delay", "expires_at", "expires_in", "backoff", "keep_for", "metadata"),
        "limits",
        *("callback_url", "submitted_by", "traceparent", "batch_id", "id", "source"),
        *("holds", "watched", "replaces_all", "actor"),
    }
)
"""The fields of a job that are columns of its row and nothing else."""


def is_alike(template: NewJob) -> bool:
    """Return whether jobs with this template are stored by their rows alone."""
    return all(getattr(template, name) == value for name, value in _OTHERS.items())


_OTHERS = {
    each.name: each.default
    for each in fields(NewJob)
    if each.name not in SHARED and each.default is not MISSING
}
"""The other fields with their defaults: a job that has another value needs more than its row."""


class AlikeRows(Sequence[Mapping[str, JsonValue]]):
    """The rows of some jobs of a batch, made when they are read.

    Versions are offsets that begin with `first_offset`, and become smaller.
    """

    def __init__(
        self,
        batch_id: UUID,
        rows: Mapping[int, Mapping[str, JsonValue]],
        jobs: Sequence[BatchJob],
        first_offset: int,
    ):
        """`rows` has the rows of templates by their numbers."""
        self._batch_id = batch_id
        self._rows = rows
        self._jobs = jobs
        self._first_offset = first_offset

    def __len__(self) -> int:
        return len(self._jobs)

    @overload
    def __getitem__(self, at: int) -> Mapping[str, JsonValue]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Mapping[str, JsonValue]]: ...
    def __getitem__(self, at: int | slice) -> object:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        index, number, payload = self._jobs[at]
        return {
            **self._rows[number],
            "id": id_in_batch(self._batch_id, index),
            "payload": payload,
            "version": self._first_offset - at,
        }


def by_columns(
    rows: Mapping[int, Mapping[str, JsonValue]], jobs: Collection[BatchJob]
) -> dict[tuple[str, ...], list[BatchJob]]:
    """Return jobs whose templates have rows, by the columns of these rows."""
    columns = {number: (*row, "version") for number, row in rows.items()}
    found = defaultdict[tuple[str, ...], list[BatchJob]](list)
    for job in jobs:
        if job[1] in columns:
            found[columns[job[1]]].append(job)
    return found


def types(rows: Mapping[int, Mapping[str, JsonValue]], jobs: Collection[BatchJob]) -> Counter[str]:
    """Return how many jobs whose templates have rows there are of each type."""
    found = Counter[str]()
    for number, count in Counter(number for _, number, _ in jobs).items():
        if number in rows:
            found[rows[number]["type"]] += count
    return found

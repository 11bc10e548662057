"""The last lines that attempts printed which did not end well."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.models import OutputRow
from storage.records.job import AttemptOutcome

LINES = 10
BYTES = 2000
"""At most so much of an attempt is looked at, and told."""

GOOD = frozenset({None, AttemptOutcome.RETURNED, AttemptOutcome.RELEASED})
"""Outcomes that need no explanation; None while the attempt runs."""


def select_tails() -> Any:
    """The parts of output that may have them; to be narrowed to some jobs."""
    newest = OutputRow.alias()
    from_there: Any = newest.select(pw.fn.MAX(newest.position) - BYTES).where(
        newest.job_id == OutputRow.job_id, newest.attempt == OutputRow.attempt
    )
    return OutputRow.select().where(OutputRow.position >= from_there)


def last_lines(parts: Iterable[Mapping[str, Any]]) -> dict[tuple[UUID, int], tuple[str, ...]]:
    """The last lines of each attempt, at most LINES of them, by its job and number."""
    texts: dict[tuple[UUID, int], bytes] = defaultdict(bytes)
    for part in sorted(parts, key=lambda part: part["position"]):
        texts[part["job_id"], part["attempt"]] += bytes(part["text"])
    return {attempt: _last(text) for attempt, text in texts.items()}


def _last(text: bytes) -> tuple[str, ...]:
    shown = text[-BYTES:].decode(errors="replace")
    return tuple(shown.splitlines()[-LINES:])

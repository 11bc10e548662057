"""What jobs print, kept for each attempt: its start, and its newest.

    0 ──── a quarter ┄┄ what came between is deleted ┄┄ half of it ──── what was printed last

It is written in parts. A part is numbered as a change is, so who follows a job gets its changes and
what it prints in one order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, OutputRow
from storage.db.parameters import parameter
from storage.records.job import Fence

PAGE = 64
_PARTS = 8
"""A part has at most so much less bytes than are kept of an attempt."""


@dataclass(frozen=True)
class OutputPiece:
    """A part of what an attempt has printed; `position` is that of its first byte."""

    version: int
    job_id: UUID
    attempt: int
    position: int
    text: bytes


def write(database: Database, fence: Fence, pieces: Sequence[tuple[int, bytes]], most: int) -> None:
    """Keep what an attempt has printed, each piece with its position, while it has its job.

    Of all that it prints, at most `most` bytes are kept. In a transaction.
    """
    size = max(4, most // _PARTS)
    parts = [part for position, text in pieces for part in _split(position, text, size)]
    if not parts:
        return
    version = database.next_version(len(parts)) - len(parts)
    insert = database.statement("output", _insert)
    held = {"the job": fence.job_id, "holder": fence.runner, "attempt": fence.attempt}
    for number, (position, text) in enumerate(parts, version + 1):
        database.change(insert, {**held, "version": number, "position": position, "text": text})
    position, text = parts[-1]
    middle = {"start": most // 4, "end": position + len(text) - most // 2}
    database.change(database.statement("middle", _delete_middle), {**held, **middle})


class OutputReader:
    """Reads what was printed; may be used by many threads. Methods raise StoreError."""

    def __init__(self, database: Database):
        self._database = database

    def of_attempt(self, job_id: UUID, attempt: int) -> list[OutputPiece]:
        """What is kept of an attempt, from its start."""
        asked = self._database.statement("output of attempt", _select_of_attempt)
        return self._parts(asked, {"job_id": job_id, "attempt": attempt})

    def of_job(self, job_id: UUID, version: int) -> list[OutputPiece]:
        """What is kept of all attempts of a job, and was written after a version; in that order."""
        asked = self._database.statement("output of job", _select_of_job)
        return sorted(self._parts(asked, {"job_id": job_id, "version": version}), key=_version)

    def between(self, version: int, newest: int) -> list[OutputPiece]:
        """What was written after a version, and up to another: at most PAGE, in that order."""
        asked = self._database.statement("outputs", _select_between)
        return self._parts(asked, {"version": version, "newest": newest})

    def _parts(self, asked: Any, values: dict[str, Any]) -> list[OutputPiece]:
        rows = self._database.fetch(asked, values)
        return [OutputPiece(**{**row, "text": bytes(row["text"])}) for row in rows]


def _split(position: int, text: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    """Cut after a line where there is one, and never within a character."""
    while text:
        end = len(text)
        if end > size:
            end = text.rfind(b"\n", 0, size) + 1 or size
            back = next((n for n in range(4) if text[end - n] & 0xC0 != 0x80), 0)
            end -= back
        yield position, text[:end]
        position, text = position + end, text[end:]


def _version(part: OutputPiece) -> int:
    return part.version


def _insert() -> Any:
    """For the holder of the attempt alone; a part that is there already stays as it is."""
    given = (
        parameter(OutputRow.version),
        JobRow.id,
        JobRow.attempt,
        parameter(OutputRow.position),
        parameter(OutputRow.text),
    )
    held = JobRow.select(*given).where(
        JobRow.id == parameter(JobRow.id, "the job"),
        JobRow.locked_by == parameter(JobRow.locked_by, "holder"),
        JobRow.attempt == parameter(JobRow.attempt),
    )
    return OutputRow.insert_from(held, list(OutputRow._meta.sorted_fields)).on_conflict_ignore()


def _delete_middle() -> Any:
    end = OutputRow.position + pw.fn.LENGTH(OutputRow.text)
    return OutputRow.delete().where(
        OutputRow.job_id == parameter(OutputRow.job_id, "the job"),
        OutputRow.attempt == parameter(OutputRow.attempt),
        OutputRow.position >= parameter(OutputRow.position, "start"),
        end <= parameter(OutputRow.position, "end"),
    )


def _select_of_attempt() -> Any:
    return (
        OutputRow.select()
        .where(
            OutputRow.job_id == parameter(OutputRow.job_id),
            OutputRow.attempt == parameter(OutputRow.attempt),
        )
        .order_by(OutputRow.position)
    )


def _select_of_job() -> Any:
    return OutputRow.select().where(
        OutputRow.job_id == parameter(OutputRow.job_id),
        OutputRow.version > parameter(OutputRow.version),
    )


def _select_between() -> Any:
    return (
        OutputRow.select()
        .where(
            OutputRow.version > parameter(OutputRow.version),
            OutputRow.version <= parameter(OutputRow.version, "newest"),
        )
        .order_by(OutputRow.version)
        .limit(PAGE)
    )

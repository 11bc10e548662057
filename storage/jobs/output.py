"""The output of jobs, stored per attempt: its beginning and its end.

    0 ──── a quarter ┄┄ the middle is deleted ┄┄ half ──── newest byte

Output is stored in pieces, each with the marks of its log entries. A piece has a version like a
change, so a client that follows a job gets its changes and its output in one order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import peewee as pw

from storage.db.database import Database
from storage.db.models import JobRow, OutputRow
from storage.db.parameters import parameter
from storage.db.statements import Row, Statement
from storage.records.job import Fence
from storage.records.output import Mark, Piece, cut, marks_from_json, marks_to_json

PAGE = 64
_PARTS = 8
"""The maximum size of a piece is the limit of an attempt divided by this."""


@dataclass(frozen=True)
class OutputPiece:
    """A stored piece of the output of an attempt. `position` is the place of its first byte."""

    version: int
    job_id: UUID
    attempt: int
    position: int
    text: bytes
    marks: str | None = None
    """The marks as JSON; None if the program that stored the piece knew none."""

    @property
    def piece(self) -> Piece:
        """The text with its marks."""
        return Piece(self.position, self.text, marks_from_json(self.marks))


def store(database: Database, fence: Fence, pieces: Sequence[Piece], max_bytes: int) -> None:
    """Store new output of an attempt, as long as the fence holds. Only inside a transaction.

    At most `max_bytes` of all output of the attempt are kept.
    """
    size = max(4, max_bytes // _PARTS)
    parts = [part for piece in pieces for part in _split(piece, size)]
    if not parts:
        return
    version = database.next_version(len(parts)) - len(parts)
    insert = database.statement("output", _insert)
    held = {"job_id": fence.job_id, "holder": fence.runner, "attempt": fence.attempt}
    for number, part in enumerate(parts, version + 1):
        marks = marks_to_json(part.marks) if part.marks else None
        values = {"position": part.position, "text": part.text, "marks": marks}
        database.change(insert, {**held, "version": number, **values})
    middle = {"start": max_bytes // 4, "end": parts[-1].end - max_bytes // 2}
    database.change(database.statement("middle", _delete_middle), {**held, **middle})


class OutputReader:
    """Reads stored output; may be used by many threads. Methods raise StoreError."""

    def __init__(self, database: Database):
        self._database = database

    def of_attempt(self, job_id: UUID, attempt: int) -> list[OutputPiece]:
        """Return the stored output of an attempt, ordered by position."""
        query = self._database.statement("output of attempt", _select_of_attempt)
        return self._parts(query, {"job_id": job_id, "attempt": attempt})

    def of_job(self, job_id: UUID, version: int) -> list[OutputPiece]:
        """Return the output of all attempts of a job after a version, in order of versions."""
        query = self._database.statement("output of job", _select_of_job)
        return sorted(self._parts(query, {"job_id": job_id, "version": version}), key=_version)

    def between(self, version: int, newest: int) -> list[OutputPiece]:
        """Return at most PAGE pieces after `version` and up to `newest`, in order of versions."""
        query = self._database.statement("outputs", _select_between)
        return self._parts(query, {"version": version, "newest": newest})

    def _parts(self, query: Statement, values: Row) -> list[OutputPiece]:
        rows = self._database.fetch(query, values)
        return [OutputPiece(**{**row, "text": bytes(row["text"])}) for row in rows]


def _split(piece: Piece, size: int) -> Iterator[Piece]:
    """Split a piece before a log entry or after a newline if possible, and never within a UTF-8
    character."""
    position, text, marks = piece
    while text:
        end = len(text)
        if end > size:
            end = text.rfind(b"\n", 0, size) + 1 or size
            back = next((n for n in range(4) if text[end - n] & 0xC0 != 0x80), 0)
            end -= back
            end = _before_entry(position, end, marks)
        before, after = cut(marks, position + end)
        yield Piece(position, text[:end], tuple(before))
        position, text, marks = position + end, text[end:], tuple(after)


def _before_entry(position: int, size: int, marks: Sequence[Mark]) -> int:
    """Return a smaller size if the text would else end within a log entry that begins in it."""
    before, after = cut(marks, position + size)
    if not before or before[-1].is_run or (after and after[0].position == position + size):
        return size
    return before[-1].position - position or size


def _version(part: OutputPiece) -> int:
    return part.version


def _insert() -> pw.Insert:
    """Insert a piece, only for the holder of the attempt. An existing piece is kept."""
    given = (
        parameter(OutputRow.version),
        JobRow.id,
        JobRow.attempt,
        parameter(OutputRow.position),
        parameter(OutputRow.text),
        parameter(OutputRow.marks),
    )
    held = JobRow.select(*given).where(
        JobRow.id == parameter(JobRow.id, "job_id"),
        JobRow.locked_by == parameter(JobRow.locked_by, "holder"),
        JobRow.attempt == parameter(JobRow.attempt),
    )
    return OutputRow.insert_from(held, list(OutputRow._meta.sorted_fields)).on_conflict_ignore()


def _delete_middle() -> pw.Delete:
    end = OutputRow.position + pw.fn.LENGTH(OutputRow.text)
    return OutputRow.delete().where(
        OutputRow.job_id == parameter(OutputRow.job_id, "job_id"),
        OutputRow.attempt == parameter(OutputRow.attempt),
        OutputRow.position >= parameter(OutputRow.position, "start"),
        end <= parameter(OutputRow.position, "end"),
    )


def _select_of_attempt() -> pw.Select:
    return (
        OutputRow.select()
        .where(
            OutputRow.job_id == parameter(OutputRow.job_id),
            OutputRow.attempt == parameter(OutputRow.attempt),
        )
        .order_by(OutputRow.position)
    )


def _select_of_job() -> pw.Select:
    return OutputRow.select().where(
        OutputRow.job_id == parameter(OutputRow.job_id),
        OutputRow.version > parameter(OutputRow.version),
    )


def _select_between() -> pw.Select:
    return (
        OutputRow.select()
        .where(
            OutputRow.version > parameter(OutputRow.version),
            OutputRow.version <= parameter(OutputRow.version, "newest"),
        )
        .order_by(OutputRow.version)
        .limit(PAGE)
    )

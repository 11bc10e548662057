"""The output of attempts: pieces of text, and marks that say what the text is.

The text is what a job prints and logs, byte by byte. Marks lie beside it, so that programs that do
not know them can read it all the same. Positions count bytes from the start of the output:

    text    one\\n 2026-11-29T10:00:00.123Z INFO job: two {"rows":5}\\n three\\n
    marks   ▲    ▲                                                 ▲
            │    └ a log entry: time, level, sizes of its parts    └ a run of stdout
            └ a run of stdout or stderr: the stream, and when the worker has read it
"""

import json
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from storage.records.json_values import JsonValue


class Stream(IntEnum):
    """Where text comes from. The numbers are stored."""

    LOG = 0
    STDOUT = 1
    STDERR = 2


class Mark(NamedTuple):
    """Says what the text is from a position to the next mark.

    The text of a log entry is a head, which ends with the name of the logger and ": ", the message,
    its fields as JSON after a space, and a traceback, if there is one. All sizes are in bytes, and
    0 for a run.
    """

    position: int
    stream: int
    time: int
    """In milliseconds since 1970."""
    level: int = 0
    """The level of `logging`, such as 20 for INFO."""
    head: int = 0
    logger: int = 0
    message: int = 0
    fields: int = 0

    @property
    def is_run(self) -> bool:
        """Whether the text is printed, not logged."""
        return self.stream != Stream.LOG


class Piece(NamedTuple):
    """A piece of an attempt's output, with the marks inside of it in order of their positions."""

    position: int
    text: bytes
    marks: tuple[Mark, ...] = ()

    @property
    def end(self) -> int:
        """The position after the last byte."""
        return self.position + len(self.text)


_RUN_SIZE, _ENTRY_SIZE = 3, len(Mark._fields)
_LARGEST = 2**53
_LATEST = 10**13
"""A time in the year 2286, in milliseconds. Later times of a job are its mistake, or a trick."""


def compact(marks: Iterable[Mark]) -> list[list[int]]:
    """Return marks as lists of integers, for JSON. Marks of runs have only the first three."""
    return [list(mark[:_RUN_SIZE] if mark.is_run else mark) for mark in marks]


def marks_to_json(marks: Iterable[Mark]) -> str:
    """Return marks as JSON text."""
    return json.dumps(compact(marks), separators=(",", ":"))


def marks_from_json(text: str | None) -> tuple[Mark, ...]:
    """Return the marks in JSON text; none for None, and for text that is nothing of this kind."""
    try:
        return read_marks(json.loads(text)) if text else ()
    except ValueError:
        return ()


def read_marks(value: JsonValue) -> tuple[Mark, ...]:
    """Return the marks that `compact` has made. Raises ValueError for anything else."""
    if not isinstance(value, list):
        raise ValueError("marks are not a list")
    return tuple(map(_read_mark, value))


def _read_mark(value: JsonValue) -> Mark:
    if not isinstance(value, list) or not all(
        type(each) is int and 0 <= each <= _LARGEST for each in value
    ):
        raise ValueError("a mark is not a list of integers")
    if value[2:3] >= [_LATEST]:
        raise ValueError("the time of a mark is too late")
    if len(value) == _ENTRY_SIZE and value[1] == Stream.LOG:
        return Mark(*value)
    if len(value) == _RUN_SIZE and value[1] in (Stream.STDOUT, Stream.STDERR):
        return Mark(*value)
    raise ValueError("a mark has the wrong length for its stream")


def cut(marks: Sequence[Mark], position: int) -> tuple[list[Mark], list[Mark]]:
    """Return the marks before a position and those from it on.

    If a run goes on at the position, the second part begins with a mark of it.
    """
    before = [mark for mark in marks if mark.position < position]
    after = list(marks[len(before) :])
    if before and before[-1].is_run and (not after or after[0].position > position):
        after.insert(0, before[-1]._replace(position=position))
    return before, after

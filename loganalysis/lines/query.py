"""A question for lines of a file."""

from dataclasses import dataclass

from loganalysis.records.rule import Records
from loganalysis.templates.levels import LineKind
from loganalysis.times.time_limits import TimeLimit

MAX_LINES = 1000
MAX_CONTEXT = 50


@dataclass(frozen=True)
class LineQuery:
    """Which lines to return: all that meet every condition, with their context.

    `level` and `status`, such as 5xx, are as in an overview.
    `start` is included, `end` is not. `line` is the number of the first line that is considered.
    `limit` is the number of lines, without context. `cursor` is the end of the page before. With
    `records`, whole records are returned and counted, and `line` is one within the first record.
    """

    match: str | None = None
    regex: str | None = None
    ignore_case: bool = False
    level: str | None = None
    status: str | None = None
    start: TimeLimit | None = None
    end: TimeLimit | None = None
    line: int | None = None
    before: int = 0
    after: int = 0
    limit: int | None = None
    cursor: str | None = None
    records: Records | None = None

    @property
    def kind(self) -> LineKind:
        """The kind of the lines."""
        return LineKind(self.level, self.status)

    @property
    def has_times(self) -> bool:
        """Whether only lines in a range of time are wanted."""
        return self.start is not None or self.end is not None

    @property
    def needs_last_time(self) -> bool:
        """Whether a limit is relative to the last time in the file."""
        return any(each is not None and each.is_relative for each in (self.start, self.end))

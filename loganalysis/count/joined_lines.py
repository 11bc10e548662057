"""The interface of records, for a scanner: what it needs if each line of its source is a record."""

from typing import Protocol

import stringzilla

from loganalysis.count.lines import LineOptions, Lines
from loganalysis.match.c_scanner import Kernel
from loganalysis.read.stored import Stored
from loganalysis.read.window import Reader, Window

LINE_END = b"\f"
"""Instead of a newline within a record. A form feed of the data itself becomes a space."""


def unjoined(text: bytes) -> bytes:
    """The lines of a record with newlines between them, as clients get them."""
    return text.replace(b"\r" + LINE_END, b"\n").replace(LINE_END, b"\n")


class JoinedLines(Protocol):
    """The lines of the file that the records of a moving window have, see records/lines.py.

    `view` and `text` show the bytes of the window with all newlines of the file, `lowercase_text`
    in lower case. `lines` counts records if lines are counted.
    """

    view: memoryview
    text: stringzilla.Str
    lowercase_text: stringzilla.Str
    lines: Lines | None

    @property
    def records(self) -> int | None:
        """The number of records so far, if lines are counted."""

    def start_window(self) -> None:
        """Follow the window, which has moved."""

    def number_literals(self, kernel: Kernel) -> None:
        """Number the matching records of literals, before `lines` finishes the window."""

    def literal_lines(self, number: int) -> tuple[int | None, int | None]:
        """The numbers of the first lines of the first and the last record of a literal."""

    def number_at(self, position: int) -> int:
        """The number of the first line of the record at a position of the window's view."""


class JoinsLines(Protocol):
    """How the lines of each record of a file are joined, see records/plan.py."""

    def source(self, source: Reader, /) -> Reader:
        """The data of a source, with one line for each record."""

    def lines(
        self, window: Window, options: LineOptions | None, needs_lowercase: bool
    ) -> JoinedLines:
        """The lines of a window over such a source."""

    def next_start(self, file: Stored, cut: int, size: int, is_dated: bool) -> int:
        """The offset of the first record that begins at or after `cut`, or `size`.

        If `is_dated`, it is the first one with a time.
        """

"""Prints the output of commands: tables for people, JSON for programs, progress for people."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TextIO

from jobservice.cli import exits, program
from jobservice.cli.output import formats
from jobservice.json_values import JsonValue

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.table import Table

STYLES = {
    "queued": "blue",
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "canceled": "yellow",
    "paused": "yellow",
}
"""Colors of statuses."""

BAR_WIDTH = 20
MAX_NAME = 40

Cell = str | tuple[str, str]
"""Text, or text with a style of rich."""


def is_terminal(stream: TextIO) -> bool:
    """Whether a person sees this stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class Output:
    """The output of one command."""

    def __init__(self, as_json: bool = False):
        self.as_json = as_json
        self.on_terminal = is_terminal(sys.stdout)
        is_watched = self.on_terminal and is_terminal(sys.stderr)
        self.shows_progress = is_watched and not as_json
        self.can_ask = is_watched and sys.stdin is not None and sys.stdin.isatty()
        self.ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")

    @cached_property
    def console(self) -> "Console":
        """rich's view of standard output, which is a terminal. It obeys NO_COLOR, and old consoles
        of Windows get colors, too."""
        from rich.console import Console

        return Console(highlight=False, markup=False)

    def write(self, text: str) -> None:
        """Write text as it is, at once."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def styled(self, text: str, style: str) -> None:
        """Write text with a style of rich to the terminal, at once. Nothing is wrapped."""
        from rich.text import Text

        self.console.print(Text.from_ansi(text.rstrip("\n"), style=style), soft_wrap=True)

    def line(self, text: str = "") -> None:
        """Write a line of text that may come from a job."""
        self.write(formats.printable(text) + "\n")

    def document(self, value: JsonValue) -> None:
        """Write one JSON document: indented for people, one line for programs."""
        self.write(json.dumps(value, indent=2 if self.on_terminal else None) + "\n")

    def item(self, value: JsonValue) -> None:
        """Write a line of JSON Lines."""
        self.write(json.dumps(value) + "\n")

    def value(self, value: JsonValue) -> None:
        """Write a result for people: text as it is, anything else as indented JSON."""
        text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        self.line(text)

    def note(self, text: str) -> None:
        """Write a line to standard error, such as an error or a hint."""
        sys.stderr.write(formats.printable(text) + "\n")
        sys.stderr.flush()

    def report(self, text: str) -> None:
        """Write what went wrong to standard error, after the name of the command."""
        self.note(f"{program.name()}: {text}")

    def hint(self, text: str) -> None:
        """Write a line to standard error if a person is watching."""
        if self.shows_progress:
            self.note(text)

    def error(self, error: Exception) -> None:
        """Report an error of a command in one line."""
        if self.as_json:
            self.note(json.dumps(exits.document_of(error)))
        else:
            self.report(exits.message_of(error))

    def shortened(self, text: str, length: int = MAX_NAME) -> str:
        """The text for a column: a terminal gets at most this many characters of it."""
        if self.on_terminal and len(text) > length:
            return text[: length - 1] + "…"
        return text

    def bar(self, count: int, most: int) -> Cell:
        """A bar whose length shows the share of a count in the largest one."""
        return formats.bar(count / most if most else 0, BAR_WIDTH, self.ascii_only), "cyan"

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[Cell]], right: Sequence[str] = ()
    ) -> None:
        """Write a table. Columns named in `right` are aligned to the right.

        A terminal shows it in color, and cuts off what is too wide.
        """
        if not self.on_terminal:
            self.write("".join(f"{line}\n" for line in _plain_table(columns, rows, right)))
            return
        self.console.print(build_table(columns, rows, right))

    def fields(self, rows: Iterable[tuple[str, Cell]]) -> None:
        """Write pairs of a name and a value, in two columns. Nothing is cut off."""
        pairs = list(rows)
        width = max((len(name) for name, _ in pairs), default=0)
        for name, value in pairs:
            self.cells([name.ljust(width), value])

    def cells(self, cells: Sequence[Cell]) -> None:
        """Write one line with these texts, in color on terminals. Nothing is cut off."""
        texts = [(cell, "") if isinstance(cell, str) else cell for cell in cells]
        if not self.on_terminal:
            self.line("  ".join(text for text, _ in texts).rstrip())
            return
        from rich.text import Text

        shown = [Text(formats.printable(text), style=style) for text, style in texts]
        self.console.print(Text("  ").join(shown), soft_wrap=True)


def _plain_table(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], right: Sequence[str]
) -> Iterator[str]:
    """The lines of a table as text, complete and without color."""
    cells = [[cell[0] if isinstance(cell, tuple) else cell for cell in row] for row in rows]
    lines = [list(columns), *([formats.printable(cell) for cell in row] for row in cells)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        aligned = (
            text.rjust(width) if column in right else text.ljust(width)
            for text, width, column in zip(line, widths, columns, strict=True)
        )
        yield "  ".join(aligned).rstrip()


def build_table(
    columns: Sequence[str], rows: Iterable[Sequence[Cell]], right: Sequence[str] = ()
) -> "Table":
    """A table of rich without lines. If it is too wide, the last column is cut off.

    A last column of texts takes all space that is left; numbers would stand far from the others.
    """
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.expand = columns[-1] not in right
    for number, column in enumerate(columns, 1):
        ratio = 1 if table.expand and number == len(columns) else None
        justify: JustifyMethod = "right" if column in right else "left"
        table.add_column(column, justify=justify, ratio=ratio, no_wrap=True)
    for row in rows:
        cells = (cell if isinstance(cell, tuple) else (cell, "") for cell in row)
        table.add_row(*(Text(formats.printable(text), style=style) for text, style in cells))
    return table


def status_cell(status: str) -> Cell:
    """A status in its color."""
    return status, STYLES.get(status, "")

"""Tables with bars as plain text, for a terminal."""

import unicodedata
from collections.abc import Iterator, Sequence

BAR_WIDTH = 20
MAX_NAME_WIDTH = 40
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], counts: Sequence[int]
) -> Iterator[str]:
    """Yield aligned lines: the first column to the left, numbers to the right, then a bar."""
    most = max(counts, default=0)
    cells = [heads, *rows] if heads else rows
    widths = [max(map(width, column)) for column in zip(*cells, strict=True)]
    bars = [bar(count, most) for count in counts]
    for row, shown in zip(cells, ["", *bars] if heads else bars, strict=True):
        first = row[0] + " " * (widths[0] - width(row[0]))
        others = [cell.rjust(size) for cell, size in zip(row[1:], widths[1:], strict=True)]
        yield "  ".join([first, *others, shown]).rstrip()


def bar(count: int, most: int) -> str:
    """A bar whose length is in proportion to the count; visible unless the count is 0."""
    eighths = -(-count * BAR_WIDTH * 8 // most) if most else 0
    return _EIGHTHS[8] * (eighths // 8) + _EIGHTHS[eighths % 8].strip()


def clean(text: str) -> str:
    """The text in one line, without control characters: a terminal would obey them."""
    shown = text.replace("\t", " ")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)


def shortened(text: str, length: int = MAX_NAME_WIDTH) -> str:
    """The text as `clean` returns it, cut to a number of characters."""
    shown = clean(text)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def width(text: str) -> int:
    """How many columns a terminal needs for a text."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(map(bool, map(unicodedata.combining, text)))

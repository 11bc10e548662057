"""Texts with `{parameters}`, as commands have them in their arguments and environment.

    "--title={title}" ─▶ ["--title=", Name("title")] ─▶ "--title=A & B"

`{{` and `}}` are braces. A text becomes one argument, whatever its values contain: there is no
shell, and nothing is split at spaces.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

_PIECES = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}|[^{}]+|[{}]")


@dataclass(frozen=True)
class Name:
    """The place of a value in a text."""

    name: str


@dataclass(frozen=True)
class Template:
    """A text with places for values. Raises ValueError for a brace that is neither."""

    text: str

    def __post_init__(self) -> None:
        _ = self.pieces

    @cached_property
    def pieces(self) -> tuple[str | Name, ...]:
        """The literal texts and the places, in their order."""
        return tuple(_parse(self.text))

    @property
    def names(self) -> list[str]:
        """The names of all values."""
        return [each.name for each in self.pieces if isinstance(each, Name)]

    @property
    def first_names(self) -> list[str]:
        """The names of the values with which the text may begin: no literal is before them."""
        first: list[str] = []
        for each in self.pieces:
            if not isinstance(each, Name):
                break
            first.append(each.name)
        return first

    def fill(
        self, values: Mapping[str, object], quote: Callable[[str], str] = lambda text: text
    ) -> str:
        """Return the text with the values in their places. `quote` changes each value."""
        return "".join(
            quote(text_of(values[each.name])) if isinstance(each, Name) else each
            for each in self.pieces
        )


def _parse(text: str) -> Iterator[str | Name]:
    for found in _PIECES.finditer(text):
        piece = found[0]
        if found[1]:
            yield Name(found[1])
        elif piece in ("{{", "}}"):
            yield piece[0]
        elif piece in ("{", "}"):
            raise ValueError(
                f"{text!r}: a {piece} must be doubled, unless it encloses a name, such as {{width}}"
            )
        else:
            yield piece


def text_of(value: object) -> str:
    """Return a value as an argument has it: true, 5, 0.25, without an exponent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = f"{Decimal(repr(value)):f}"
        return text.removesuffix(".0")
    return str(value)

"""Layouts of lines: regexes of a small kind that need no backtracking, so that C can follow them.

    (?P<client>[^ ]+) \\[(?P<time>[^\\]]+)\\](?: (?P<bytes>\\d+))?.*

A layout begins at the start of a line. It may contain

    a  \\.  \\d  [^"]  .                    one character
    +  *  ?  {2}  {1,3}                    after a character; as many as there are
    (?P<name>…)                            a field
    (?:…)?                                 an optional piece, used whole or not at all
    (?:[^"\\\\]|\\\\.)*                        text in quotes, with escaped ones
    .*?text                                everything up to and with the next such text

Repetitions never give characters back, and an optional piece that fits is used. So a line is read
from left to right, once. `regex` is the same layout for Python, with the same results.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

UNLIMITED = 0xFFFFFFFF
"""The maximum of a repetition that has none."""
QUOTED_TEXT = r'(?:[^"\\]|\\.)*'
"""Text in quotes, as a layout contains it."""
ANY = frozenset(range(256)) - {10}
"""The bytes of a line."""
_DIGITS = frozenset(b"0123456789")
_REPEATED = re.compile(r"([+*?])|\{(\d+)(?:,(\d*))?\}")
_FIELD = re.compile(r"\(\?P<(\w+)>")


@dataclass(frozen=True)
class Run:
    """Bytes of one kind: at least `least` of them, and as many as there are up to `most`."""

    bytes: frozenset[int]
    least: int = 1
    most: int = 1


@dataclass(frozen=True)
class Quoted:
    """Text in which a backslash escapes the next byte, up to a quotation mark or the end."""


@dataclass(frozen=True)
class Seek:
    """Everything up to and with the next occurrence of a text."""

    text: bytes


@dataclass(frozen=True)
class Field:
    """Steps whose bytes are the value of a field."""

    name: str
    steps: tuple["Step", ...]


@dataclass(frozen=True)
class Optional:
    """Steps that are left out if they do not fit."""

    steps: tuple["Step", ...]


Step = Run | Quoted | Seek | Field | Optional


class LayoutError(ValueError):
    """The text of a layout contains something that layouts cannot have."""


class Layout:
    """A layout, as steps and as a regex."""

    def __init__(self, text: str) -> None:
        """Raises LayoutError."""
        self.text = text
        self.steps = _Parser(text).parse()
        self.fields = tuple(_names(self.steps))
        """The names of all fields, in the order of the line."""

    @cached_property
    def regex(self) -> re.Pattern[bytes]:
        """The layout as a regex of Python that does not give characters back either."""
        return re.compile(_regex(self.steps), re.DOTALL)

    def needed_for(self, names: Sequence[str]) -> tuple[Step, ...]:
        """The steps without those at the end that always fit and contain none of these fields."""
        steps = list(self.steps)
        while steps and _always_fits(steps[-1]) and not set(_names(steps[-1:])) & set(names):
            steps.pop()
        return tuple(steps)


def _names(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Field):
            yield step.name
        if isinstance(step, Field | Optional):
            yield from _names(step.steps)


def _always_fits(step: Step) -> bool:
    if isinstance(step, Run):
        return step.least == 0
    if isinstance(step, Field):
        return all(_always_fits(each) for each in step.steps)
    return isinstance(step, Optional | Quoted)


def _regex(steps: Sequence[Step]) -> bytes:
    return b"".join(_regex_of(step) for step in steps)


def _regex_of(step: Step) -> bytes:
    match step:
        case Run(kinds, least, most):
            limit = b"" if most == UNLIMITED else b"%d" % most
            return b"%b{%d,%b}+" % (_class(kinds), least, limit)
        case Quoted():
            return rb'(?>[^"\\]|\\.)*+'
        case Seek(text):
            return b"(?>.*?%b)" % re.escape(text)
        case Field(name, inner):
            return b"(?P<%b>%b)" % (name.encode(), _regex(inner))
        case Optional(inner):
            return b"(?>%b)?+" % _regex(inner)


def _class(kinds: frozenset[int]) -> bytes:
    """The class of some bytes. Short classes are compiled in a tenth of the time."""
    others = frozenset(range(256)) - kinds
    if len(others) < len(kinds):
        return b"[^%b]" % _listed(others) if others else b"."
    return b"[%b]" % _listed(kinds)


def _listed(kinds: frozenset[int]) -> bytes:
    return b"".join(rb"\x%02x" % byte for byte in sorted(kinds))


@cache
def layout_of(text: str) -> Layout:
    """The layout with this text, parsed once."""
    return Layout(text)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def parse(self) -> tuple[Step, ...]:
        steps = self._steps()
        if self._at < len(self._text):
            raise LayoutError(f"it has a ) too many at character {self._at + 1}")
        return steps

    def _steps(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        while self._at < len(self._text) and self._text[self._at] != ")":
            steps.append(self._step())
        return tuple(steps)

    def _step(self) -> Step:
        if self._takes(QUOTED_TEXT):
            return Quoted()
        if self._takes(".*?"):
            return Seek(self._literal())
        if field := _FIELD.match(self._text, self._at):
            self._at = field.end()
            return Field(field[1], self._group(")"))
        if self._takes("(?:"):
            return Optional(self._group(")?"))
        return self._repeated(self._kinds())

    def _group(self, end: str) -> tuple[Step, ...]:
        steps = self._steps()
        if not self._takes(end):
            raise LayoutError(f"{end} is missing at character {self._at + 1}")
        return steps

    def _takes(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) * found
        return found

    def _repeated(self, kinds: frozenset[int]) -> Run:
        found = _REPEATED.match(self._text, self._at)
        if not found:
            return Run(kinds)
        self._at = found.end()
        if found[1]:
            return Run(kinds, int(found[1] == "+"), 1 if found[1] == "?" else UNLIMITED)
        most = found[2] if found[3] is None else found[3] or UNLIMITED
        return Run(kinds, int(found[2]), int(most))

    def _literal(self) -> bytes:
        """The plain characters from here on, up to a group, a class or a repetition."""
        text = bytearray()
        while self._at < len(self._text) and self._text[self._at] not in "()[.":
            start, kinds = self._at, self._kinds()
            if len(kinds) != 1 or _REPEATED.match(self._text, self._at):
                self._at = start
                break
            text += bytes(kinds)
        if not text:
            raise LayoutError("no text follows .*?")
        return bytes(text)

    def _kinds(self) -> frozenset[int]:
        """The bytes that the next character of the layout stands for."""
        char = self._next()
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escaped()
        if char in "()*+?{}|^$":
            raise LayoutError(f"{char} is not possible at character {self._at}")
        return ANY if char == "." else frozenset(char.encode("ascii"))

    def _next(self) -> str:
        if self._at >= len(self._text):
            raise LayoutError("it ends too early")
        self._at += 1
        return self._text[self._at - 1]

    def _escaped(self) -> frozenset[int]:
        char = self._next()
        if char == "d":
            return _DIGITS
        if char.isalnum():
            raise LayoutError(f"\\{char} is not possible at character {self._at}")
        return frozenset(char.encode("ascii"))

    def _class(self) -> frozenset[int]:
        negated = self._takes("^")
        kinds: set[int] = set()
        while not self._takes("]"):
            char = self._next()
            first = self._escaped() if char == "\\" else frozenset(char.encode("ascii"))
            if self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1] != "]":
                self._at += 1
                kinds |= set(range(min(first), ord(self._next()) + 1))
            kinds |= first
        return ANY - kinds if negated else frozenset(kinds)

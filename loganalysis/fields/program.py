"""Walkers: how C finds the fields of lines that have a format. native/fields.h has their struct."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from loganalysis.fields.layout import (
    ANY,
    UNLIMITED,
    Field,
    Layout,
    Optional,
    Quoted,
    Run,
    Seek,
    Step,
)

LAYOUT, JSON, LOGFMT, EXPORT = range(4)
"""Kinds of walkers, as `enum walker_kind` has them."""
_RUN, _BEGIN, _END, _OPTIONAL, _OPTIONAL_END, _QUOTED, _SEEK, _TEXT, _UNTIL = range(9)
_MAX_DEPTH = 8


@dataclass(frozen=True)
class Walker:
    """A walker: its steps as words, its classes of 256 bytes each, and its texts."""

    kind: int
    steps: tuple[int, ...]
    classes: bytes = b""
    texts: bytes = b""


def named_walker(kind: int, names: Sequence[str]) -> Walker:
    """A walker for lines that name their fields: the n-th name is field n. Empty names are of
    fields that are found in another way."""
    texts = [name.encode() for name in names]
    steps: list[int] = []
    for number, text in enumerate(texts):
        if text:
            steps += (sum(map(len, texts[:number])), len(text), number)
    return Walker(kind, tuple(steps), texts=b"".join(texts))


def layout_walker(layout: Layout, names: Sequence[str]) -> Walker:
    """A walker for lines that have a layout: the n-th name is field n."""
    encoder = _Encoder(names)
    encoder.add(layout.needed_for(names))
    classes = b"".join(bytes(byte in kinds for byte in range(256)) for kinds in encoder.classes)
    return Walker(LAYOUT, tuple(encoder.words), classes, bytes(encoder.texts))


class _Encoder:
    def __init__(self, names: Sequence[str]) -> None:
        self.words: list[int] = []
        self.classes: list[frozenset[int]] = []
        self.texts = bytearray()
        self._numbers = {name: number for number, name in enumerate(names)}
        self._depth = 0
        self._last_text = -1  # position of the fixed text that the next byte continues

    def add(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if _is_byte(step):
                self._add_byte(step)
            else:
                self._last_text = -1
                self._add(step)
        self._last_text = -1

    def _add_byte(self, step: Run) -> None:
        """Add one byte of a fixed text, to the text before if there is one."""
        if self._last_text < 0:
            self._last_text = len(self.words)
            self.words += (_TEXT, len(self.texts), 0)
        self.words[self._last_text + 2] += 1
        self.texts += bytes(step.bytes)

    def _add(self, step: Step) -> None:
        match step:
            case Run(kinds, least, most) if most == UNLIMITED and len(ANY - kinds) < 3:
                ends = sorted(ANY - kinds) or [10]
                self.words += (_UNTIL, ends[0], ends[-1], least)
            case Run(kinds, least, most):
                self.words += (_RUN, self._class(kinds), least, most)
            case Quoted():
                self.words.append(_QUOTED)
            case Seek(text):
                self.words += (_SEEK, len(self.texts), len(text))
                self.texts += text
            case Optional(steps):
                self._optional(steps)
            case Field(name, steps) if name in self._numbers:
                self.words += (_BEGIN, self._numbers[name])
                self.add(steps)
                self.words += (_END, self._numbers[name])
            case Field(_, steps):
                self.add(steps)

    def _class(self, kinds: frozenset[int]) -> int:
        if kinds not in self.classes:
            self.classes.append(kinds)
        return self.classes.index(kinds)

    def _optional(self, steps: Sequence[Step]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError("optional pieces are nested too deeply")
        start = len(self.words)
        inside = [self._numbers[name] for name in _fields_of(steps) if name in self._numbers]
        self.words += (_OPTIONAL, 0, sum(1 << number for number in inside))
        self.add(steps)
        self.words.append(_OPTIONAL_END)
        self.words[start + 1] = len(self.words)
        self._depth -= 1


def _is_byte(step: Step) -> TypeGuard[Run]:
    return isinstance(step, Run) and step.least == step.most == len(step.bytes) == 1


def _fields_of(steps: Sequence[Step]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Field):
            yield step.name
        if isinstance(step, Field | Optional):
            yield from _fields_of(step.steps)

"""Finds the lines of a block that contain a text, match a regex, and are of a kind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from stringzilla import Str

from loganalysis.match.patterns import MAX_MEMORY, Literal, Pattern, Regex, errors_of, prepare
from loganalysis.match.re2_regex import ANYWHERE, CompiledRegex
from loganalysis.read.errors import PatternError
from loganalysis.templates.levels import ANY_KIND, LineKind

MAX_SPANS = 100
"""Matches of a line that are reported."""

Span = tuple[int, int]


class FieldProblem(Exception):
    """A parameter of a request for lines is wrong. `field` is its name."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(field, detail)
        self.field = field
        self.detail = detail


@dataclass(frozen=True)
class _Text:
    """A text to find, in lower case if case is ignored."""

    text: bytes

    def next(self, data: bytes, text: Str, start: int, end: int) -> Span | None:
        """The first match between two positions of a block, or of its lower-case copy."""
        at = text.find(self.text, start, end)
        return None if at < 0 else (at, at + len(self.text))


class _Regex:
    """A regex of RE2. If each match contains a known text, only lines with it are searched."""

    def __init__(self, regex: Regex) -> None:
        self._regex, self._required = CompiledRegex(regex.source, MAX_MEMORY), regex.required

    def next(self, data: bytes, text: Str, start: int, end: int) -> Span | None:
        """The first match between two positions, which are borders of lines."""
        while start < end:
            stop = end
            if self._required:
                at = text.find(self._required, start, end)
                if at < 0:
                    return None
                start = max(data.rfind(b"\n", start, at) + 1, start)
                stop = data.find(b"\n", at, end)
                stop = end if stop < 0 else stop
            found, found_end = self._regex.match(ANYWHERE, data, start, stop)[0]
            if found >= 0:
                return found, found_end
            start = stop + 1
        return None


class Matcher:
    """The conditions on a line: all of them must hold."""

    def __init__(
        self,
        match: str | None,
        regex: str | None,
        ignore_case: bool,
        kind: LineKind = ANY_KIND,
    ) -> None:
        """`match` is a text to find, `regex` a regex of RE2. Raises FieldProblem."""
        self._folds, self._kind = ignore_case, kind
        self._conditions: list[_Text | _Regex] = []
        given = (("match", match, False), ("regex", regex, True))
        for field, text, is_regex in given:
            if text is not None:
                self._conditions.append(_condition(field, text, is_regex, ignore_case))

    @property
    def is_empty(self) -> bool:
        """Whether every line matches."""
        return not self._conditions and self._kind.is_any

    def line_starts(self, data: bytes, start: int, borders: bytes) -> Iterator[int]:
        """Yield the start of each matching line of a block, from the start of a line on.

        `borders` is the data itself, or the data with one line for each record. A record matches
        if its first line is of the kind, and each other condition holds in one of its lines.
        """
        starts = self._text_starts(data, start, borders)
        return starts if self._kind.is_any else (at for at in starts if self._kind.has(data, at))

    def _text_starts(self, data: bytes, start: int, borders: bytes) -> Iterator[int]:
        size = len(data)
        if not self._conditions:
            while start < size:
                yield start
                start = borders.find(b"\n", start) + 1 or size
            return
        text = self._searched(data)
        first, *others = self._conditions
        while found := first.next(data, text, start, size):
            line = max(borders.rfind(b"\n", start, found[0]) + 1, start)
            start = borders.find(b"\n", found[0]) + 1 or size
            if all(each.next(data, text, line, start) for each in others):
                yield line

    def spans(self, line: bytes) -> list[Span]:
        """The matches in a line, as positions of bytes, ascending; up to MAX_SPANS."""
        text = self._searched(line)
        found: list[Span] = []
        for condition in self._conditions:
            at = 0
            while len(found) < MAX_SPANS and (span := condition.next(line, text, at, len(line))):
                found.append(span)
                at = span[1]
        return sorted(set(found))

    def _searched(self, data: bytes) -> Str:
        return Str(data.lower() if self._folds else data)


def _condition(field: str, text: str, is_regex: bool, ignore_case: bool) -> _Text | _Regex:
    pattern = Pattern(text, regex=is_regex, ignore_case=ignore_case)
    if errors := errors_of([pattern]):
        raise _problem(field, errors[0])
    (prepared,) = prepare([pattern])
    if isinstance(prepared, Regex):
        return _Regex(prepared)
    assert isinstance(prepared, Literal)
    if b"\n" in prepared.text:
        raise FieldProblem(field, "it must not contain a newline, since lines are searched")
    return _Text(prepared.text)


def _problem(field: str, error: PatternError) -> FieldProblem:
    at = "" if error.position is None else f", at character {error.position + 1}"
    return FieldProblem(field, f"it {error.message}{at}")


def spans_in_characters(line: bytes, spans: Sequence[Span]) -> list[Span]:
    """Convert spans in bytes to positions in the decoded text of the line."""
    if line.isascii():
        return list(spans)
    characters: dict[int, int] = {}
    at = count = 0
    for border in sorted(set(chain.from_iterable(spans))):
        count += len(line[at:border].decode("utf-8", "replace"))
        characters[border], at = count, border
    return [(characters[start], characters[end]) for start, end in spans]

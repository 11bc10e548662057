"""Regexes in a window, by RE2: linear in the text whatever the regex.

Ways that find the same, of which the scanner takes the fastest on the data at hand: `everywhere`
gives RE2 the whole window, `where_inside` the lines that hold a literal which every match must
hold, `from_begin` the places of a literal that every match begins with. There is no fallback:
Python's own `re` may take forever.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from runner.analysis.input.errors import PatternError
from runner.analysis.input.primitives import Text

try:
    re2: Any = import_module("re2")
except ImportError:  # no wheel for this platform
    re2 = None

MAX_MEMORY = 8 << 20  # bytes, of RE2, for each regex
MAX_INSTRUCTIONS = 200_000  # of RE2, in all regexes of a job
_INSTRUCTION_BYTES = 24
_ALL_MEMORY = 24 << 20  # bytes, for all of them
_LEAST_MEMORY = 256 << 10
_NOWHERE = 1 << 62  # find's -1, by this modulus, is behind everything
_CONTEXTS = (b"", b"a", b"-", b"a-", b"-a", b"aa", b"--", b"a -a")
_TESTS = (
    ("(?m)(?:a+b)", b"aab\nab", [(0, 3), (4, 6)]),
    (r"(?m)(?:^a\s*$)", b"a\na\nba", [(0, 1), (2, 3)]),
    (r"(?m)\b(?:a)\b", b"a ab a", [(0, 1), (5, 6)]),
    ("(?mi)(?:E.r)", b"err e\nr ERR", [(0, 3), (8, 11)]),
)

Match = Callable[[Any, Any, int, int], Any]
Way = Callable[[memoryview, Text, int], Iterator[int]]
"""Where matches begin in a view; `text[offset:]` is what the view shows."""


class MemoryBudget:
    """What the regexes of one job may still take: to compile an instruction takes RE2 half a
    microsecond, and holds up whoever checks the job."""

    def __init__(self) -> None:
        self.instructions = MAX_INSTRUCTIONS

    @property
    def memory(self) -> int:
        """Enough for so many instructions, and not for many more."""
        return min(MAX_MEMORY, max(_LEAST_MEMORY, self.instructions * _INSTRUCTION_BYTES))


def compile_regex(index: int, source: str, text: str, room: MemoryBudget) -> None:
    """Check that RE2 takes the regex. Raises PatternError, also if it matches nothing at all."""
    if not available():
        raise PatternError(index, "is a regex, and RE2 is not available here")
    try:
        regex = _compiled(source, room.memory)
    except re2.error as error:
        raise PatternError(index, *_explain(error, text)) from error
    room.instructions -= regex.ProgramSize()
    if room.instructions < 0:
        raise PatternError(index, "makes the regexes of this job too large together")
    match = regex.Match
    for context in _CONTEXTS:
        for at in range(len(context) + 1):
            if match(re2._Anchor.ANCHOR_BOTH, context, at, at)[0][0] >= 0:
                raise PatternError(index, "can match without a character, so everywhere")


def _explain(error: Exception, text: str) -> tuple[str, int | None]:
    """RE2's message, and the position of what it complains about if that is there only once."""
    raw = error.args[0]
    message = raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
    _, _, part = message.partition(": ")
    once = part and text.count(part) == 1 and part != text
    return f"is no regex: {message}", text.find(part) if once else None


def _compile(source: str, memory: int) -> Match:
    match: Match = _compiled(source, memory).Match
    return match


def _compiled(source: str, memory: int) -> Any:
    options = re2.Options()
    options.never_nl = options.never_capture = True
    options.log_errors = False
    options.max_mem = memory
    return re2._Regexp(source, options)._regexp


@cache
def available() -> bool:
    """Whether RE2 is here and passes its test; asked once a process."""
    if re2 is None:
        return False
    try:
        return all(
            _spans(_compile(source, MAX_MEMORY), memoryview(data)) == spans
            for source, data, spans in _TESTS
        )
    except Exception:  # whatever it is, it is not fit
        return False


def _spans(match: Match, data: memoryview) -> list[tuple[int, int]]:
    spans, at = [], 0
    while (span := match(re2._Anchor.UNANCHORED, data, at, len(data))[0])[0] >= 0:
        spans.append(span)
        at = span[1]
    return spans


class RegexSearch:
    """One regex; its matches in a view of whole lines, as the positions where they begin."""

    def __init__(self, source: str, begins: Sequence[bytes], inside: bytes, share: int) -> None:
        """See `Regex`; `share`: with how many regexes RE2's memory is shared."""
        self._match = _compile(source, max(min(MAX_MEMORY, _ALL_MEMORY // share), _LEAST_MEMORY))
        self._begins, self._inside = begins, inside
        self.ways: list[Way] = [self.everywhere]
        if inside:
            self.ways.append(self.where_inside)
        if begins:
            self.ways.append(self.from_begin)

    def everywhere(self, view: memoryview, text: Text, offset: int) -> Iterator[int]:
        """Search all of the view."""
        return self._within(view, 0, len(view))

    def _within(self, view: memoryview, at: int, end: int) -> Iterator[int]:
        match, anchor = self._match, re2._Anchor.UNANCHORED
        while at < end:
            start, at = match(anchor, view, at, end)[0]
            if start < 0:
                return
            yield start

    def where_inside(self, view: memoryview, text: Text, offset: int) -> Iterator[int]:
        """Search the lines that hold the literal; `text[offset:]` is what the view shows."""
        needed, size = self._inside, offset + len(view)
        at = text.find(needed, offset, size)
        while at >= 0:
            begin = text.rfind(b"\n", offset, at) + 1 or offset
            end = text.find(b"\n", at, size)
            end = size if end < 0 else end
            yield from self._within(view, begin - offset, end - offset)
            at = text.find(needed, end, size)

    def from_begin(self, view: memoryview, text: Text, offset: int) -> Iterator[int]:
        """Search where one of the literals is with which each match begins."""
        match, anchor, length = self._match, re2._Anchor.ANCHOR_START, len(view)
        begins, size, find = self._begins, offset + len(view), text.find
        nexts = [find(begin, offset, size) % _NOWHERE for begin in begins]
        while (at := min(nexts)) < size:
            start, stop = match(anchor, view, at - offset, length)[0]
            if start >= 0:
                yield start
            further = at + 1 if start < 0 else stop + offset
            for which, place in enumerate(nexts):
                if place < further:
                    nexts[which] = find(begins[which], further, size) % _NOWHERE

"""Searches a window for regexes with RE2, in linear time for every regex.

RegexSearch has up to three strategies with the same result. AdaptiveRegex chooses the fastest:

    whole_view           RE2 searches everything
    lines_with_literal   RE2 searches the lines with a literal that every match contains
    at_prefixes          RE2 looks at the places of literals that every match begins with

There is no fallback if RE2 is missing: Python's own `re` can take exponential time.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from runner.analysis.input.errors import PatternError
from runner.analysis.input.primitives import Text
from runner.analysis.match.regex_errors import explain

try:
    re2: Any = import_module("re2")
except ImportError:  # no wheel for this platform
    re2 = None

MAX_MEMORY = 8 << 20  # bytes for RE2, for each regex
MAX_INSTRUCTIONS = 200_000  # of RE2, in all regexes of a job
_INSTRUCTION_BYTES = 24
_TOTAL_MEMORY = 24 << 20  # bytes for RE2, for all regexes
_MIN_MEMORY = 256 << 10
_NOWHERE = 1 << 62  # find's -1 modulo this is behind every position
_CONTEXTS = (b"", b"a", b"-", b"a-", b"-a", b"aa", b"--", b"a -a")
_TESTS = (
    ("(?m)(?:a+b)", b"aab\nab", [(0, 3), (4, 6)]),
    (r"(?m)(?:^a\s*$)", b"a\na\nba", [(0, 1), (2, 3)]),
    (r"(?m)\b(?:a)\b", b"a ab a", [(0, 1), (5, 6)]),
    ("(?mi)(?:E.r)", b"err e\nr ERR", [(0, 3), (8, 11)]),
)

Match = Callable[[Any, Any, int, int], Any]
Strategy = Callable[[memoryview, Text, int], Iterator[int]]
"""Yields the positions of matches in a view, ascending; `text[offset:]` shows the same bytes."""


class MemoryBudget:
    """The RE2 instructions and memory that the regexes of a job may still use.

    RE2 takes half a microsecond to compile an instruction, and the submitter of the job waits.
    """

    def __init__(self) -> None:
        self.instructions = MAX_INSTRUCTIONS

    @property
    def is_exceeded(self) -> bool:
        """Whether the regexes are too large together."""
        return self.instructions < 0

    @property
    def memory(self) -> int:
        """Bytes for the remaining instructions, within the limits for a regex."""
        return min(MAX_MEMORY, max(_MIN_MEMORY, self.instructions * _INSTRUCTION_BYTES))


def compile_regex(index: int, source: str, text: str, budget: MemoryBudget) -> None:
    """Check that RE2 accepts a regex. Raises PatternError, also if it matches the empty string.

    `text` is the part of `source` that its author wrote, for the error.
    """
    if not available():
        raise PatternError(index, "is a regex, and RE2 is not available here")
    try:
        regex = _compiled(source, budget.memory)
    except re2.error as error:
        why, position = explain(_error(text, budget.memory) or _message(error), text)
        raise PatternError(index, f"is not a valid regex: {why}", position) from error
    budget.instructions -= regex.ProgramSize()
    if budget.is_exceeded:
        raise PatternError(index, "makes the regexes of this job too large together")
    match = regex.Match
    for context in _CONTEXTS:
        for at in range(len(context) + 1):
            if match(re2._Anchor.ANCHOR_BOTH, context, at, at)[0][0] >= 0:
                raise PatternError(index, "can match the empty string, so everywhere")


def _error(source: str, memory: int) -> str | None:
    """RE2's message about a regex, None if it accepts it."""
    try:
        _compiled(source, memory)
    except re2.error as error:
        return _message(error)
    return None


def _message(error: Exception) -> str:
    raw = error.args[0]
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)


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
    """Whether RE2 is installed and passes its test. The answer is cached."""
    if re2 is None:
        return False
    try:
        return all(
            _spans(_compile(source, MAX_MEMORY), memoryview(data)) == spans
            for source, data, spans in _TESTS
        )
    except Exception:  # whatever is wrong with it, it is not used
        return False


def _spans(match: Match, data: memoryview) -> list[tuple[int, int]]:
    spans, at = [], 0
    while (span := match(re2._Anchor.UNANCHORED, data, at, len(data))[0])[0] >= 0:
        spans.append(span)
        at = span[1]
    return spans


class RegexSearch:
    """One regex, searched in views of whole lines by several strategies."""

    def __init__(
        self, source: str, prefixes: Sequence[bytes], required: bytes, regexes: int
    ) -> None:
        """For the arguments see `Regex`. RE2's memory is shared by `regexes` regexes."""
        self._match = _compile(source, max(min(MAX_MEMORY, _TOTAL_MEMORY // regexes), _MIN_MEMORY))
        self._prefixes, self._required = prefixes, required
        self.strategies: list[Strategy] = [self.whole_view]
        if required:
            self.strategies.append(self.lines_with_literal)
        if prefixes:
            self.strategies.append(self.at_prefixes)

    def whole_view(self, view: memoryview, text: Text, offset: int) -> Iterator[int]:
        """Search the whole view with RE2."""
        return self._search_between(view, 0, len(view))

    def _search_between(self, view: memoryview, at: int, end: int) -> Iterator[int]:
        match, anchor = self._match, re2._Anchor.UNANCHORED
        while at < end:
            start, at = match(anchor, view, at, end)[0]
            if start < 0:
                return
            yield start

    def lines_with_literal(self, view: memoryview, text: Text, offset: int) -> Iterator[int]:
        """Search the lines that contain the required literal."""
        required, size = self._required, offset + len(view)
        at = text.find(required, offset, size)
        while at >= 0:
            line_start = text.rfind(b"\n", offset, at) + 1 or offset
            end = text.find(b"\n", at, size)
            end = size if end < 0 else end
            yield from self._search_between(view, line_start - offset, end - offset)
            at = text.find(required, end, size)

    def at_prefixes(self, view: memoryview, text: Text, offset: int) -> Iterator[int]:
        """Try a match at each occurrence of a prefix."""
        match, anchor, length = self._match, re2._Anchor.ANCHOR_START, len(view)
        prefixes, size, find = self._prefixes, offset + len(view), text.find
        next_starts = [find(prefix, offset, size) % _NOWHERE for prefix in prefixes]
        while (at := min(next_starts)) < size:
            start, stop = match(anchor, view, at - offset, length)[0]
            if start >= 0:
                yield start
            resume = at + 1 if start < 0 else stop + offset
            for index, next_start in enumerate(next_starts):
                if next_start < resume:
                    next_starts[index] = find(prefixes[index], resume, size) % _NOWHERE

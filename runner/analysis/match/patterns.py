"""Patterns, checked and prepared for the search engines.

    Pattern ──prepare──▶ Literal    exact, in lines of any length
                    └──▶ Regex      RE2, line by line; whole words are regexes, too

Literals and whole words ignore the case of ASCII letters only. Regexes use RE2's `(?i)`, which also
folds Unicode letters. A word consists of ASCII letters, digits and `_`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from runner.analysis.input.errors import PatternError
from runner.analysis.match.fixed_length import FixedLengthRegex, fixed_length_regex
from runner.analysis.match.regex_errors import unbalanced
from runner.analysis.match.regex_text import check_regex, required_literals, word_regex
from runner.analysis.match.regexes import MemoryBudget, compile_regex

MAX_ERRORS = 100
"""Wrong patterns that are reported."""
MAX_PATTERN_BYTES = 40_000
"""The longest pattern, in bytes of UTF-8."""


@dataclass(frozen=True)
class Pattern:
    """A text or regex to search for. `word` requires word boundaries on both sides."""

    text: str
    regex: bool = False
    ignore_case: bool = False
    word: bool = False
    name: str = ""

    @property
    def key(self) -> str:
        """The key of its results: the name, or the text if there is no name."""
        return self.name or self.text


@dataclass(frozen=True)
class Literal:
    """Bytes to find. If `folded`, they are in lower case, to be found in lowercase text."""

    index: int
    text: bytes
    folded: bool

    @property
    def overlaps_itself(self) -> bool:
        """Whether one match can begin inside another, as "aa" in "aaa"."""
        text = self.text
        if text[:1] not in text[1:]:  # a suffix that is also a prefix begins with the first byte
            return False
        return any(text.endswith(text[:size]) for size in range(1, len(text)))

    @property
    def spans_lines(self) -> bool:
        """Whether a match can begin in one line and end in another."""
        return b"\n" in self.text[:-1]


@dataclass(frozen=True)
class Regex:
    """A regex for RE2, and literals that help to find it.

    Each match begins with one of `prefixes`, and contains `required`. They are empty if none is
    known, and in lower case if case is ignored (`folded`). `fixed_length` is an equivalent of the
    regex if all its matches have one length.
    """

    index: int
    source: str
    prefixes: tuple[bytes, ...]
    required: bytes
    folded: bool
    fixed_length: FixedLengthRegex | None = None


def errors_of(patterns: Sequence[Pattern | None]) -> list[PatternError]:
    """Check patterns, and return the errors of those that are wrong, up to MAX_ERRORS.

    None stands for a pattern that is known to be wrong.

    If the regexes are too large together, the patterns after that are not checked.
    """
    return list(islice(_errors_of(patterns), MAX_ERRORS))


def _errors_of(patterns: Sequence[Pattern | None]) -> Iterator[PatternError]:
    indexes: dict[str, int] = {}
    budget = MemoryBudget()
    for index, pattern in enumerate(patterns):
        if pattern is None:
            continue
        first = indexes.setdefault(pattern.key, index)
        if first != index:
            yield PatternError(index, f"has the same name as pattern {first}")
            continue
        try:
            _check(index, pattern, budget)
        except PatternError as error:
            yield error
        if budget.is_exceeded:
            return


def _check(index: int, pattern: Pattern, budget: MemoryBudget) -> None:
    _check_text(index, pattern)
    source = _source(pattern)
    if pattern.regex:
        check_regex(index, pattern.text)
        if unbalanced(pattern.text):  # the source could hide that, as in "a)b(c"
            compile_regex(index, pattern.text, pattern.text, budget)
        compile_regex(index, source, pattern.text, budget)
    elif pattern.word:
        compile_regex(index, source, source, budget)


def prepare(patterns: Sequence[Pattern]) -> list[Literal | Regex]:
    """Check patterns and prepare them, in the same order. Raises the first of `errors_of`."""
    for error in _errors_of(patterns):
        raise error
    return [_prepare(index, pattern) for index, pattern in enumerate(patterns)]


def _prepare(index: int, pattern: Pattern) -> Literal | Regex:
    text = pattern.text.encode()
    folded = text.lower() if pattern.ignore_case else text
    if not pattern.regex and not pattern.word:
        return Literal(index, folded, pattern.ignore_case)
    source = _source(pattern)
    if not pattern.regex:
        return Regex(index, source, (folded,), b"", pattern.ignore_case)
    prefixes, required = required_literals(pattern.text, pattern.ignore_case)
    exact = not pattern.ignore_case and not pattern.word
    fixed_length = fixed_length_regex(pattern.text) if exact else None
    return Regex(index, source, prefixes, required, pattern.ignore_case, fixed_length)


def _check_text(index: int, pattern: Pattern) -> None:
    if not pattern.text:
        raise PatternError(index, "is empty, and would be found everywhere")
    try:
        size = len(pattern.text.encode())
    except UnicodeEncodeError as error:
        raise PatternError(index, "holds a lone surrogate", error.start) from error
    if size > MAX_PATTERN_BYTES:
        raise PatternError(index, f"has {size} bytes; at most {MAX_PATTERN_BYTES} are allowed")
    newline = pattern.text.find("\n")
    if pattern.word and not pattern.regex and newline >= 0:
        raise PatternError(index, "holds a newline, so it is no whole word in a line", newline)


def _source(pattern: Pattern) -> str:
    """The regex of a regex or a whole word, in RE2's syntax."""
    if not pattern.regex:
        return word_regex(pattern.text.encode(), pattern.ignore_case)
    body = rf"\b(?:{pattern.text})\b" if pattern.word else f"(?:{pattern.text})"
    return f"(?mi){body}" if pattern.ignore_case else f"(?m){body}"

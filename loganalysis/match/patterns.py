"""Patterns, checked and prepared for the search engines.

    Pattern ──prepare──▶ Literal      exact, in lines of any length
                    ├──▶ Regex        RE2, line by line; whole words are regexes, too
                    └──▶ Combination  of both, line by line

Literals and whole words ignore the case of ASCII letters only. Regexes use RE2's `(?i)`, which also
folds Unicode letters. A word consists of ASCII letters, digits and `_`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from loganalysis.match.fixed_length import FixedLengthRegex, fixed_length_regex
from loganalysis.match.re2_regex import WHOLE, CompiledRegex, RegexError
from loganalysis.match.regex_errors import explain, unbalanced
from loganalysis.match.regex_text import (
    before_line_end,
    check_regex,
    required_literals,
    word_regex,
    words_regex,
)
from loganalysis.read.errors import PatternError

MAX_ERRORS = 100
"""Wrong patterns that are reported."""
MAX_PATTERN_BYTES = 40_000
"""The longest pattern, in bytes of UTF-8."""
MIN_MEMORY, MAX_MEMORY = 256 << 10, 8 << 20
"""Bytes for RE2, for each regex."""

_MAX_INSTRUCTIONS = 200_000  # of RE2, in all regexes of a job
_INSTRUCTION_BYTES = 24
_MAX_KEY = 200  # characters of a combination's key
_CONTEXTS = (b"", b"a", b"-", b"a-", b"-a", b"aa", b"--", b"a -a")


@dataclass(frozen=True)
class Pattern:
    """A text or regex to search for. `word` requires word boundaries on both sides.

    A combination has no text. It matches lines with all of `all`, one of `any` if there are some,
    and none of `none`.
    """

    text: str
    regex: bool = False
    ignore_case: bool = False
    word: bool = False
    name: str = ""
    all: tuple["Pattern", ...] = ()
    any: tuple["Pattern", ...] = ()
    none: tuple["Pattern", ...] = ()

    @property
    def members(self) -> tuple["Pattern", ...]:
        """The patterns that are combined."""
        return (*self.all, *self.any, *self.none)

    @property
    def key(self) -> str:
        """The key of its results: the name, or the text if there is no name."""
        if self.name or not self.members:
            return self.name or self.text
        one_of = [" OR ".join(each.text for each in self.any)] if self.any else []
        needed = " AND ".join([*(each.text for each in self.all), *one_of])
        return "".join([needed, *(f" NOT {each.text}" for each in self.none)])[:_MAX_KEY]


@dataclass(frozen=True)
class Literal:
    """Bytes to find. If `folded`, they are in lower case, to be found in lowercase text."""

    index: int
    text: bytes
    folded: bool

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


@dataclass(frozen=True)
class Combination:
    """Conditions for a line, see Pattern."""

    index: int
    all: tuple[Literal | Regex, ...]
    any: tuple[Literal | Regex, ...]
    none: tuple[Literal | Regex, ...]

    @property
    def members(self) -> tuple[Literal | Regex, ...]:
        """All texts and regexes."""
        return (*self.all, *self.any, *self.none)


Prepared = Literal | Regex | Combination


class MemoryBudget:
    """The RE2 instructions and memory that the regexes of a job may still use.

    RE2 takes half a microsecond to compile an instruction, and the submitter of the job waits.
    """

    def __init__(self) -> None:
        self.instructions = _MAX_INSTRUCTIONS

    @property
    def is_exceeded(self) -> bool:
        """Whether the regexes are too large together."""
        return self.instructions < 0

    @property
    def memory(self) -> int:
        """Bytes for the remaining instructions, within the limits for a regex."""
        return min(MAX_MEMORY, max(MIN_MEMORY, self.instructions * _INSTRUCTION_BYTES))


def errors_of(patterns: Sequence[Pattern | None]) -> list[PatternError]:
    """Check patterns, and return the errors of the wrong ones, up to MAX_ERRORS.

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
    for member in pattern.members:
        _check_member(index, member, budget)
    if pattern.members:
        return
    _check_text(index, pattern)
    source = _source(pattern)
    if pattern.regex:
        check_regex(index, pattern.text)
        if unbalanced(pattern.text):  # the source could hide that, as in "a)b(c"
            _compile(index, pattern.text, pattern.text, budget)
        _compile(index, source, pattern.text, budget)
    elif pattern.word:
        _compile(index, source, source, budget)


def _check_member(index: int, member: Pattern, budget: MemoryBudget) -> None:
    """Check a member of a combination. The error that is raised has its text."""
    try:
        _check(index, member, budget)
        newline = member.text.find("\n")
        if newline >= 0 and not member.regex:
            raise PatternError(index, "holds a newline, so it is in no line", newline)
    except PatternError as error:
        error.text = member.text
        raise


def _compile(index: int, source: str, text: str, budget: MemoryBudget) -> None:
    """Check that RE2 accepts a regex. Raises PatternError, also if it matches the empty string.

    `text` is the part of `source` that its author wrote, for the error.
    """
    try:
        regex = CompiledRegex(source, budget.memory)
    except RegexError as error:
        why, position = explain(_error(text, budget.memory) or str(error), text)
        raise PatternError(index, f"is not a valid regex: {why}", position) from error
    budget.instructions -= regex.instructions
    if budget.is_exceeded:
        raise PatternError(index, "makes the regexes of this job too large together")
    for context in _CONTEXTS:
        for at in range(len(context) + 1):
            if regex.match(WHOLE, context, at, at)[0][0] >= 0:
                raise PatternError(index, "can match the empty string, so everywhere")


def _error(source: str, memory: int) -> str | None:
    """RE2's message about a regex, None if it accepts it."""
    try:
        CompiledRegex(source, memory)
    except RegexError as error:
        return str(error)
    return None


def prepare(patterns: Sequence[Pattern]) -> list[Prepared]:
    """Check patterns and prepare them, in the same order. Raises the first of `errors_of`."""
    for error in _errors_of(patterns):
        raise error
    return [
        _combination(index, pattern) if pattern.members else _prepare(index, pattern)
        for index, pattern in enumerate(patterns)
    ]


def _combination(index: int, pattern: Pattern) -> Combination:
    groups = (pattern.all, pattern.any, pattern.none)
    members = [tuple(_prepare(index, each) for each in group) for group in groups]
    return Combination(index, members[0], members[1], members[2])


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
    text = pattern.text
    body = words_regex(text) if pattern.word else f"(?:{before_line_end(text)})"
    return f"(?mi){body}" if pattern.ignore_case else f"(?m){body}"

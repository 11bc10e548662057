"""What to look for, checked and made ready for the engines. Imports only this package.

    Pattern ──prepare──▶ Literal    searched for exactly, in lines of any length
                    └──▶ Regex      RE2, line by line; whole words are regexes as well

Case is ignored for ASCII letters in literals and whole words; in regexes it is RE2's `(?i)`, which
folds Unicode letters too. A word is made of ASCII letters, digits and `_`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runner.analysis.input.errors import PatternError
from runner.analysis.match.fixed_length import FixedLengthRegex, fixed
from runner.analysis.match.regex_text import check_regex, needed_literals, word_regex
from runner.analysis.match.regexes import MemoryBudget, compile_regex

MAX_PATTERN_BYTES = 40_000
"""The longest pattern, in bytes of UTF-8."""


@dataclass(frozen=True)
class Pattern:
    """A text or a regex. `word` asks for a word's border on both sides; `name` is its key."""

    text: str
    regex: bool = False
    ignore_case: bool = False
    word: bool = False
    name: str = ""

    @property
    def key(self) -> str:
        """What it is called in results: its name, or else its text."""
        return self.name or self.text


@dataclass(frozen=True)
class Literal:
    """Bytes to find; lower case, if it is to be found in the text in lower case (`folded`)."""

    index: int
    text: bytes
    folded: bool

    @property
    def overlaps_itself(self) -> bool:
        """Whether an occurrence may begin inside another one, as "aa" does in "aaa"."""
        text = self.text
        if text[:1] not in text[1:]:  # the end that is a beginning as well would have it
            return False
        return any(text.endswith(text[:size]) for size in range(1, len(text)))

    @property
    def spans_lines(self) -> bool:
        """Whether an occurrence may begin in one line and end in another."""
        return b"\n" in self.text[:-1]


@dataclass(frozen=True)
class Regex:
    """A regex as RE2 takes it, literals with one of which each match begins, and one inside it.

    They are empty where none is known, and in lower case where case is ignored (`folded`).
    `fixed` says the same as the regex where all matches have one length.
    """

    index: int
    source: str
    begins: tuple[bytes, ...]
    inside: bytes
    folded: bool
    fixed: FixedLengthRegex | None = None


def prepare(patterns: Sequence[Pattern]) -> list[Literal | Regex]:
    """Check the patterns and make them ready, in their order.

    Raises PatternError, with the index of the pattern and what is wrong with it.
    """
    seen: dict[str, int] = {}
    prepared = []
    room = MemoryBudget()
    for index, pattern in enumerate(patterns):
        first = seen.setdefault(pattern.key, index)
        if first != index:
            raise PatternError(index, f"is called the same as pattern {first}")
        prepared.append(_prepare(index, pattern, room))
    return prepared


def _prepare(index: int, pattern: Pattern, room: MemoryBudget) -> Literal | Regex:
    _check_text(index, pattern)
    if not pattern.regex and not pattern.word:
        text = pattern.text.encode()
        return Literal(index, text.lower() if pattern.ignore_case else text, pattern.ignore_case)
    if not pattern.regex:
        return _word(index, pattern, room)
    check_regex(index, pattern.text)
    body = rf"\b(?:{pattern.text})\b" if pattern.word else f"(?:{pattern.text})"
    source = f"(?mi){body}" if pattern.ignore_case else f"(?m){body}"
    compile_regex(index, source, pattern.text, room)
    begins, inside = needed_literals(pattern.text, pattern.ignore_case)
    plain = not pattern.ignore_case and not pattern.word
    form = fixed(pattern.text) if plain else None
    return Regex(index, source, begins, inside, pattern.ignore_case, form)


def _check_text(index: int, pattern: Pattern) -> None:
    if not pattern.text:
        raise PatternError(index, "is empty, and would be found everywhere")
    try:
        size = len(pattern.text.encode())
    except UnicodeEncodeError as error:
        raise PatternError(index, "holds a lone surrogate", error.start) from error
    if size > MAX_PATTERN_BYTES:
        raise PatternError(index, f"has {size} bytes; at most {MAX_PATTERN_BYTES} are allowed")


def _word(index: int, pattern: Pattern, room: MemoryBudget) -> Regex:
    newline = pattern.text.find("\n")
    if newline >= 0:
        raise PatternError(index, "holds a newline, so it is no whole word in a line", newline)
    text = pattern.text.encode()
    source = word_regex(text, pattern.ignore_case)
    compile_regex(index, source, pattern.text, room)
    begin = text.lower() if pattern.ignore_case else text
    return Regex(index, source, (begin,), b"", pattern.ignore_case)

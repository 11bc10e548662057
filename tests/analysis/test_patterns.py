"""Refused patterns, with the position of the error; and the literals that a regex requires."""

import pytest

from runner.analysis.input.errors import PatternError
from runner.analysis.match.patterns import Literal, Pattern, prepare
from runner.analysis.match.regex_text import required_literals


@pytest.mark.parametrize(
    ("pattern", "message", "position"),
    [
        (Pattern(""), "is empty", None),
        (Pattern("x" * 40_001), "has 40001 bytes", None),
        (Pattern("ab\ud800"), "lone surrogate", 2),
        (Pattern("a\nb", word=True), "holds a newline", 1),
        (Pattern("ab(c", regex=True), "is not a valid regex: missing )", None),
        (Pattern("ab[z-a]", regex=True), "invalid character class range: z-a", 3),
        (Pattern("(?=x)y", regex=True), "invalid perl operator", 0),
        (Pattern("a**", regex=True), "bad repetition operator", 1),
        (Pattern("a*", regex=True), "match the empty string", None),
        (Pattern("^", regex=True), "match the empty string", None),
        (Pattern(r"\b", regex=True), "match the empty string", None),
        (Pattern("a|", regex=True), "match the empty string", None),
        (Pattern(r"ab\z", regex=True), r"holds \z", 2),
        (Pattern(r"\Aab", regex=True), r"holds \A", 0),
        (Pattern("x(?-m:^a)", regex=True), "holds (?-m", 1),
    ],
)
def test_an_invalid_pattern_is_refused_with_the_position_of_the_error(
    pattern: Pattern, message: str, position: int | None
) -> None:
    with pytest.raises(PatternError) as caught:
        prepare([Pattern("fine"), pattern])
    assert message in caught.value.message
    assert (caught.value.index, caught.value.position) == (1, position)


def test_regexes_that_are_too_large_together_are_refused() -> None:
    each = [Pattern(rf"\pL{{10}}{n}", regex=True) for n in range(1000)]
    prepare(each[:10])
    with pytest.raises(PatternError, match="too large") as caught:
        prepare(each)
    assert caught.value.index < 30
    with pytest.raises(PatternError, match="too large"):
        prepare([Pattern(r"\pL{300}", regex=True)])


def test_equal_names_are_refused() -> None:
    with pytest.raises(PatternError, match="pattern 2 has the same name as pattern 0"):
        prepare([Pattern("a"), Pattern("b"), Pattern("x", name="a")])


@pytest.mark.parametrize("text", [r"\\A", r"[\]]A", r"a\.z", "(?i)a", "(?m-i)a", "[(?-m]"])
def test_regexes_that_only_look_like_refused_ones_are_accepted(text: str) -> None:
    prepare([Pattern(text, regex=True)])


def test_case_is_ignored_for_ascii_letters_in_literals() -> None:
    assert prepare([Pattern("ÄB", ignore_case=True)]) == [Literal(0, "Äb".encode(), folded=True)]


@pytest.mark.parametrize(
    ("text", "ignore_case", "literals"),
    [
        ("error", False, ((b"error",), b"")),
        (r"user\d+ in", False, ((b"user",), b" in")),
        ("colou?r", False, ((b"colo",), b"r")),
        ("ab*c{2,3}de", False, ((b"a",), b"de")),
        ("a|bcd", False, ((b"a", b"bcd"), b"")),
        ("(a|b)cde(f)", False, ((b"acde", b"bcde"), b"cde")),
        ("(a|b)|c", False, ((), b"")),
        ("(a|b)x(c|d)|efg", False, ((), b"")),
        (r"(ab|c) \[x?d", False, ((b"ab [", b"c ["), b" [")),
        (r"(ab|c)+de", False, ((b"ab", b"c"), b"de")),
        (r"(ab|c)\de", False, ((b"ab", b"c"), b"e")),
        ("(a|b)?cde", False, ((), b"cde")),
        ("(?:Ab|c)+", True, ((b"ab", b"c"), b"")),
        ("(ask|b)x", True, ((), b"x")),
        (r"\[x\]\n[abc]ef", False, ((b"[x]",), b"ef")),
        ("^abc", False, ((), b"abc")),
        ("(?i)abc", False, ((), b"")),
        ("Task Ärger", True, ((b"ta",), b"rger")),
        (r"\x41bc\pLd", False, ((), b"bc")),
        ("größe", False, (("größe".encode(),), b"")),
    ],
)
def test_literals_that_a_regex_requires(
    text: str, ignore_case: bool, literals: tuple[tuple[bytes, ...], bytes]
) -> None:
    assert required_literals(text, ignore_case) == literals

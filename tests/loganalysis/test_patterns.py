"""Refused patterns, with the position of the error; and the literals that a regex requires."""

import pytest

from loganalysis.match.patterns import Literal, Pattern, errors_of, prepare
from loganalysis.match.regex_text import required_literals
from loganalysis.read.errors import PatternError


@pytest.mark.parametrize(
    ("pattern", "message", "position"),
    [
        (Pattern(""), "is empty", None),
        (Pattern("x" * 40_001), "has 40001 bytes", None),
        (Pattern("ab\ud800"), "lone surrogate", 2),
        (Pattern("a\nb", word=True), "holds a newline", 1),
        (Pattern("ab(c", regex=True), "is not a valid regex: ( is not closed", 2),
        (Pattern("(a)(b", regex=True), "( is not closed", 3),
        (Pattern("ab)c", regex=True), ") closes nothing", 2),
        (Pattern("a)b(c", regex=True), ") closes nothing", 1),
        (Pattern("a)|(?:b", regex=True), ") closes nothing", 1),
        (Pattern(r"\(a\)(", regex=True), "( is not closed", 5),
        (Pattern("ab[c", regex=True), "[ is not closed", 2),
        (Pattern("ab[c", regex=True, word=True), "[ is not closed", 2),
        (Pattern("(?i", regex=True), "( is not closed", 0),
        (Pattern("ab[z-a]", regex=True), "the range z-a ends before it begins", 3),
        (Pattern("[[:foo:]]", regex=True), "the character class [:foo:] does not exist", 1),
        (Pattern(r"a\p{Foo}", regex=True), r"the character class \p{Foo} does not exist", 1),
        (Pattern("(?=x)y", regex=True), "look-ahead is not supported (RE2)", 0),
        (Pattern("y(?!x)", regex=True), "look-ahead is not supported (RE2)", 1),
        (Pattern("(?<=x)y", regex=True), "look-behind is not supported (RE2)", 0),
        (Pattern(r"\(?y(?<!x)", regex=True), "look-behind is not supported (RE2)", 4),
        (Pattern(r"(a)\1", regex=True), "back-references are not supported (RE2)", 3),
        (Pattern(r"(?P<n>a)\k<n>", regex=True), "back-references are not supported", 8),
        (Pattern("(?P<n>a)(?P=n)", regex=True), "back-references are not supported (RE2)", 8),
        (Pattern("a(?>b)", regex=True), "atomic groups are not supported (RE2)", 1),
        (Pattern("a(?#b)", regex=True), "comments are not supported (RE2)", 1),
        (Pattern("(a)(?(1)b|c)", regex=True), "conditions are not supported (RE2)", 3),
        (Pattern("(?x) a", regex=True), "the flag x is not supported (RE2)", 0),
        (Pattern("a(?z)", regex=True), "(?z begins no group", 1),
        (Pattern("(?P<n", regex=True), "the name of a group is not valid", 0),
        (Pattern("a**", regex=True), "** repeats a repetition", 1),
        (Pattern("a++b", regex=True), "++ repeats a repetition", 1),
        (Pattern("*a", regex=True), "* has nothing to repeat", 0),
        (Pattern("a{1001}", regex=True), "{1001} repeats more than 1000 times in all", 1),
        (Pattern("(a{1000}){1000}", regex=True), "repeats more than 1000 times in all", None),
        (Pattern("a{3,2}", regex=True), "{3,2} has a minimum above its maximum", 1),
        (Pattern("ab\\", regex=True), "ends with a single \\", 2),
        (Pattern(r"a\u00e9", regex=True), r"the escape \u is not valid; write a character as", 1),
        (Pattern(r"a\xg", regex=True), r"the escape \x is not valid", 1),
        (Pattern(r"a\R", regex=True), r"the escape \R is not valid", 1),
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


def test_all_wrong_patterns_are_found_and_none_quotes_what_was_wrapped_around_them() -> None:
    texts = ["(", "fine", "b(?=c)", "*", "[", ")", "a)b("]
    found = errors_of([Pattern(text, regex=True) for text in texts])
    assert [error.index for error in found] == [0, 2, 3, 4, 5, 6]
    assert not [error for error in found if "(?m)" in str(error) or "(?:" in str(error)]


def test_after_the_regex_with_which_they_are_too_large_no_other_is_checked() -> None:
    found = errors_of([Pattern(rf"\pL{{10}}{n}", regex=True) for n in range(1000)])
    assert len(found) == 1


def test_at_most_a_hundred_wrong_patterns_are_reported() -> None:
    assert len(errors_of([Pattern(f"{n}(", regex=True) for n in range(1000)])) == 100


@pytest.mark.parametrize("text", ["[(]", "[^](]", r"\(", "[[:alpha:](]b"])
def test_parentheses_that_are_only_text_need_no_partner(text: str) -> None:
    prepare([Pattern(text, regex=True)])


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

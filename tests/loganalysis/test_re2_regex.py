"""google-re2 has the undocumented parts that re2_regex uses, and they work as expected."""

from importlib.metadata import version

import pytest
import re2

from loganalysis.match.re2_regex import (
    ANYWHERE,
    AT_START,
    TESTED_VERSION,
    WHOLE,
    CompiledRegex,
    RegexError,
)

ADVICE = "google-re2 has changed: check all that loganalysis/match/re2_regex.py uses"
MEMORY = 8 << 20


def spans(regex: CompiledRegex, data: bytes) -> list[tuple[int, int]]:
    """All matches in the data."""
    found, at = list[tuple[int, int]](), 0
    view = memoryview(data)
    while (span := regex.match(ANYWHERE, view, at, len(data))[0])[0] >= 0:
        found.append(span)
        at = span[1]
    return found


def test_the_installed_version_is_the_tested_one() -> None:
    assert version("google-re2") == TESTED_VERSION, f"{ADVICE}, then name the new version there"


@pytest.mark.parametrize("name", ["_Regexp", "_Anchor"])
def test_the_undocumented_names_exist(name: str) -> None:
    assert hasattr(re2, name), ADVICE


@pytest.mark.parametrize(
    ("source", "data", "expected"),
    [
        ("(?m)(?:a+b)", b"aab\nab", [(0, 3), (4, 6)]),
        (r"(?m)(?:^a\s*$)", b"a\na\nba", [(0, 1), (2, 3)]),
        (r"(?m)\b(?:a)\b", b"a ab a", [(0, 1), (5, 6)]),
        ("(?mi)(?:E.r)", b"err e\nr ERR", [(0, 3), (8, 11)]),
    ],
)
def test_matches_are_those_of_the_documented_interface(
    source: str, data: bytes, expected: list[tuple[int, int]]
) -> None:
    options = re2.Options()
    options.never_nl = options.never_capture = True
    documented = [match.span() for match in re2.compile(source, options).finditer(data)]
    assert spans(CompiledRegex(source, MEMORY), data) == documented == expected, ADVICE


def test_a_match_can_be_bound_to_positions() -> None:
    regex = CompiledRegex("b+", MEMORY)
    assert regex.match(AT_START, b"abbc", 1, 4)[0] == (1, 3), ADVICE
    assert regex.match(AT_START, b"abbc", 0, 4)[0] == (-1, -1), ADVICE
    assert regex.match(WHOLE, b"abbc", 1, 3)[0] == (1, 3), ADVICE
    assert regex.match(WHOLE, b"abbc", 1, 4)[0] == (-1, -1), ADVICE


def test_the_size_of_the_program_is_known() -> None:
    sizes = [CompiledRegex(source, MEMORY).instructions for source in ("a", "a{100}")]
    assert 0 < sizes[0] < sizes[1] - 90, ADVICE


def test_memory_is_limited_and_errors_have_a_message() -> None:
    for source, message in (("a(b", "missing [)]"), ("a{1000}b{1000}c{1000}", "too large")):
        with pytest.raises(RegexError, match=message):
            CompiledRegex(source, 16 << 10)

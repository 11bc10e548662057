"""Lines that meet several conditions, compared with a plain implementation."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loganalysis.count.lines import LineOptions
from loganalysis.count.scanner import ScanOptions
from loganalysis.match import regexes
from loganalysis.match.patterns import Pattern, errors_of
from loganalysis.read import window
from loganalysis.read.errors import PatternError
from loganalysis.scan.options import AnalysisOptions
from tests.loganalysis.test_timeline import quick
from tests.support.loganalysis.in_ranges import in_ranges, whole
from tests.support.loganalysis.oracle import Found, found, scan, scan_mapped

condition = st.one_of(
    st.builds(Pattern, st.text("abA", min_size=1, max_size=3), ignore_case=st.booleans()),
    st.builds(Pattern, st.text("ab", min_size=1, max_size=2), word=st.just(True)),
    st.builds(
        Pattern,
        st.sampled_from(["a+b", "^a", "b$", "a.b", "(ab|ba)+", "b{2}"]),
        regex=st.just(True),
        ignore_case=st.booleans(),
    ),
)
conditions = st.lists(condition, max_size=3).map(tuple)
combination = st.builds(
    lambda groups, name: Pattern("", name=name, all=groups[0], any=groups[1], none=groups[2]),
    st.tuples(conditions, conditions, conditions).filter(lambda groups: groups[0] or groups[1]),
    st.sampled_from("xyz"),
)


def contains(line: bytes, pattern: Pattern) -> bool:
    text = pattern.text.encode() if pattern.regex else re.escape(pattern.text.encode())
    text = rb"\b%b\b" % text if pattern.word else text
    return bool(re.search(text, line, re.IGNORECASE if pattern.ignore_case else 0))


def expected(data: bytes, pattern: Pattern, samples: int) -> Found:
    lines = data.split(b"\n")
    numbers = [
        number
        for number, line in enumerate(lines, 1)
        if all(contains(line, each) for each in pattern.all)
        and (not pattern.any or any(contains(line, each) for each in pattern.any))
        and not any(contains(line, each) for each in pattern.none)
    ]
    shown = [lines[number - 1][:8] for number in numbers[:samples]]
    first, last = (numbers[0], numbers[-1]) if numbers else (None, None)
    return Found(len(numbers), len(numbers), first, last, shown)


@pytest.mark.heavy
@quick
@given(
    lines=st.lists(st.text("abA ", max_size=15), max_size=30),
    patterns=st.lists(combination, min_size=1, max_size=3, unique_by=lambda each: each.name),
    size=st.integers(16, 60),
    pieces=st.lists(st.integers(1, 9), min_size=1),
)
def test_combinations_are_exact_in_any_windows(
    lines: list[str], patterns: list[Pattern], size: int, pieces: list[int]
) -> None:
    data = "\n".join(lines).encode()
    mixed = [*patterns, Pattern("ab"), Pattern("A", ignore_case=True)]
    options = ScanOptions(LineOptions(samples=2), size, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regexes, "TRIAL_BYTES", 10)
        patch.setattr(window, "LINE_HEAD_BYTES", 8)
        for partial in (scan(data, mixed, options, pieces), scan_mapped(data, mixed, options)):
            results = [found(result) for result in partial.results[: len(patterns)]]
            assert results == [expected(data, pattern, 2) for pattern in patterns]


def test_a_regex_of_a_combination_may_end_at_the_end_of_a_file_without_a_newline() -> None:
    pattern = Pattern("", all=(Pattern("b$", regex=True),))
    partial = scan(b"a\nab", [pattern], ScanOptions(LineOptions(), 16, 16), [1])
    assert partial.results[0].count == 1


LOG = b"""\
2026-11-25T10:00:00Z ERROR db down
2026-11-25T10:00:01Z ERROR db down, retry
2026-11-25T10:00:02Z error DB down
2026-11-25T10:00:03Z WARN db slow
2026-11-25T10:00:04Z ERROR disk full
"""
COMBINED = Pattern("", all=(Pattern("ERROR"), Pattern("db")), none=(Pattern("retry"),))


def test_ranges_have_the_result_of_the_whole(tmp_path: Path) -> None:
    (log := tmp_path / "log").write_bytes(LOG * 20)
    options = AnalysisOptions(samples=3, histogram="second", timeline=True)
    expected = whole(log, [COMBINED], options)
    assert expected["counts"] == {"ERROR AND db NOT retry": 20}
    for range_bytes in (1, 50, 333):
        assert in_ranges(log, range_bytes, [COMBINED], options) == expected


def test_a_combination_without_a_name_is_named_by_its_conditions() -> None:
    some = (Pattern("a"), Pattern("b"))
    assert Pattern("", any=some).key == "a OR b"
    assert Pattern("", all=some, any=some, none=some).key == "a AND b AND a OR b NOT a NOT b"
    assert Pattern("", all=some, name="x").key == "x"
    assert len(Pattern("", all=(Pattern("a" * 500),)).key) == 200


@pytest.mark.parametrize(
    ("member", "message", "position"),
    [
        (Pattern("a\nb"), "holds a newline, so it is in no line", 1),
        (Pattern("a(", regex=True), "is not a valid regex", 1),
        (Pattern("a*", regex=True), "can match the empty string", None),
    ],
)
def test_a_wrong_condition_is_an_error_of_its_combination(
    member: Pattern, message: str, position: int | None
) -> None:
    for pattern in (Pattern("", all=(Pattern("x"), member)), Pattern("", any=(member,))):
        (error,) = errors_of([Pattern("ok"), pattern])
        assert isinstance(error, PatternError)
        assert (error.index, error.position, error.text) == (1, position, member.text)
        assert message in error.message

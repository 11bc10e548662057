"""Counts, lines and samples of records, compared with a plain implementation."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.count.lines import LineOptions
from loganalysis.count.result import PartialResult
from loganalysis.count.scanner import Scanner, ScanOptions
from loganalysis.match.patterns import Pattern, prepare
from loganalysis.records.plan import RecordPlan, within_records
from loganalysis.records.rule import INDENTS, RECORD_HEAD_BYTES, TIMES, RecordRule, Records
from loganalysis.templates.collector import overview_collector
from loganalysis.templates.table import ShapeTable
from loganalysis.times.c_timeline import TimelineOptions, TimeRules
from loganalysis.times.line_times import LineTimes
from tests.support.loganalysis.oracle import Dribble
from tests.support.loganalysis.plain_records import Record, joined, matches, records_of, texts

NOW = 1_800_000_000.0
RULES = (RecordRule(TIMES, NOW, is_postgresql=True), RecordRule(INDENTS, NOW))
PATTERNS = [
    Pattern("a"),
    Pattern("ERROR"),
    Pattern("error", ignore_case=True, name="e"),
    Pattern(r"^Caused by: .*\.IO", regex=True),
    Pattern(r"b$", regex=True),
    Pattern(r"VALUE.*A", regex=True, ignore_case=True),
    Pattern("", name="both", all=(Pattern("ERROR"), Pattern("at com"))),
    Pattern("", name="not", all=(Pattern("a"),), none=(Pattern(r"^\s+at", regex=True),)),
    Pattern("", name="any", any=(Pattern("12 MORE", ignore_case=True), Pattern("A.java"))),
]


def scan(
    data: bytes,
    rule: RecordRule,
    sizes: Sequence[int] = (1 << 30,),
    window: int = 0,
    patterns: Sequence[Pattern] = PATTERNS,
    **more: object,
) -> PartialResult:
    plan = RecordPlan(Records(), NOW, rule)
    options = ScanOptions(
        LineOptions(samples=3),
        window_bytes=window,
        longest_line=1 << 20,
        records=plan,
        line_head_bytes=RECORD_HEAD_BYTES,
        **more,  # type: ignore[arg-type]
    )
    source = plan.source(Dribble(data, sizes))
    scanner = Scanner(within_records(prepare(patterns)), options, source)
    while scanner.scan():
        pass
    return scanner.partial


def matching(records: Sequence[Record], pattern: Pattern) -> list[Record]:
    return [record for record in records if matches(record, pattern)]


@pytest.mark.heavy
@settings(database=None, deadline=None, max_examples=200)
@given(
    texts(20),
    st.sampled_from(RULES),
    st.lists(st.integers(1, 90), min_size=1, max_size=3),
    st.sampled_from([0, 40, 100]),
)
def test_a_record_that_matches_counts_once(
    data: bytes, rule: RecordRule, sizes: list[int], window: int
) -> None:
    records = records_of(data, rule.matcher())
    partial = scan(data, rule, sizes, window)
    assert partial.records == len(records)
    assert partial.lines == sum(len(record.lines) for record in records)
    for pattern, result in zip(PATTERNS, partial.results, strict=True):
        expected = matching(records, pattern)
        assert result.matching_lines == len(expected)
        assert result.first_line == (expected[0].line if expected else None)
        assert result.last_line == (expected[-1].line if expected else None)
        shown = [joined([record]).removesuffix(b"\n") for record in expected[:3]]
        assert result.samples == shown


@settings(database=None, deadline=None)
@given(texts(20), st.sampled_from(RULES), st.sampled_from([0, 40]))
def test_records_are_counted_over_time(data: bytes, rule: RecordRule, window: int) -> None:
    records = records_of(data, rule.matcher())
    timeline = TimelineOptions(TimeRules(NOW), samples=5, sample_cells=64, context=2)
    partial = scan(data, rule, window=window, timeline=timeline)
    assert partial.timeline
    assert partial.samples
    times, second = [], None
    for record in records:
        own = LineTimes(NOW).second_of(joined([record])[:1000])
        second = second if own is None else own
        times.append(second)
    assert sum(partial.timeline.rows[0]) == len([each for each in times if each is not None])
    assert partial.timeline.undated[0] == times.count(None)
    for number, pattern in enumerate(PATTERNS):
        found = partial.samples.patterns[number].choose(5)
        lines = {each.line: each for each in matching(records, pattern)}
        assert len(found) == min(len(lines), 5)
        for sample in found:
            assert sample.file_line is not None
            record = lines[sample.file_line]
            at = records.index(record)
            heads = [joined([each]).removesuffix(b"\n")[:500] for each in records]
            assert sample.text == joined([record]).removesuffix(b"\n")
            assert sample.line == at + 1
            assert sample.before == heads[max(at - 2, 0) : at]
            assert sample.after == heads[at + 1 : at + 3]
            assert sample.second == times[at]


@settings(database=None, deadline=None)
@given(texts(20), st.sampled_from(RULES), st.sampled_from([0, 40]))
def test_the_overview_counts_records_by_their_first_line(
    data: bytes, rule: RecordRule, window: int
) -> None:
    records = records_of(data, rule.matcher())
    partial = scan(data, rule, window=window, collector=lambda: overview_collector(NOW, True))
    assert isinstance(partial.table, ShapeTable)
    assert partial.table.lines == partial.lines
    shapes = partial.table.shapes.values()
    assert sum(shape.count for shape in shapes) == len(records)
    by_line = {record.line: record for record in records}
    for shape in shapes:
        assert shape.last_line in by_line
        assert shape.sample == joined([by_line[shape.first_line]]).removesuffix(b"\n")[:1024]


def test_a_traceback_is_one_occurrence_of_the_template_of_its_first_line() -> None:
    trace = "\njava.lang.IllegalStateException: {0}\n\tat a.B.c(B.java:{0})\nCaused by: x.Y: {0}\n"
    lines = (
        f"2026-11-25 01:02:{number:02} ERROR request {number} failed" + trace.format(number)
        for number in range(20)
    )
    plan_options = {"collector": lambda: overview_collector(NOW, True)}
    partial = scan("".join(lines).encode(), RULES[0], **plan_options)  # type: ignore[arg-type]
    assert isinstance(partial.table, ShapeTable)
    (shape,) = partial.table.shapes.values()
    assert (shape.count, shape.first_line, shape.last_line) == (20, 1, 77)
    assert b"IllegalStateException" in shape.sample


def test_a_text_may_span_lines_of_a_record_and_a_regex_may_not() -> None:
    data = b"2026-11-25 01:02:03 ERROR a\n\tat com.B\n2026-11-25 01:02:04 ERROR b\n"
    patterns = [
        Pattern("a\n\tat"),
        Pattern("B\n2026"),
        Pattern("ERROR.*com", regex=True),
        Pattern("ERROR.*$", regex=True),
    ]
    partial = scan(data, RULES[0], patterns=patterns)
    assert [each.count for each in partial.results] == [1, 0, 0, 2]


def test_all_lines_of_a_long_record_are_counted_in_the_overview() -> None:
    start = b"2026-11-25 01:02:03 ERROR a\n"
    data = start + b"\tat com.A\n" * 900 + b" " + b"x" * (3 << 20) + b"\n" + start
    partial = scan(data, RULES[0], window=1000, collector=lambda: overview_collector(NOW, True))
    assert isinstance(partial.table, ShapeTable)
    assert partial.table.lines == partial.lines == 903
    assert max(shape.last_line for shape in partial.table.shapes.values()) == 903


def test_a_record_longer_than_a_window_counts_once() -> None:
    long = b"2026-11-25 01:02:03 ERROR a\n" + b"\tat com.example.A\n" * 9000
    data = (long + b"2026-11-25 01:02:04 INFO b\n") * 3
    partial = scan(data, RULES[0], window=1000)
    assert (partial.records, partial.lines) == (6, 3 * 9002)
    assert [each.matching_lines for each in partial.results[:2]] == [3, 3]
    assert (partial.results[1].first_line, partial.results[1].last_line) == (1, 2 * 9002 + 1)
    both = partial.results[6]
    assert (both.matching_lines, both.last_line) == (3, 2 * 9002 + 1)


def test_a_line_longer_than_a_window_belongs_to_its_record() -> None:
    start = b"2026-11-25 01:02:03 ERROR a\n"
    data = (start + b" " + b"x" * (3 << 20) + b" at com A.java\n  end\n") * 2 + b"2026 b"
    partial = scan(data, RULES[0], window=64 << 10, collector=lambda: overview_collector(NOW, True))
    assert (partial.records, partial.lines) == (
        4,
        7,
    )  # each ends before the line after the long one
    assert [(e.matching_lines, e.first_line, e.last_line) for e in partial.results[1:2]] == [
        (2, 1, 4)
    ]
    assert isinstance(partial.table, ShapeTable)
    assert partial.table.lines == 7


def test_times_select_whole_records() -> None:
    data = b"".join(
        b"2026-11-25 01:02:%02d ERROR a\n\tat com.example.A\n" % number for number in range(10)
    )
    first = LineTimes(NOW).second_of(data)
    assert first is not None
    timeline = TimelineOptions(TimeRules(NOW), since=int(first) + 3, until=int(first) + 5)
    partial = scan(
        data, RULES[0], timeline=timeline, collector=lambda: overview_collector(NOW, True)
    )
    both = partial.results[6]
    assert (both.matching_lines, both.first_line, both.last_line) == (2, 7, 9)
    error = partial.results[1]
    assert (error.matching_lines, error.first_line, error.last_line) == (2, 7, 9)
    assert partial.timeline
    assert partial.timeline.lines == 2
    assert isinstance(partial.table, ShapeTable)
    (shape,) = partial.table.shapes.values()
    assert (shape.count, shape.first_line, shape.last_line) == (2, 7, 9)
    assert (partial.records, partial.lines) == (10, 20)

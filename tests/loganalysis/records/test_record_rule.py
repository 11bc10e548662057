"""Where records begin: by the definition in Python, and by the kernel in any cut of the data."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loganalysis.records import plan
from loganalysis.records.c_records import RecordKernel
from loganalysis.records.plan import RecordSource
from loganalysis.records.rule import (
    HEAD_BYTES,
    INDENTS,
    LONGEST_RECORD,
    REGEX,
    SAMPLE_BYTES,
    TIMES,
    RecordRule,
    Records,
    rule_of,
)
from tests.support.loganalysis.oracle import Dribble
from tests.support.loganalysis.plain_records import joined, records_of, texts

NOW = 1_800_000_000.0
RULES = (
    RecordRule(TIMES, NOW),
    RecordRule(TIMES, NOW, is_postgresql=True),
    RecordRule(INDENTS, NOW),
    RecordRule(REGEX, NOW, start=r"\d{4}-|ERROR|b a$"),
)


def read(data: bytes, rule: RecordRule | None, size: int, sizes: list[int]) -> bytes:
    """All data of a source of records, which is read into a buffer of this size."""
    joined_source = RecordSource(Dribble(data, sizes), rule, Records(), NOW)
    found, buffer = bytearray(), memoryview(bytearray(size))
    while filled := joined_source.readinto(buffer):
        found += buffer[:filled]
    return bytes(found)


def begins(line: str, rule: RecordRule = RULES[0]) -> bool:
    return rule.matcher()(line.encode())


@settings(database=None, deadline=None, max_examples=300)
@given(
    texts(), st.sampled_from(RULES), st.integers(1, 200), st.lists(st.integers(1, 90), min_size=1)
)
@example(b"", RULES[0], 1, [1])
def test_the_kernel_finds_the_records_of_the_definition(
    data: bytes, rule: RecordRule, size: int, sizes: list[int]
) -> None:
    expected = joined(records_of(data, rule.matcher()))
    assert read(data, rule, size, sizes) == expected
    assert len(expected) == len(data)


@pytest.mark.parametrize("rule", RULES)
def test_records_are_found_wherever_a_block_ends(
    rule: RecordRule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "_BLOCK_BYTES", HEAD_BYTES + 60)
    lines = b"2026-11-25 01:02:03 ERROR a\n\tat b\nb a\n\f\nValueError: a\r\n  b\n\nERROR\n"
    for shift in range(70):
        data = b"2026-11-25 01:02:03 " + b"x" * shift + b"\n" + lines * 40 + b"y" * 2000 + b"\n a\n"
        expected = joined(records_of(data, rule.matcher()))
        assert read(data, rule, HEAD_BYTES + 60, [700]) == expected
        assert read(data, rule, 17, [1 << 20]) == expected


@pytest.mark.parametrize("rule", RULES)
def test_a_long_record_ends_before_a_line(rule: RecordRule) -> None:
    data = b"2026-11-25 01:02:03 a\n" + b"  b\n" * 50 + b"2026-11-25 01:02:04 a\n" + b" c\n" * 50
    kernel, view = RecordKernel(rule, longest=64), memoryview(bytearray(data))
    kernel.join(view, 0, 0, len(data), len(data))
    expected = joined(records_of(data, rule.matcher(), longest=64))
    assert bytes(view) == expected
    assert max(map(len, expected.split(b"\n"))) < 64 + 30


def test_a_record_of_any_size_ends_at_the_limit() -> None:
    data = b"2026-11-25 01:02:03 a\n" + b"\tat b\n" * 100_000
    found = read(data, RULES[0], 1 << 20, [1 << 16]).split(b"\n")
    assert [len(each) < LONGEST_RECORD + 10 for each in found] == [True] * 4
    assert read(data, RULES[0], 1 << 20, [1 << 16]) == joined(records_of(data, begins_dated))


def begins_dated(line: bytes) -> bool:
    return line.startswith(b"2026")


def test_a_line_with_a_time_begins_a_record_unless_it_is_indented() -> None:
    assert begins("2026-11-25 01:02:03 a")
    assert begins('10.0.0.1 - - [25/Nov/2026:01:02:06 +0000] "GET /a"')
    assert not begins(" 2026-11-25 01:02:03 a")
    assert not begins("2026-02-30 01:02:03 a")
    assert not begins("java.io.IOException: a")
    assert not begins("")


def test_details_of_postgresql_continue_the_record() -> None:
    detail = "2026-11-25 01:02:11.001 UTC [7] app@db STATEMENT:  SELECT 1"
    assert begins(detail)
    assert not begins(detail, RULES[1])
    assert begins("2026-11-25 01:02:11 UTC [7] ERROR:  no DETAIL:  a", RULES[1])
    assert begins("2026-11-25 01:02:11 UTC [7] LOG: a", RULES[1])


def test_without_times_lines_begin_records_unless_they_look_like_continuations() -> None:
    rule = RULES[2]
    for line in ("server started", "Error: no file", "[worker] ready", "at work", "Warning: a"):
        assert begins(line, rule)
    for line in (
        *("\tat a.b(C.java)", "", "\r", "Caused by: a", "Suppressed: a", "... 3 more", "}", "])"),
        *("Traceback (most recent call last):", "ValueError: a", "KeyboardInterrupt", "a.B: c"[:0]),
        *(
            "java.lang.Throwable",
            "builtins.KeyError: 'a'",
            "During handling of the above exception",
        ),
    ):
        assert not begins(line, rule)


def test_the_start_of_the_data_decides_the_rule() -> None:
    dated, undated = b"2026-11-25 01:02:03 a\n", b"x" * 99 + b"\n"
    assert rule_of(Records(), dated, NOW) == RULES[0]
    assert rule_of(Records(), undated * 9, NOW) == RULES[2]
    assert rule_of(Records(), b" " + dated, NOW).kind == INDENTS
    before = undated * (SAMPLE_BYTES // len(undated))
    before += b"y" * 20 + b"\n"
    assert rule_of(Records(), before + dated, NOW).kind == INDENTS  # its line is cut there
    assert rule_of(Records(), before[1000:] + dated, NOW).kind == TIMES
    assert rule_of(Records(), dated + b"2026-11-25 01:02:03 UTC [7] LOG:  a\n", NOW).is_postgresql
    assert rule_of(Records(start="a"), dated, NOW).kind == REGEX


@pytest.mark.parametrize("size", [100, SAMPLE_BYTES, 1 << 20])
def test_a_stream_decides_by_its_own_start(size: int) -> None:
    undated = b"started\n  more\n"
    late = undated * (SAMPLE_BYTES // len(undated) + 1) + b"2026-11-25 01:02:03 a\nb\n"
    early = undated + b"2026-11-25 01:02:03 a\nb\n"
    for data in (late, early):
        rule = rule_of(Records(), data, NOW)
        expected = joined(records_of(data, rule.matcher()))
        assert read(data, None, size, [999, 1]) == expected


def test_a_line_that_the_sample_cuts_does_not_decide_the_rule() -> None:
    line = b"2026-11-25 01:02:03 ERROR a\n"
    assert rule_of(Records(), b"a" * 9 + b"\n" + line, NOW).kind == TIMES
    filler = b"a" * (SAMPLE_BYTES - len(line)) + b"\n"
    assert rule_of(Records(), filler + line * 9, NOW).kind == INDENTS

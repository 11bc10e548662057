"""The times of lines, histograms, and the time span of a file."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.times.histogram import UNITS, Histogram, rfc3339
from loganalysis.times.line_times import LineTimes
from loganalysis.times.time_span import TimeSpan

REFERENCE = datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp()
MOMENT = "2026-11-25T01:02:03.000Z"

quick = settings(database=None, deadline=None, max_examples=200)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001


def time_of(line: bytes, reference: float = REFERENCE) -> str | None:
    """The time of a line as text, read without any earlier line."""
    seconds = LineTimes(reference).time_of(line)
    return None if seconds is None else rfc3339(seconds)


WRAPPED = [
    b"\x1b[2m2026-11-25T01:02:03Z\x1b[0m x",
    b"\x1b[32mINFO\x1b[0m \x1b[1;30m2026-11-25 01:02:03\x1b[0m x",
    b"web-1  | 2026-11-25T01:02:03Z x",
    b"\x1b[36mweb-1  | \x1b[0m2026-11-25T01:02:03Z x",
    b'db_1 | {"m":"x","ts":1795568523}',
    b"[pod/web-5d9f7b6c4-abcde/app] 2026-11-25T01:02:03Z x",
    b"web-5d9f7b6c4-abcde app 2026-11-25T01:02:03Z x",
    b"web-0 nginx-proxy 2026-11-25T01:02:03Z x",
    b"/var/log/app.log:2026-11-25T01:02:03Z x",
    b"app.log:17:2026-11-25T01:02:03Z x",
    b"/var/log/syslog:Nov 25 01:02:03 host x",
    b"build (3.11)\tRun tests\t2026-11-25T01:02:03.0000000Z x",
    b"https 2026-11-25T01:02:03.000000Z app/my/50dc6c 192.0.2.7:2817",
    b"# Time: 2026-11-25T01:02:03.000000Z",
    b"Wed, 25 Nov 2026 01:02:03 GMT x",
    b"Wed, 25 Nov 2026 02:02:03 +0100 x",
    b"2026-11-25\t01:02:03\tFRA2-C1\t2390",
    b"2026-11-25 02:02:03 CET [7] LOG:  x",
    b"2026-11-25 03:02:03.000 CEST x",
    b"2026-11-24 20:02:03 EST x",
    b"[2026-11-24 17:02:03 PST] x",
]
"""Behind what other tools have put in front, and with zones that have names."""
UNWRAPPED = [
    *(b"web-1 2026-11-25T01:02:03Z", b"retry at 2026-11-25T01:02:03Z", b"a | b"),
    *(b"expires:2026-11-25T01:02:03Z", b"a.b: 2026-11-25T01:02:03Z", b"[pod] 2026-11-25 01:02:03"),
    *(b"httpd 2026-11-25T01:02:03Z", b"one\ttwo 2026-11-25T01:02:03Z", b"\x1b[2026-11-25 01:02:03"),
]
"""Times within text, behind what is no wrapper."""


@pytest.mark.parametrize(
    "line",
    [
        b"2026-11-25T01:02:03",
        b"2026-11-25T01:02:03Z INFO started",
        b"2026-11-25 01:02:03 started",
        b"2026/11/25 01:02:03 [error] 12#12: closed",
        b"2026-11-25T02:02:03+01:00 x",
        b"2026-11-25T02:02:03+01 x",
        b"2026-11-24 21:32:03 -0330 x",
        b"[2026-11-25 01:02:03] x",
        b"  (2026-11-25 01:02:03) x",
        b"\xef\xbb\xbf2026-11-25 01:02:03 x",
        b"INFO 2026-11-25 01:02:03 x",
        b"[warning] 2026-11-25 01:02:03 x",
        b"Error: [2026-11-25 01:02:03] x",
        b"<34>1 2026-11-25T01:02:03Z host",
        b"Nov 25 01:02:03 host sshd[1]: denied",
        b"<34>Nov 25 01:02:03 host x",
        b"Nov 25 2026 01:02:03: %ASA-6",
        b"[Wed Nov 25 01:02:03 2026] [core:error]",
        b'10.0.0.1 - bob [25/Nov/2026:01:02:03 +0000] "GET /"',
        b'::1 - - [25/Nov/2026:03:02:03 +0200] "GET /"',
        b'a [b] - [25/Nov/2026:01:02:03] "GET /"',
        b"1795568523 x",
        b"[1795568523] x",
        b"1795568523,5,6",
        b"1795568523000 x",
        b"1795568523000000\tx",
        b"1795568523000000000",
        b'{"time":"2026-11-25T01:02:03Z","m":1}',
        b'{"level": "info", "timestamp": "2026-11-25 01:02:03"}',
        b'{"m":"x","ts":1795568523}',
        b'{"@timestamp" : 1795568523000}',
        b'{"date":"no","datetime":"1795568523"}',
        b'{"m":"\\"time\\":\\"2020-01-01T00:00:00Z\\"","time":"2026-11-25T01:02:03Z"}',
        b' {"log":{"time":"2026-11-25T02:02:03+01:00"}}',
        b"2026-11-25T01:02:03Z\n2027-01-01T00:00:00Z",
        b"20261125-01:02:03 x",
        b"20261125-1:2:3|Step",
        b"20261125T010203Z x",
        b"20261125T030203+0200 x",
        b"20261125 01:02:03 x",
        b"2026-11-25-01.02.03 x",
        b"261125 010203 148 INFO x",
        b"26/11/25 01:02:03 INFO x",
        b"11/25/2026 1:02:03 AM",
        b"11/25/2026, 01:02:03",
        b"25.11.2026 01:02:03 x",
        b"25-Nov-2026 01:02:03 x",
        b"25 Nov 2026 03:02:03 +0200 x",
        b"11-25 01:02:03 1702 x",
        b"[11.25 01:02:03] x",
        b"I1125 01:02:03 1 main.go:7] x",
        b"- 1795568523 2026.11.25 x",
        b"Error,11/25/2026 1:02:03 AM,Service,7",
        b'"Information","25.11.2026 01:02:03","x"',
        b"Warning,2026-11-25 01:02:03,x",
        b'{"t":{"$date":"2026-11-25T01:02:03.000+00:00"},"s":"I"}',
        b'{"__REALTIME_TIMESTAMP":"1795568523000000","PRIORITY":"3"}',
        b'{"@t":"2026-11-25T01:02:03Z","timeMillis":1}',
        b'{"level":30,"timeMillis":1795568523000}',
        b"__REALTIME_TIMESTAMP=1795568523000000",
        b"time=2026-11-25T01:02:03Z level=warn",
        b'level=info ts="2026-11-25 01:02:03" msg=x',
        b"msg=x t=1795568523",
        *WRAPPED,
    ],
)
def test_the_usual_formats_are_read(line: bytes) -> None:
    assert time_of(line) == MOMENT


@pytest.mark.parametrize(
    "line",
    [
        b"2026-11-25T01:02:03.25Z",
        b"2026-11-25 01:02:03,250 - root - INFO",
        b"2026-11-25 01:02:03.250000999 x",
        b"Nov 25 01:02:03.25 host",
        b"[Wed Nov 25 01:02:03.250000 2026] x",
        b"1795568523.25 x",
        b"1795568523250 x",
        b"1795568523250000 x",
        b"1795568523250000123 x",
        b'{"ts":1795568523.250}',
        b"I1125 01:02:03.250000    1 main.go:7] x",
        b"2026-11-25-01.02.03.250000 x",
        b"11-25 01:02:03.250 x",
        b"20261125-01:02:03:250|x",
        b"20261125T010203.25Z",
        b"25-Nov-2026 01:02:03.250 x",
        b"26/11/25 01:02:03,250 x",
    ],
)
def test_fractions_of_a_second_are_read(line: bytes) -> None:
    assert time_of(line) == "2026-11-25T01:02:03.250Z"


@pytest.mark.parametrize(
    "line",
    [
        *UNWRAPPED,
        b"",
        b"\n2026-11-25T01:02:03Z",
        b"no time 2026-11-25T01:02:03Z",
        b"   at java.lang.Thread.run(Thread.java:1)",
        b"2026-13-25T01:02:03Z",
        b"2026-02-29T01:02:03Z",
        b"2026-11-31 01:02:03",
        b"2026-00-00 00:00:00",
        b"2026-11-25 24:00:00",
        b"2026-11-25 01:60:00",
        b"2026-11-25 01:02:61",
        b"2026-11-25 01:02:034",
        b"2026-11-25T01:02:03+25:00",
        b"2026-11-25T01:02:03+01:75",
        b"0001-01-01T00:00:00Z",
        b"0000-01-01T00:00:00Z",
        b"9999-12-31T23:59:59-23:59",
        b"1970-01-01T00:00:00+01:00",
        b"Nov 31 01:02:03 host",
        b"Feb 30 01:02:03 host",
        b"[Wed Nov 25 01:02:03 9999] x",
        b"- [31/Feb/2026:01:02:03 +0000]",
        b"12345",
        b"17955685231 x",
        b"9795568523 x",
        b"1795568523x",
        b"179556852325 x",
        b'{"m":"2026-11-25T01:02:03Z"}',
        b'{"time":{"x":"2026-11-25T01:02:03Z"}}',
        b"a\n- [25/Nov/2026:01:02:03 +0000]",
        b'{"a":1}\n{"time":1795568523}',
        b"x" * 256 + b"[25/Nov/2026:01:02:03 +0000]",
        b"20261325-01:02:03",
        b"20261125-01:02:033",
        b"20261125010203",
        b"20261125/01:02:03",
        b"261125 010203x",
        b"261325 010203 x",
        b"123456 789012 x",
        b"26/13/25 01:02:03",
        b"13/25/2026 1:02:03 AM",
        b"11/25/2026 13:02:03 PM",
        b"11/25/2026 0:02:03 AM",
        b"31.11.2026 01:02:03",
        b"25-Now-2026 01:02:03",
        b"2026-11-25-01.02.033",
        b"13-25 01:02:03",
        b"10.0.0.1 01:02:03",
        b"X1125 01:02:03",
        b"I1325 01:02:03",
        b"I1125 01:02:033",
        b"Error:11/25/2026 1:02:03 AM",
        b"mytime=2026-11-25T01:02:03Z",
        b"a=1 Timestamp=2026-11-25T01:02:03Z",
        b"a b time=2026-11-25T01:02:03Z",
        b'{"mytime":"2026-11-25T01:02:03Z"}',
    ],
)
def test_lines_without_a_valid_time_have_none(line: bytes) -> None:
    assert time_of(line) is None


def test_milliseconds_behind_a_colon_need_not_have_three_digits() -> None:
    assert time_of(b"20261125-1:2:3:25|x") == "2026-11-25T01:02:03.025Z"


def test_two_digits_of_a_year_mean_1970_to_2069() -> None:
    assert time_of(b"70/11/25 01:02:03") == "1970-11-25T01:02:03.000Z"
    assert time_of(b"691125 010203") == "2069-11-25T01:02:03.000Z"


def test_noon_and_midnight_are_at_twelve() -> None:
    assert time_of(b"11/25/2026 12:02:03 AM") == "2026-11-25T00:02:03.000Z"
    assert time_of(b"11/25/2026 12:02:03 PM") == "2026-11-25T12:02:03.000Z"


def test_a_leap_second_is_the_next_second() -> None:
    assert time_of(b"2016-12-31T23:59:60.5Z") == "2017-01-01T00:00:00.500Z"


@pytest.mark.parametrize(
    ("line", "reference", "year"),
    [
        (b"Nov 25 01:02:03", "2026-11-25", 2026),
        (b"Nov 26 00:00:00", "2026-11-25", 2026),  # a clock may be a day ahead
        (b"Nov 27 00:00:00", "2026-11-25", 2025),
        (b"Dec 31 23:59:59", "2026-01-01", 2025),
        (b"Jan  1 00:30:00", "2025-12-31T23:59:00", 2026),
        (b"Feb 29 12:00:00", "2026-11-25", 2024),
        (b"Feb 29 12:00:00", "1904-03-01", None),
    ],
)
def test_a_time_without_a_year_is_in_the_last_possible_year(
    line: bytes, reference: str, year: int | None
) -> None:
    moment = datetime.fromisoformat(reference).replace(tzinfo=UTC).timestamp()
    found = time_of(line, moment)
    assert (found and int(found[:4])) == year


@quick
@given(moments, st.integers(-14 * 60, 14 * 60), st.sampled_from(["T", " "]))
def test_any_moment_is_read_in_any_zone(moment: datetime, minutes: int, mark: str) -> None:
    there = (moment + timedelta(minutes=minutes)).replace(tzinfo=None)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    line = f"{there.isoformat(mark, 'microseconds')}{sign}{hours:02}:{rest:02} x"
    found = LineTimes(REFERENCE).time_of(line.encode())
    assert found == pytest.approx(moment.timestamp(), abs=1e-5)


PARTS = (
    b"2026-11-25T01:02:03 01:02:0 1795568523 INFO [ ] , . +01 +0100 "
    b'-05:30 Z 5 123 456 {"time": " "ts": x 4 : '
    b"| 2026-02-30T01:02:03 \xff 20261125 2026-11-25- .02.03 26/11/25 11/25/2026, 1:02:03 AM , "
    b"25.11.2026 11.25 Nov 2026 010203 261125 I1125 time= ts= t= - <3>"
).split(b" ")
SPACED = [
    b" ",
    b"  ",
    b"- ",
    b" 2026",
    b" +",
    b"\t",
    b"\n",
    b"Nov 25 01:02:03",
    b" +0200",
    b"2026-11-25 ",
    b"25-Nov-2026 ",
    b"11-25 ",
    b" 01:02:03",
    b" PM",
]
parts = st.sampled_from([*PARTS, *SPACED, b"Wed Nov 25 01:02:03", b"[25/Nov/2026:01:02:03 +0000]"])
line_starts = st.lists(parts, max_size=6).map(b"".join)


@pytest.mark.heavy
@settings(database=None, deadline=None, max_examples=1000)
@given(st.lists(line_starts, max_size=8))
def test_the_time_of_a_line_does_not_depend_on_earlier_lines(lines: list[bytes]) -> None:
    times = LineTimes(REFERENCE)
    for line in [*lines, *lines]:
        assert times.time_of(line) == LineTimes(REFERENCE).time_of(line)


@quick
@given(st.binary(max_size=300), line_starts)
def test_random_bytes_never_raise(noise: bytes, start: bytes) -> None:
    times = LineTimes(REFERENCE)
    for line in (noise, start + noise, start):
        seconds = times.time_of(line)
        assert seconds is None or 0 <= seconds < 7.3e9


def test_more_times_than_fit_the_cache_are_read() -> None:
    times = LineTimes(REFERENCE)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [first + timedelta(seconds=7 * n) for n in range(3000)]
    for moment in [*moments, *moments]:
        assert times.time_of(moment.isoformat().encode()) == moment.timestamp()


@pytest.mark.parametrize(
    ("unit", "starts"),
    [
        ("second", ["2026-11-25T01:02:03.000Z", "2026-11-25T01:02:04.000Z"]),
        ("minute", ["2026-11-25T01:02:00.000Z"]),
        ("hour", ["2026-11-25T01:00:00.000Z"]),
        ("day", ["2026-11-25T00:00:00.000Z"]),
    ],
)
def test_a_histogram_counts_by_its_unit(unit: str, starts: list[str]) -> None:
    histogram = Histogram(unit)
    histogram.add(1795568524.0, 3)
    histogram.add(1795568523.0)
    histogram.add(1795568523.9)
    counts = [2, 3] if unit == "second" else [5]
    assert histogram.to_json() == list(zip(starts, counts, strict=True))
    assert histogram.unit == unit


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="'week' is not one of second, minute, hour, day"):
        Histogram("week")


def test_too_many_buckets_change_to_a_coarser_unit() -> None:
    histogram = Histogram("second", max_buckets=10)
    for second in range(0, 601, 60):
        histogram.add(second)
    assert histogram.unit == "hour"
    assert histogram.to_json() == [("1970-01-01T00:00:00.000Z", 11)]


def test_the_longest_buckets_are_decades() -> None:
    histogram = Histogram("day", max_buckets=30)
    day = datetime(2000, 1, 15, tzinfo=UTC)
    for _ in range(2 * 366):
        histogram.add(day.timestamp())
        day += timedelta(days=1)
    assert histogram.unit == "month"
    assert histogram.to_json()[1] == ("2000-02-01T00:00:00.000Z", 29)
    for year in range(1970, 2200):
        histogram.add(datetime(year, 7, 1, tzinfo=UTC).timestamp())
    assert histogram.unit == "decade"
    assert len(histogram.to_json()) == 23
    assert histogram.to_json()[:2] == [
        ("1970-01-01T00:00:00.000Z", 10),
        ("1980-01-01T00:00:00.000Z", 10),
    ]


def test_months_become_years_before_decades() -> None:
    histogram = Histogram("day", max_buckets=30)
    for year in range(1999, 2029):
        for month in (2, 7):
            histogram.add(datetime(year, month, 1, tzinfo=UTC).timestamp())
    assert histogram.unit == "year"
    assert histogram.to_json()[-1] == ("2028-01-01T00:00:00.000Z", 2)


@quick
@given(
    st.lists(st.tuples(st.floats(0, 7.2e9), st.integers(1, 9)), max_size=60),
    st.sampled_from(UNITS),
    st.integers(1, 30),
    st.randoms(use_true_random=False),
)
def test_a_histogram_does_not_depend_on_order_or_parts(
    entries: list[tuple[float, int]], unit: str, bound: int, chance: random.Random
) -> None:
    whole, parts = Histogram(unit, bound), [Histogram(unit, bound) for _ in range(3)]
    for time, number in entries:
        whole.add(time, number)
    for time, number in chance.sample(entries, len(entries)):
        chance.choice(parts).add(time, number)
    total = Histogram(unit, bound)
    for part in parts:
        total.merge(part)
    assert (total.unit, total.to_json()) == (whole.unit, whole.to_json())
    assert sum(number for _, number in whole.to_json()) == sum(number for _, number in entries)
    assert len(whole.to_json()) <= max(bound, 24)


def spans_of(data: bytes, step: int, folder: Path) -> list[tuple[float, float] | None]:
    """The time span of data that is read in windows, and of a file with that data."""
    in_windows = TimeSpan()
    for at in range(0, len(data), step):
        in_windows.feed(memoryview(data)[at : at + step])
    (file := folder / "log").write_bytes(data)
    return [each.times(LineTimes(REFERENCE)) for each in (in_windows, TimeSpan.of_file(file))]


@pytest.mark.parametrize("size", [10, 30_000, 32_768, 100_000])
def test_a_file_spans_from_its_first_time_to_its_last(size: int, tmp_path: Path) -> None:
    filler = b"  no time\n" * (size // 10)
    data = b"# log\n2026-11-25T01:02:03Z a\n" + filler * 2 + b"2026-11-25T02:00:00Z b\nlast\n  x"
    first = datetime(2026, 11, 25, 1, 2, 3, tzinfo=UTC).timestamp()
    last = datetime(2026, 11, 25, 2, tzinfo=UTC).timestamp()
    for step in (7, 999, 32_768, 50_000, 262_144):
        assert spans_of(data, step, tmp_path) == [(first, last)] * 2


def test_a_line_cut_by_the_last_32_kib_is_not_read(tmp_path: Path) -> None:
    data = b"x" * 10 + b"1795568523 is not at the start of a line".ljust(32_768)
    assert spans_of(data, 1000, tmp_path) == [None] * 2
    with_time = b"1795568523 a\n" + data
    assert spans_of(with_time, 1000, tmp_path) == [(1795568523.0, 1795568523.0)] * 2


def test_a_file_without_times_spans_none(tmp_path: Path) -> None:
    assert spans_of(b"", 100, tmp_path) == [None] * 2
    assert spans_of(b"a\nb\n", 100, tmp_path) == [None] * 2

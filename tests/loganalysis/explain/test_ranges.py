"""The ranges that need an explanation: bursts, silences and slow times."""

import random

from loganalysis.explain.ranges import MAX_RANGES, ranges_of, silences, slow_times
from loganalysis.explain.series import Quantiles, Series

TOTAL = [1000] * 60


def around(seed: int, usual: int = 50) -> list[int]:
    """A row of about `usual` lines per bin."""
    draw = random.Random(seed)
    return [draw.randrange(usual * 4 // 5, usual * 6 // 5) for _ in TOTAL]


def found(*rows: list[int]) -> list[tuple[int, int]]:
    series = [Series("field", "f", str(number), row) for number, row in enumerate(rows)]
    return [(each.start, each.end) for each in ranges_of(series, [], TOTAL)]


def test_a_silence_is_found_also_at_the_end_of_a_log() -> None:
    middle, last, before = around(1), around(2), around(3)
    middle[20:23] = [0, 1, 0]
    last[57:] = [0, 0, 0]
    before[:5] = [0] * 5
    assert found(middle) == [(20, 23)]
    assert found(last) == [(57, 60)]
    assert found(before) == [], "a series that begins later is no silence"


def test_a_silence_of_a_rare_series_may_be_an_accident() -> None:
    rare = around(4, usual=6)
    rare[30] = 0
    assert found(rare) == []


def test_a_series_that_is_often_silent_has_no_silence() -> None:
    row = [0 if number % 3 == 0 else count for number, count in enumerate(around(5))]
    assert found(row) == []


def test_a_log_that_is_silent_as_a_whole_has_no_silent_series() -> None:
    row, total = around(6), [*TOTAL]
    row[20:30] = total[20:30] = [0] * 10
    assert [*silences(row, total, 1)] == []


def test_ranges_that_are_mostly_the_same_are_one() -> None:
    one, other, apart = around(7), around(8), around(9)
    one[20:24] = [900] * 4
    other[21:24] = [700] * 3
    apart[40:42] = [800] * 2
    assert found(one, other, apart) == [(20, 24), (40, 42)]


def test_only_the_strongest_ranges_are_kept_in_the_order_of_time() -> None:
    rows = []
    for number in range(MAX_RANGES + 2):
        row = around(number)
        row[number * 4] = 1000 + 100 * number
        rows.append(row)
    assert found(*rows) == [(at * 4, at * 4 + 1) for at in range(2, MAX_RANGES + 2)]


def test_a_slow_time_stands_out_of_what_is_usual() -> None:
    usual = [0.1 + 0.001 * (number % 7) for number in range(60)]
    slow = [*usual]
    slow[30:33] = [0.9, 1.2, 0.8]
    counts = [100] * 60
    (time,) = slow_times([Quantiles("seconds", slow, counts)])
    assert (time.range.start, time.range.end, time.field, time.p95) == (30, 33, "seconds", 1.2)
    assert 0.1 <= time.usual <= 0.107
    assert slow_times([Quantiles("seconds", usual, counts)]) == []


def test_times_that_vary_much_or_have_few_lines_are_not_slow() -> None:
    wild = [0.1 * 4 ** (number % 5) for number in range(60)]
    assert slow_times([Quantiles("seconds", wild, [100] * 60)]) == []
    few = [0.1] * 60
    few[10] = 5.0
    assert slow_times([Quantiles("seconds", few, [1] * 60)]) == []
    assert slow_times([Quantiles("seconds", [None] * 60, [0] * 60)]) == []

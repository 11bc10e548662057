"""The time axis spans where the lines are; single times that are far away are left out."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.match.patterns import Pattern
from loganalysis.scan.options import AnalysisOptions
from loganalysis.times.axis import BINS, MAX_BINS, Axis, axis_of
from tests.support.loganalysis.axis import DAY, plain_core
from tests.support.loganalysis.in_ranges import in_ranges, whole

START = datetime(2026, 11, 25, tzinfo=UTC)
NOW = int(START.timestamp())
BOTH = AnalysisOptions(timeline=True, overview=True)
EACH = (AnalysisOptions(timeline=True), AnalysisOptions(overview=True), BOTH)
WRONG = {
    "an epoch of 0": b"1970-01-01 00:00:00 INFO clock is not set\n",
    "a year 2099": b"2099-12-31 23:59:59 INFO certificate ends\n",
    "a date of birth": b'{"date": "1981-04-12T09:07:00Z", "msg": "born"}\n',
}


def lines(count: int, seconds: float, text: str = "INFO work") -> list[bytes]:
    """Lines at even distances, over this many seconds."""
    moments = (START + timedelta(seconds=seconds * number / count) for number in range(count))
    return [f"{each:%Y-%m-%d %H:%M:%S} {text} {each:%f}\n".encode() for each in moments]


def timeline_of(folder: Path, data: list[bytes], options: AnalysisOptions) -> dict[str, Any]:
    (log := folder / "log").write_bytes(b"".join(data))
    found: dict[str, Any] = whole(log, [Pattern("INFO")], options)["timeline"]
    return found


def axis(seconds: list[int]) -> Axis:
    found = axis_of(Counter(seconds).items(), 1)
    assert found
    return found


def left_out(seconds: list[int]) -> dict[str, int]:
    return axis(seconds).outside(Counter(seconds).items(), 1)


@pytest.mark.parametrize("options", EACH)
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("place", [0, 500, 1000])
def test_one_wrong_time_does_not_stretch_the_axis(
    tmp_path: Path, options: AnalysisOptions, wrong: str, place: int
) -> None:
    data = lines(1000, 3600)
    data.insert(place, WRONG[wrong])
    found = timeline_of(tmp_path, data, options)
    assert (found["start"], found["bin_seconds"]) == ("2026-11-25T00:00:00.000Z", 30)
    assert found["bins"] == 120
    assert sum(found["total"]) == 1000
    assert found["before"] + found["after"] == 1
    assert found["after"] == (wrong == "a year 2099")


@pytest.mark.parametrize("options", EACH)
def test_many_wrong_times_still_leave_the_axis_where_the_lines_are(
    tmp_path: Path, options: AnalysisOptions
) -> None:
    chance = random.Random(1)
    data = lines(20_000, 3600)
    for _ in range(100):
        moment = datetime(1970, 1, 2, tzinfo=UTC) + timedelta(days=chance.uniform(0, 60 * 365))
        data.insert(chance.randrange(len(data)), f"{moment:%Y-%m-%d %H:%M:%S} x\n".encode())
    found = timeline_of(tmp_path, data, options)
    assert found["bin_seconds"] <= 60
    assert sum(found["total"]) == 20_000
    assert found["before"] + found["after"] == 100


@pytest.mark.parametrize("options", EACH)
def test_nothing_is_hidden(tmp_path: Path, options: AnalysisOptions) -> None:
    data = [b"no time\n", *lines(500, 86_400), *WRONG.values()]
    found = timeline_of(tmp_path, data, options)
    total = found["undated"] + found["before"] + sum(found["total"]) + found["after"]
    assert total == len(data)


def test_an_axis_without_outliers_has_no_count_of_them(tmp_path: Path) -> None:
    found = timeline_of(tmp_path, lines(500, 86_400), BOTH)
    assert not {"before", "after"} & found.keys()


def test_a_time_that_is_near_is_never_left_out() -> None:
    assert not left_out([*[NOW] * 1000, NOW + DAY])
    assert left_out([*[NOW] * 1000, NOW + DAY + 1]) == {"before": 0, "after": 1}
    week = [NOW + number * 3600 for number in range(7 * 24 + 1)]
    assert not left_out([*week, week[-1] + 5 * 7 * DAY])
    assert left_out([*week, week[-1] + 6 * 7 * DAY]) == {"before": 0, "after": 1}


def test_one_line_of_a_hundred_can_be_left_out_and_one_of_ten() -> None:
    far = NOW + 1000 * DAY
    assert not left_out([*[NOW] * 8, far])
    assert left_out([*[NOW] * 9, far])["after"] == 1
    assert not left_out([*[NOW] * 100, far, far])
    assert left_out([*[NOW] * 198, far, far])["after"] == 2


def test_lines_after_a_long_silence_belong_to_the_axis_if_they_are_many() -> None:
    assert not left_out([*[NOW] * 980, *[NOW + 1000 * DAY] * 20])


def test_outliers_on_both_sides_and_at_different_distances_are_left_out() -> None:
    seconds = [*range(NOW, NOW + 1000), 0, NOW - 400 * DAY, NOW + 26_000 * DAY]
    assert left_out([*seconds, *range(NOW, NOW + 1000)]) == {"before": 2, "after": 1}


@settings(database=None, deadline=None, max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 7_000_000_000), st.integers(1, 40)), max_size=6),
    st.lists(st.integers(NOW, NOW + 100_000), min_size=1, max_size=150),
)
def test_the_axis_follows_its_rule(far: list[tuple[int, int]], near: list[int]) -> None:
    seconds = [*near, *(second for second, count in far for _ in range(count))]
    first, last = plain_core(seconds)
    width = next(each for each in BINS if last // each - first // each < MAX_BINS)
    found = axis(seconds)
    assert found == Axis(first // width, width, last // width - first // width + 1)
    rows, outside = (
        found.row(Counter(seconds).items(), 1),
        found.outside(Counter(seconds).items(), 1),
    )
    assert sum(rows) + sum(outside.values()) == len(seconds)


def test_bins_are_a_multiple_of_both_widths() -> None:
    found = axis_of([(NOW // 30, 1), (NOW // 30 + 100, 1)], 30, also=300)
    assert found
    assert found.seconds == 300


@pytest.mark.heavy
@pytest.mark.parametrize("range_bytes", [1, 37, 113, 400, 1500, 9000])
def test_wrong_times_in_ranges_give_the_same_result(tmp_path: Path, range_bytes: int) -> None:
    chance, data = random.Random(range_bytes), lines(400, 7200)
    for each in WRONG.values():
        data.insert(chance.randrange(len(data)), each)
    (log := tmp_path / "log").write_bytes(b"".join(data))
    patterns = [Pattern("INFO")]
    expected = whole(log, patterns, BOTH)
    assert in_ranges(log, range_bytes, patterns, BOTH) == expected
    assert expected["timeline"]["before"] == 2

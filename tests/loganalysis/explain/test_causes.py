"""Compares the causes in a range with a count of the lines in plain Python."""

import random
from collections import Counter
from collections.abc import Mapping
from math import log

import pytest

from loganalysis.explain.causes import MAX_CAUSES, causes_of
from loganalysis.explain.series import Series

BINS = 40


def log_of(
    seed: int, shares: Mapping[str, float], later: Mapping[str, float]
) -> list[Counter[str]]:
    """The lines of each bin by their value: with other shares in the bins 10 to 14."""
    draw = random.Random(seed)
    bins = []
    for number in range(BINS):
        weights = later if 10 <= number < 15 else shares
        lines = draw.choices([*weights], [*weights.values()], k=draw.randrange(300, 900))
        bins.append(Counter(lines))
    return bins


def compared(bins: list[Counter[str]], start: int = 10, end: int = 15) -> dict[str, float | None]:
    """The ratio of each cause, in their order."""
    names = sorted({name for each in bins for name in each})
    series = [Series("field", "f", name, [each[name] for each in bins]) for name in names]
    total = [each.total() for each in bins]
    causes = causes_of(series, total, start, end)
    for cause in causes:
        inside, outside = bins[start:end], [*bins[:start], *bins[end:]]
        counts = sum(each[cause.series.key] for each in inside)
        assert (cause.inside, cause.outside) == (
            counts,
            sum(each[cause.series.key] for each in outside),
        )
        assert cause.share_inside == counts / sum(each.total() for each in inside)
        assert cause.expected == pytest.approx(cause.share_outside * sum(total[start:end]))
    return {cause.series.key: cause.ratio for cause in causes}


@pytest.mark.parametrize("seed", range(5))
def test_the_value_with_another_share_comes_first(seed: int) -> None:
    usual = {"a": 50, "b": 30, "c": 20, "d": 1}
    found = compared(log_of(seed, usual, {**usual, "d": 12}))
    assert next(iter(found)) == "d"
    assert found["d"] == pytest.approx(12 / 112 * 101, rel=0.4)


@pytest.mark.parametrize("seed", range(20))
def test_a_range_like_the_others_has_no_cause(seed: int) -> None:
    usual = {f"v{number}": 1 / (number + 1) for number in range(60)}
    assert compared(log_of(seed, usual, usual)) == {}


def test_a_value_that_is_only_in_the_range_has_no_ratio() -> None:
    assert compared(log_of(1, {"a": 9, "b": 9}, {"a": 9, "b": 9, "new": 1})) == {"new": None}


def test_values_whose_share_falls_because_others_burst_are_no_causes() -> None:
    bins = log_of(2, {"a": 50, "b": 50}, {"a": 50, "b": 50})
    for number in range(10, 15):
        bins[number]["flood"] = 5000
    assert compared(bins) == {"flood": None}


def test_bins_without_lines_do_not_make_the_others_rare() -> None:
    bins = [Counter({} if number % 4 else {"a": 500}) for number in range(BINS)]
    bins[12]["burst"] = 900
    assert compared(bins, 12, 16) == {"burst": None}


def test_a_value_that_is_missing_is_a_cause() -> None:
    assert compared(log_of(3, {"a": 50, "b": 40, "c": 9}, {"a": 50, "b": 40})) == {"c": 0.0}


def test_a_share_that_changes_all_the_time_needs_more_to_be_a_cause() -> None:
    """Each third bin has a burst of `b`, so one more explains nothing."""
    bins = log_of(4, {"a": 50, "b": 5}, {"a": 50, "b": 5})
    for number in range(0, BINS, 3):
        bins[number]["b"] += 400
    assert compared(bins, 12, 13) == {}


def test_most_causes_are_left_out_after_the_strongest() -> None:
    usual = {"a": 100.0}
    found = compared(log_of(5, usual, usual | {f"n{number}": 1 + number for number in range(20)}))
    assert len(found) == MAX_CAUSES
    assert "n19" in found
    assert "n0" not in found


def test_nothing_differs_without_lines_inside_or_outside() -> None:
    series = [Series("level", "", "INFO", [0, 5, 0])]
    assert causes_of(series, [0, 5, 0], 0, 1) == []
    assert causes_of(series, [0, 5, 0], 1, 2) == []


def test_the_evidence_is_the_likelihood_ratio_of_the_counts() -> None:
    """By the definition: twice the logarithm of how much more likely two shares are than one."""
    row, total = [10, 100, 10, 10, 10, 10], [100] * 6
    (cause,) = causes_of([Series("level", "", "ERROR", row)], [each + 100 for each in total], 1, 2)

    def likelihood(count: int, lines: int, share: float) -> float:
        return count * log(share) + (lines - count) * log(1 - share)

    apart = likelihood(100, 200, 0.5) + likelihood(50, 1000, 0.05)
    together = likelihood(100, 200, 150 / 1200) + likelihood(50, 1000, 150 / 1200)
    assert cause.evidence == pytest.approx(2 * (apart - together))


def test_a_series_that_bursts_once_is_not_missing_elsewhere() -> None:
    bins = log_of(6, {"a": 50}, {"a": 50})
    bins[20]["b"] = 300
    assert compared(bins, 0, 5) == {}
    assert "b" in compared(bins, 20, 21)

"""Bursts are found where there is an incident, and nowhere else."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from loganalysis.templates.bursts import bursts
from loganalysis.templates.collector import overview_collector
from loganalysis.templates.overview import overview

START = datetime(2026, 11, 25, tzinfo=UTC)
KINDS = ("INFO Request served by worker", "WARN Slow query on replica", "DEBUG Cache was refreshed")
INCIDENT = "ERROR Upstream refused the connection"


def places(counts: list[int], total: list[int] | None = None, series: int = 50) -> list[Any]:
    return [(each.start, each.end) for each in bursts(counts, total, series)]


def poisson(chance: random.Random, mean: float, bins: int) -> list[int]:
    """Numbers of lines that come at random times."""
    counts = [0] * bins
    time = chance.expovariate(mean)
    while time < bins:
        counts[int(time)] += 1
        time += chance.expovariate(mean)
    return counts


def log(seconds: float, rate: float, seed: int, incident: tuple[float, float, int] | None) -> bytes:
    """Lines of four kinds at random times; `rate` is the number of lines per second.

    An incident adds lines from one second to another.
    """
    chance, lines = random.Random(seed), list[tuple[float, str]]()
    at = chance.expovariate(rate)
    while at < seconds:
        kind = INCIDENT if chance.random() < 0.01 else chance.choices(KINDS, (8, 1, 1))[0]
        lines.append((at, kind))
        at += chance.expovariate(rate)
    if incident:
        first, last, count = incident
        lines += [(chance.uniform(first, last), INCIDENT) for _ in range(count)]
    lines.sort()
    texts = (f"{START + timedelta(seconds=at):%Y-%m-%d %H:%M:%S} {text}\n" for at, text in lines)
    return "".join(texts).encode()


def overview_of(data: bytes) -> dict[str, Any]:
    collector = overview_collector(START.timestamp())
    collector.feed(memoryview(data))
    return overview(collector.finish(), START.timestamp())[0]


LENGTHS = [(300, 20.0), (3600, 0.2), (3600, 5.0), (86_400, 0.02), (86_400, 0.3), (7 * 86_400, 0.02)]


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("seconds", "rate"), LENGTHS)
def test_an_incident_is_found_and_nothing_else(seconds: float, rate: float, seed: int) -> None:
    first = seconds * (0.2 + 0.2 * seed)
    last = first + seconds * 0.02
    found = overview_of(log(seconds, rate, seed, (first, last, 60)))
    assert {each["key"] for each in found["bursts"] if each["kind"] == "level"} == {"ERROR"}
    template = next(each for each in found["templates"] if each["level"] == "ERROR")
    assert [each["id"] for each in found["templates"] if each["state"] == "burst"] == [
        template["id"]
    ]
    assert len(found["bursts"]) == 2
    for each in found["bursts"]:
        begin, end = (datetime.fromisoformat(each[name]) - START for name in ("from", "until"))
        assert begin.total_seconds() < last
        assert end.total_seconds() > first
        usual = 0.01 * rate * (end - begin).total_seconds()
        assert 55 <= each["count"] <= 70 + 4 * usual
        assert (end - begin).total_seconds() < 0.1 * seconds


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("seconds", "rate"), LENGTHS)
def test_without_an_incident_nothing_is_marked(seconds: float, rate: float, seed: int) -> None:
    found = overview_of(log(seconds, rate, 100 + seed, None))
    assert found["bursts"] == []
    assert "burst" not in {each["state"] for each in found["templates"]}


@pytest.mark.heavy
@pytest.mark.parametrize("mean", [0.05, 0.3, 1, 2, 3, 5, 10, 100])
def test_lines_at_random_times_have_no_burst(mean: float) -> None:
    chance = random.Random(int(mean * 100))
    for bins in (10, 50, 200):
        assert [places(poisson(chance, mean, bins)) for _ in range(100)] == [[]] * 100


def test_bursts_need_lines_and_a_normal_state_to_compare_with() -> None:
    assert places([0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]) == []
    assert places([0] * 40 + [9] + [0] * 40 + [1]) == []
    assert places([50, 0, 0, 0, 0, 0, 0, 0, 0]) == []
    assert places([10] * 100) == []
    assert places([2] * 50 + [40] * 3 + [2] * 50) == [(50, 53)]
    assert places([0] * 40 + [20] + [0] * 9 + [20] + [0] * 40) == [(40, 41), (50, 51)]


def test_most_of_the_time_is_no_burst() -> None:
    assert places([1] * 40 + [30] * 60) == []
    assert places([1] * 60 + [30] * 30) == []
    assert places([1] * 80 + [30] * 30) == [(80, 110)]


def test_peaks_of_every_hour_are_no_bursts_but_a_larger_one_is() -> None:
    hourly = [20 if number % 6 == 0 else 0 for number in range(144)]
    assert places(hourly) == []
    hourly[63] = 400
    assert places(hourly) == [(63, 64)]


def test_two_sessions_in_a_silent_log_are_no_bursts() -> None:
    total = [0] * 200
    total[3], total[150] = 500, 700
    counts = [number // 2 for number in total]
    assert places(counts, total) == []
    assert places(counts) != []


def test_silent_bins_are_left_out_and_places_stay_those_of_the_axis() -> None:
    total = [10, 0] * 30
    counts = [0] * 60
    counts[20], counts[22], total[20], total[22] = 40, 40, 50, 50
    assert places(counts, total) == [(20, 23)]


def test_the_day_of_an_office_has_no_burst() -> None:
    chance = random.Random(8)
    day = [0] * 48 + poisson(chance, 30, 48) + [0] * 48
    assert places(day) == []

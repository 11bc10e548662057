"""Bursts: times in which lines of a kind are much more frequent than otherwise.

Bins in which the log has no line at all do not count: while it is silent, nothing is usual.

In the others, the automaton with two states of J. Kleinberg, "Bursty and Hierarchical Structure in
Streams", KDD 2002, finds candidates. In the normal state, a bin has BASE lines on average, and in a
burst FACTOR times as many, both with a Poisson distribution. Each change into a burst costs the
logarithm of the number of bins. The sequence of states with the least cost has the bursts. BASE is
the median of all bins, so that a burst does not hide itself, but at least the mean without the
highest tenth of the bins, a quarter of the mean, and half a line, so that a burst does not last
over empty bins. Bins at the ends of a burst belong
to it if they have FACTOR times BASE lines.

A candidate is reported if

- it has MIN_COUNT lines or more, and FACTOR times as many as the mean of the other bins,
- it takes less than 1 / PART of the time, and
- it is no accident: if lines came at random, at the rate and with the variation of the other bins,
  then so many of them would come together, anywhere in any of the series, with a probability of at
  most ALPHA. The bound is Chernoff's for a Poisson distribution. The variation is the variance of
  the other bins divided by their mean, without their highest 2 %, which may be other bursts. So the
  peaks of a job that runs every hour are no bursts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log
from statistics import fmean, median, pvariance

FACTOR = 3.0
MIN_COUNT = 10
MIN_BINS = 10
"""With fewer bins, there is no normal state to compare with."""
PART = 3
ALPHA = 0.01
_OTHER_BURSTS = 0.02
"""The share of the other bins that may be in other bursts."""


@dataclass(frozen=True)
class Burst:
    """A burst in the bins `start` to `end` - 1. Outside of it, `expected` lines would be usual."""

    start: int
    end: int
    count: int
    expected: float


def bursts(
    counts: Sequence[int], total: Sequence[int] | None = None, series: int = 1
) -> list[Burst]:
    """The bursts in a sequence of counts, one for each bin of equal width.

    `total` has the numbers of all lines of the log; without it, no bin counts as silent. `series`
    is the number of sequences that are examined.
    """
    places = [place for place, lines in enumerate(total or counts) if lines or total is None]
    used = [counts[place] for place in places]
    count, size = sum(used), len(used)
    if size < MIN_BINS or count < MIN_COUNT:
        return []
    base = max(float(median(used)), fmean(sorted(used)[: size - size // 10]), count / size / 4, 0.5)
    runs = (_trimmed(used, start, end, FACTOR * base) for start, end in _runs(_states(used, base)))
    found = (_burst(used, start, end) for start, end in runs)
    return [
        Burst(places[each.start], places[each.end - 1] + 1, each.count, each.expected)
        for each in found
        if each.count >= MIN_COUNT
        and each.count >= FACTOR * each.expected
        and (each.end - each.start) * PART < size
        and _log_chance(used, each) + log(size * size * series) <= log(ALPHA)
    ]


def _trimmed(counts: Sequence[int], start: int, end: int, least: float) -> tuple[int, int]:
    """A run without the bins at its ends that have fewer lines; its fullest bin stays."""
    least = min(least, max(counts[start:end]))
    while counts[start] < least:
        start += 1
    while counts[end - 1] < least:
        end -= 1
    return start, end


def _burst(counts: Sequence[int], start: int, end: int) -> Burst:
    count, others = sum(counts[start:end]), len(counts) - (end - start)
    outside = (sum(counts) - count) / others if others else 0.0
    return Burst(start, end, count, outside * (end - start))


def _log_chance(counts: Sequence[int], burst: Burst) -> float:
    """The logarithm of a bound of the probability of so many lines in these bins.

    The rate of the other bins is an estimate, so that one line more is assumed there.
    """
    others = sorted([*counts[: burst.start], *counts[burst.end :]])
    usual = others[: len(others) - ceil(len(others) * _OTHER_BURSTS)]
    mean = fmean(usual)
    variation = max(pvariance(usual, mean) / mean, 1.0) if mean else 1.0
    expected = burst.expected + (burst.end - burst.start) / len(others)
    if burst.count <= expected:
        return 0.0
    return (burst.count - expected - burst.count * log(burst.count / expected)) / variation


def _states(counts: Sequence[int], base: float) -> list[bool]:
    """The states with the least cost, by the algorithm of Viterbi; True is a burst."""
    change = log(len(counts))
    costs, came_from = (0.0, change), list[tuple[bool, bool]]()
    for count in counts:
        normal = base - count * log(base)
        burst = FACTOR * base - count * log(FACTOR * base)
        ends, begins = costs[1] < costs[0], costs[0] + change < costs[1]
        came_from.append((ends, not begins))
        costs = (
            (costs[1] if ends else costs[0]) + normal,
            (costs[0] + change if begins else costs[1]) + burst,
        )
    state, states = costs[1] < costs[0], list[bool]()
    for from_normal, from_burst in reversed(came_from):
        states.append(state)
        state = from_burst if state else from_normal
    return states[::-1]


def _runs(states: Sequence[bool]) -> list[tuple[int, int]]:
    """The start and end of each run of True."""
    edges = [
        at
        for at in range(len(states) + 1)
        if (states[at - 1] if at else False) is not (states[at] if at < len(states) else False)
    ]
    return list(zip(edges[::2], edges[1::2], strict=True))

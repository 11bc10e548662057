"""Bursts: times in which lines of a kind are much more frequent than otherwise.

The rule is the automaton with two states of J. Kleinberg, "Bursty and Hierarchical Structure in
Streams", KDD 2002, for counts per bin. In the normal state, a bin has BASE lines on average, and
in a burst FACTOR times as many, both with a Poisson distribution. Each change into a burst costs
the logarithm of the number of bins. The sequence of states with the least cost has the bursts.

BASE is the median of all bins, so that a burst does not hide itself, but at least a quarter of the
mean, and half a line, so that a burst does not last over empty bins. A burst is reported if it has
MIN_COUNT lines or more, FACTOR times as many as the mean of the other bins, and takes less than
half of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from statistics import median

FACTOR = 3.0
MIN_COUNT = 10
MIN_BINS = 6
"""With fewer bins, there is no normal state to compare with."""


@dataclass(frozen=True)
class Burst:
    """A burst in the bins `start` to `end` - 1. Outside of it, `expected` lines would be usual."""

    start: int
    end: int
    count: int
    expected: float


def bursts(counts: Sequence[int]) -> list[Burst]:
    """The bursts in a sequence of counts, one for each bin of equal width."""
    total, size = sum(counts), len(counts)
    if size < MIN_BINS or total < MIN_COUNT:
        return []
    base = max(float(median(counts)), total / size / 4, 0.5)
    found = (_burst(counts, start, end) for start, end in _runs(_states(counts, base)))
    return [
        burst
        for burst in found
        if burst.count >= MIN_COUNT
        and burst.count >= FACTOR * burst.expected
        and (burst.end - burst.start) * 2 < size
    ]


def _burst(counts: Sequence[int], start: int, end: int) -> Burst:
    count, others = sum(counts[start:end]), len(counts) - (end - start)
    outside = (sum(counts) - count) / others if others else 0.0
    return Burst(start, end, count, outside * (end - start))


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

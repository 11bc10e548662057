"""Tests whether two counts come from equal rates, such as lines with an error per line of a log.

The test is the conditional test of two Poisson rates: if both rates are equal, the first count is
binomial, given the sum of both (J. Przyborowski and H. Wilenski, Homogeneity of results in testing
samples from Poisson series, Biometrika 31, 1940). Holm's method keeps the chance of one false alarm
among all comparisons below the level (S. Holm, A simple sequentially rejective multiple test
procedure, Scandinavian Journal of Statistics 6, 1979). Imports nothing of ours.
"""

import math
from collections.abc import Sequence

_NORMAL_VARIANCE = 1000.0
"""From this variance on, a normal distribution takes the place of the binomial one."""
_NEGLIGIBLE = 1e-17


def p_of_equal_rates(first: int, first_exposure: float, second: int, exposure: float) -> float:
    """Return the two-sided p-value of two counts, each with its exposure, such as lines or hours.

    It is twice the probability of the smaller tail, and 1 at most; 1 also without an exposure.
    """
    total = first + second
    if total == 0 or first_exposure <= 0 or exposure <= 0:
        return 1.0
    share = first_exposure / (first_exposure + exposure)
    mean, variance = total * share, total * share * (1 - share)
    if variance >= _NORMAL_VARIANCE:
        distance = max(0.0, abs(first - mean) - 0.5)  # with the correction for continuity
        return math.erfc(distance / math.sqrt(2 * variance))
    tail = (
        _upper_tail(first, total, share) if first >= mean else _upper_tail(second, total, 1 - share)
    )
    return min(1.0, 2 * tail)


def adjusted_for_many(values: Sequence[float]) -> list[float]:
    """Return p-values as Holm's method corrects them for their number, in the given order."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, highest = [1.0] * len(values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = highest
    return adjusted


def _upper_tail(least: int, trials: int, share: float) -> float:
    """The probability of at least so many successes. `least` is not below the mean.

    From there on, each probability is smaller than the one before.
    """
    log_first = (
        math.lgamma(trials + 1)
        - math.lgamma(least + 1)
        - math.lgamma(trials - least + 1)
        + least * math.log(share)
        + (trials - least) * math.log1p(-share)
    )
    term = total = math.exp(log_first)
    odds = share / (1 - share)
    for successes in range(least, trials):
        term *= (trials - successes) / (successes + 1) * odds
        total += term
        if term < _NEGLIGIBLE * total:
            break
    return total

"""The test of two rates, compared with sums over the whole distribution in exact numbers."""

import random
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.api.analyses.rates import adjusted_for_many, p_of_equal_rates

COUNTS = st.integers(0, 60)
EXPOSURES = st.integers(1, 50)


def exact(first: int, first_exposure: int, second: int, exposure: int) -> float:
    """Twice the smaller tail of the binomial distribution."""
    total, share = first + second, Fraction(first_exposure, first_exposure + exposure)
    parts = [comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(total + 1)]
    return float(min(Fraction(1), 2 * min(sum(parts[first:]), sum(parts[: first + 1]))))


@given(COUNTS, EXPOSURES, COUNTS, EXPOSURES)
def test_it_is_the_sum_of_the_smaller_tail(first: int, a: int, second: int, b: int) -> None:
    assert p_of_equal_rates(first, a, second, b) == pytest.approx(exact(first, a, second, b))


@given(COUNTS, EXPOSURES, COUNTS, EXPOSURES)
def test_the_order_of_the_counts_does_not_matter(first: int, a: int, second: int, b: int) -> None:
    swapped = p_of_equal_rates(second, b, first, a)
    assert p_of_equal_rates(first, a, second, b) == pytest.approx(swapped)


@pytest.mark.heavy
@pytest.mark.parametrize("first", [1900, 1980, 2000, 2090])
def test_large_counts_use_a_normal_distribution(first: int) -> None:
    """At 4,000 counts the variance is 1,000."""
    assert p_of_equal_rates(first, 1, 4000 - first, 1) == pytest.approx(
        exact(first, 1, 4000 - first, 1), rel=0.05, abs=1e-6
    )


@pytest.mark.parametrize(
    ("counts", "p"),
    [
        ((0, 100, 0, 100), 1.0),
        ((5, 0, 5, 100), 1.0),
        ((5, 100, 5, 0), 1.0),
        ((0, 10**9, 1, 10**9), 1.0),
        ((10**12, 10**12, 10**12, 10**12), 1.0),
    ],
)
def test_without_a_difference_or_an_exposure_it_is_1(counts: tuple[int, ...], p: float) -> None:
    assert p_of_equal_rates(*counts) == p


def test_huge_and_tiny_counts_are_no_problem() -> None:
    assert p_of_equal_rates(10**12, 10**12, 10**12 + 10**8, 10**12) < 1e-6
    assert p_of_equal_rates(40, 10**12, 0, 1) == 1.0
    assert p_of_equal_rates(0, 1, 40, 10**12) == 1.0
    assert p_of_equal_rates(40, 1, 40, 10**12) < 1e-300


def test_equal_rates_are_seldom_called_different() -> None:
    """Below the level of 5 %, by whatever chance: the test never errs more often than it says."""
    rng = random.Random(7)
    wrong = 0
    for _ in range(2000):
        counts = [sum(rng.random() < 0.02 for _ in range(200)) for _ in range(2)]
        wrong += p_of_equal_rates(counts[0], 200, counts[1], 200) < 0.05
    assert wrong <= 100


def test_holm_multiplies_the_smallest_value_by_their_number() -> None:
    assert adjusted_for_many([]) == []
    assert adjusted_for_many([0.04]) == [0.04]
    values = adjusted_for_many([0.01, 0.04, 0.03, 0.005])
    assert values == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert adjusted_for_many([0.9, 0.8]) == [1.0, 1.0]

"""The backoff before a retry."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.supervisor.backoff import backoff_ms

chances = st.floats(min_value=0, max_value=1)


@pytest.mark.parametrize(
    ("count", "milliseconds"), [(1, 2_000), (2, 4_000), (3, 8_000), (5, 32_000), (6, 60_000)]
)
def test_the_wait_doubles_from_two_seconds_up_to_a_minute(count: int, milliseconds: int) -> None:
    assert backoff_ms(count, lambda: 0.5) == milliseconds


def test_the_wait_varies_by_twenty_percent() -> None:
    assert backoff_ms(2, lambda: 0.0) == 3_200
    assert backoff_ms(2, lambda: 1.0) == 4_800


def test_retries_at_the_maximum_backoff_vary_too() -> None:
    assert backoff_ms(50, lambda: 0.0) == 48_000
    assert backoff_ms(50, lambda: 1.0) == 60_000


def test_the_base_and_the_maximum_can_be_set() -> None:
    assert backoff_ms(1, lambda: 0.5, base_seconds=0.25) == 250
    assert backoff_ms(9, lambda: 0.5, max_seconds=7.5) == 7_500
    assert backoff_ms(9, lambda: 0.5, max_seconds=0) == 0


@settings(database=None, deadline=None)
@given(count=st.integers(min_value=1, max_value=10**30), chance=chances)
def test_no_retry_waits_longer_than_the_maximum(count: int, chance: float) -> None:
    assert 1_600 <= backoff_ms(count, lambda: chance) <= 60_000


@settings(database=None, deadline=None)
@given(count=st.integers(min_value=1, max_value=10), chance=chances)
def test_a_later_retry_never_waits_less_for_the_same_random_number(
    count: int, chance: float
) -> None:
    assert backoff_ms(count, lambda: chance) <= backoff_ms(count + 1, lambda: chance)

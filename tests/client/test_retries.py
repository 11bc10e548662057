import pytest

from jobservice.errors import ApiError, ConnectionFailed, JobServiceError
from jobservice.retries import Retries, is_worth_repeating

BROKEN = ConnectionFailed("no response")


def refused(status: int, code: str | None = None, after: float | None = None) -> ApiError:
    return ApiError(status, {"code": code}, retry_after=after)


@pytest.mark.parametrize(
    ("failure", "repeats"),
    [
        (BROKEN, True),
        (ConnectionFailed("wrong certificate", is_permanent=True), False),
        (refused(429), True),
        (refused(429, "quota_exceeded", after=1), True),
        (refused(429, "quota_exceeded"), False),
        (refused(413, "larger_than_quota"), False),
        (refused(502), True),
        (refused(503, "store_unavailable"), True),
        (refused(503, "submission_uncertain"), True),
        (refused(503, "store_damaged"), False),
        (refused(504), True),
        (refused(408, "too_slow"), True),
        (refused(409, "key_in_progress"), True),
        (refused(409, "job_running"), False),
        (refused(422, "invalid_request"), False),
        (refused(500, "internal_error"), False),
        (refused(507, "disk_full"), False),
    ],
)
def test_failures_that_pass_are_repeated(failure: JobServiceError, repeats: bool) -> None:
    assert is_worth_repeating(failure) is repeats
    assert (Retries(60).pause(failure, 0.0) is not None) is repeats


def test_a_pause_doubles_up_to_five_seconds() -> None:
    longest, shortest = Retries(1000, lambda: 1.0), Retries(1000, lambda: 0.0)
    pauses = [longest.pause(BROKEN, 0.0) for _ in range(8)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert [shortest.pause(BROKEN, 0.0) for _ in range(3)] == [0.05, 0.1, 0.2]


def test_retry_after_makes_a_pause_longer() -> None:
    assert Retries(60, lambda: 0.0).pause(refused(503, after=10), 0.0) == 10
    assert Retries(60, lambda: 0.0).pause(refused(503, after=0), 0.0) == 0.05


def test_failures_in_a_row_are_given_up_after_the_time() -> None:
    retries = Retries(10, lambda: 0.0)
    assert retries.pause(BROKEN, 100.0) is not None
    assert retries.pause(BROKEN, 109.0) is not None
    assert retries.pause(BROKEN, 110.0) is None


def test_a_request_that_gets_further_has_all_the_time_again() -> None:
    retries = Retries(10, lambda: 0.0)
    retries.pause(BROKEN, 100.0)
    retries.reset()
    assert retries.pause(BROKEN, 120.0) == 0.05


def test_a_pause_that_would_take_too_long_is_not_begun() -> None:
    assert Retries(10).pause(refused(503, after=11), 0.0) is None


def test_no_time_means_no_second_try() -> None:
    assert Retries(0).pause(BROKEN, 5.0) is None

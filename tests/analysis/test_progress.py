"""How far something is, told now and then."""

from runner.analysis.input.progress import ThrottledProgress


def test_of_much_that_is_told_little_comes_through_and_nothing_else_is_looked_up() -> None:
    now, reported, asked = 0.0, list[float](), list[float]()

    def get_progress() -> float:
        asked.append(now)
        return now

    throttled = ThrottledProgress(reported.append, lambda: now)
    for now in (0.0, 0.05, 0.11, 0.15, 0.2, 0.22, 0.23):  # noqa: B007  which far and the clock see
        throttled(get_progress)
    assert reported == asked == [0.11, 0.22]

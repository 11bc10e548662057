"""Progress reports are throttled."""

from runner.analysis.input.progress import ThrottledProgress


def test_progress_is_looked_up_and_reported_only_when_due() -> None:
    now, reported, asked = 0.0, list[float](), list[float]()

    def get_progress() -> float:
        asked.append(now)
        return now

    throttled = ThrottledProgress(reported.append, lambda: now)
    for now in (0.0, 0.05, 0.11, 0.15, 0.2, 0.22, 0.23):  # noqa: B007  used by get_progress and the clock
        throttled(get_progress)
    assert reported == asked == [0.11, 0.22]

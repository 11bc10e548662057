"""Firings that come twice, or not at all, and jobs that overlap are found."""

from dataclasses import replace

from tests.system.chaos.history import Change
from tests.system.chaos.schedules import Fired, check_schedules

NEW = Change("insert", "a", "queued", 0, None, 0, 1, False, 1)
FIRST = Fired("skip-1", 1000, "submitted", "a")
SECOND = Fired("skip-1", 2000, "skipped", None)
THIRD = Fired("skip-1", 3000, "submitted", "b")
JOBS = {"a": ("skip-1", 1000), "b": ("skip-1", 3000)}
RUNNING = replace(NEW, status="running", attempt=1, version=2)
DONE = replace(NEW, status="succeeded", attempt=1, version=3)
NEXT = replace(NEW, job_id="b", version=4)
CHANGES = [NEW, RUNNING, DONE, NEXT]


def broken(*firings: Fired, jobs: dict[str, tuple[str, int]] | None = None) -> list[str]:
    found = check_schedules(firings, JOBS if jobs is None else jobs, CHANGES)
    return [each.text for each in found]


def test_each_time_once_passes() -> None:
    assert broken(FIRST, SECOND, THIRD) == []


def test_a_time_that_comes_twice_is_found() -> None:
    assert "follows" in broken(FIRST, FIRST, SECOND, THIRD)[0]


def test_a_time_that_is_lost_is_found_unless_it_was_missed() -> None:
    assert "were lost" in broken(FIRST, THIRD)[0]
    assert broken(FIRST, replace(SECOND, outcome="missed"), THIRD) == []


def test_a_job_without_a_firing_is_found() -> None:
    assert "differ" in broken(FIRST, SECOND)[0]
    assert "differ" in broken(FIRST, SECOND, THIRD, jobs={"a": ("skip-1", 1000)})[0]


def test_jobs_that_overlap_are_found() -> None:
    changes = [NEW, NEXT, RUNNING]
    (found,) = check_schedules([FIRST, SECOND, THIRD], JOBS, changes)
    assert "was submitted beside" in found.text
    other = replace(RUNNING, job_id="b", version=5)
    texts = [each.text for each in check_schedules([FIRST, SECOND, THIRD], JOBS, [*changes, other])]
    assert "runs beside" in texts[1]

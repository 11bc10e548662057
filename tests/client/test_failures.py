"""`client.failures` of both clients, against a real service."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from jobservice import ApiError, Client
from jobservice.failures import Failures, limited, merged, read_failures
from jobservice.requests import since_text


def failed_jobs(api: Client, tag: str, count: int) -> list[str]:
    """Jobs that have timed out, with a tag of their own."""
    options = {"timeout": 0.02, "max_retries": 0, "tags": [tag]}
    jobs = [api.submit("sleep", {"seconds": 60}, **options) for _ in range(count)]  # type: ignore[arg-type]
    return [job.id for job in api.wait_all(jobs, 30)]


def test_failures_are_grouped_and_retried(api: Client) -> None:
    tag = uuid4().hex
    ids = failed_jobs(api, tag, 3)
    found = api.failures.list(tag=tag, since=timedelta(hours=1))
    (group,) = found.groups
    assert (group.count, found.failed, found.group_count) == (3, 3, 1)
    assert (group.type, group.error_type) == ("sleep", "TimedOut")
    assert "#" in group.message
    assert "0.02" in group.latest_message
    assert {*group.job_ids} == {*ids}
    assert group.first_at <= group.last_at
    assert (found.looked_back_to, found.next) == (None, None)
    listed = api.list(failure=group.failure, tag=tag, finished_after=group.last_at)
    assert group.job_ids[0] in [job.id for job in listed]
    retry = api.failures.retry
    assert retry(group.failure, tag=tag, since=datetime.now(UTC), dry_run=True).matched == 0
    assert retry(group.failure, tag=tag, since=group.last_at, dry_run=True).matched in (1, 2, 3)
    done = retry(group.failure, tag=[tag])
    assert (done.matched, done.changed) == (3, 3)
    assert all(job.data.client_retries == 1 for job in api.list(tag=tag))
    api.wait_all([*api.list(tag=tag)], 30)


def test_filters_leave_failures_out(api: Client) -> None:
    tag = uuid4().hex
    failed_jobs(api, tag, 1)
    for filters in ({"type": "analyze"}, {"queue": "other"}, {"tag": [tag, "other"]}):
        assert api.failures.list(**{"tag": tag, **filters}).groups == ()  # type: ignore[arg-type]
    assert api.failures.list(tag=tag, since=datetime.now(UTC)).groups == ()
    assert api.failures.list(
        tag=tag, limit=1, everything=True, type="sleep", queue="default"
    ).failed


def test_a_wrong_group_is_refused(api: Client) -> None:
    with pytest.raises(ApiError) as caught:
        api.failures.retry("all")
    assert (caught.value.status, caught.value.field) == (422, "failure")
    with pytest.raises(ValueError, match="since has no time zone"):
        api.failures.list(since=datetime(2030, 1, 1))  # noqa: DTZ001


def answer(next: str | None, **counts: int) -> Failures:
    """An answer of the service with groups of these sizes; it was given at a time of its own."""
    at = f"2030-01-{31 if next else 30}T12:00:00.000Z"
    group = {"type": "sleep", "error_type": "E", "message": "no", "latest_message": "no"}
    items = [
        {
            **group,
            "failure": name,
            "count": count,
            "first_at": at,
            "last_at": at,
            "job_ids": [f"{name}{number}{at}" for number in range(min(count, 5))],
        }
        for name, count in counts.items()
    ]
    return read_failures(
        {
            "items": items,
            "group_count": len(items),
            "failed": sum(counts.values()),
            "looked_back_to": at if next else None,
            "next": next,
        }
    )


def test_answers_are_merged() -> None:
    later, earlier = answer("more", a=3, b=2), answer(None, b=4, c=1)
    both = merged(later, earlier)
    assert [(each.failure, each.count) for each in both.groups] == [("b", 6), ("a", 3), ("c", 1)]
    assert (both.failed, both.group_count, both.next, both.looked_back_to) == (10, 3, None, None)
    b = both.groups[0]
    assert (b.first_at, b.last_at) == (earlier.groups[0].first_at, later.groups[1].last_at)
    assert b.job_ids == (*later.groups[1].job_ids, *earlier.groups[0].job_ids[:3])
    assert (b.raw["count"], b.raw["first_at"]) == (6, "2030-01-30T12:00:00.000Z")
    assert [each.failure for each in limited(both, 1).groups] == ["b"]
    assert limited(both, None) == both


def test_a_timedelta_is_before_now() -> None:
    text = since_text(timedelta(hours=1))
    assert text
    ago = datetime.now(UTC) - datetime.fromisoformat(text)
    assert timedelta(minutes=59) < ago < timedelta(minutes=61)
    assert since_text("2030-01-31") == "2030-01-31"
    assert since_text(None) is None

"""`client.audit` of both clients, against a real service."""

from datetime import UTC, datetime, timedelta

import pytest

from jobservice import ApiError, Client
from jobservice.requests import PAGE_ENTRIES


def canceled_job(api: Client) -> str:
    """A job that was changed and canceled."""
    job = api.submit("sleep", {"seconds": 600}, delay=600)
    job.change(priority=3)
    job.cancel()
    return job.id


def test_the_changes_of_a_job_are_listed_newest_first(api: Client) -> None:
    job_id = canceled_job(api)
    canceled, changed = api.audit.list(job_id)
    assert (canceled.action, canceled.kind, canceled.subject) == ("cancel", "job", job_id)
    assert canceled.address in ("127.0.0.1", "::1")
    assert canceled.caller is None
    assert abs(canceled.at - datetime.now(UTC)) < timedelta(minutes=5)
    assert changed.detail == {"changes": {"priority": 3}}
    assert changed.raw["id"] < canceled.raw["id"]


def test_filters_and_limits_select_entries(api: Client) -> None:
    job_id = canceled_job(api)
    assert [each.action for each in api.audit.list(job_id, action="change")] == ["change"]
    assert [each.action for each in api.audit.list(job_id, limit=1)] == ["cancel"]
    hour = timedelta(hours=1)
    assert len([*api.audit.list(job_id, kind="job", since=hour)]) == 2
    for filters in ({"kind": "queue"}, {"caller": "ann"}, {"before": hour}):
        assert [*api.audit.list(job_id, **filters)] == []
    assert len([*api.audit.list(kind="job", limit=2)]) == 2


def test_pages_follow_each_other(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PAGE_ENTRIES == 1000
    monkeypatch.setattr("jobservice.requests.PAGE_ENTRIES", 1)
    job_id = canceled_job(api)
    assert [each.action for each in api.audit.list(job_id)] == ["cancel", "change"]
    assert [each.action for each in api.audit.list(job_id, limit=1)] == ["cancel"]


def test_a_wrong_filter_is_refused(api: Client) -> None:
    with pytest.raises(ApiError) as caught:
        next(iter(api.audit.list(since="yesterday")))
    assert (caught.value.status, caught.value.field) == (422, "since")

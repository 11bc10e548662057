"""The calls of `client.schedules` in both clients, against a real service."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from jobservice import ApiError, Client, requests
from tests.support.waiting import wait_for

PAYLOAD = {"seconds": 0}
NO_ZONE = datetime(2030, 1, 31, tzinfo=UTC).replace(tzinfo=None)


@pytest.fixture
def name(api: Client) -> Iterator[str]:
    """The name of a schedule, which is deleted after the test."""
    name = f"s-{uuid4().hex[:8]}"
    yield name
    api.schedules.delete(name)


def test_a_schedule_is_put_read_paused_and_resumed(api: Client, name: str) -> None:
    until = datetime(2040, 1, 31, 12, tzinfo=UTC)
    put = api.schedules.put(
        name,
        "sleep",
        PAYLOAD,
        cron="30 2 * * *",
        timezone="Europe/Berlin",
        missed="skip",
        until=until,
        priority=3,
        tags=["nightly"],
        timeout=timedelta(minutes=5),
    )
    assert (put.cron, put.every, put.timezone) == ("30 2 * * *", None, "Europe/Berlin")
    assert (put.payload, put.missed, put.until) == (PAYLOAD, "skip", until)
    assert put.options == {"priority": 3, "tags": ["nightly"], "timeout": 300}
    found = api.schedules.get(name)
    assert (found, found.recent, found.last_job_id) == (put, (), None)
    assert len(found.next) == 5
    assert found.next[0] > datetime.now(UTC)
    paused = api.schedules.pause(name)
    assert (paused.paused, paused.next, paused.cron) == (True, (), "30 2 * * *")
    assert api.schedules.resume(name).next == found.next
    assert name in [each.name for each in api.schedules.list()]


def test_a_schedule_fires_and_shows_its_jobs(api: Client, name: str) -> None:
    api.schedules.put(name, "sleep", PAYLOAD, every=timedelta(seconds=1))
    found = wait_for(
        lambda: next(
            (
                each
                for each in api.schedules.get(name).recent
                if each.outcome == "submitted" and each.status == "succeeded"
            ),
            None,
        )
    )
    assert found.job_id is not None
    job = api.get(found.job_id)
    assert (job.data.schedule, job.data.nominal_at) == (name, found.nominal_at)
    assert api.schedules.pause(name).last_job_id is not None
    assert found.job_id in [each.id for each in api.list(schedule=name)]


def test_a_schedule_runs_now_once_for_each_key(api: Client, name: str) -> None:
    api.schedules.put(name, "sleep", PAYLOAD, cron="@yearly", paused=True)
    job = api.schedules.run(name, idempotency_key=f"key-{name}")
    assert job.result(20) == {"slept": 0}
    assert api.schedules.run(name, idempotency_key=f"key-{name}").id == job.id
    assert api.schedules.run(name).id != job.id


def test_a_new_schedule_replaces_none_if_that_is_asked_for(api: Client, name: str) -> None:
    api.schedules.put(name, "sleep", PAYLOAD, cron="@daily", only_new=True)
    with pytest.raises(ApiError) as caught:
        api.schedules.put(name, "sleep", PAYLOAD, cron="@hourly", only_new=True)
    assert caught.value.code == "precondition_failed"
    assert api.schedules.put(name, "sleep", PAYLOAD, cron="@hourly").version == 2


def test_errors_of_a_schedule_name_the_field(api: Client, name: str) -> None:
    for options, field in (
        ({"cron": "30 2 * *"}, "cron"),
        ({"cron": "@daily", "timezone": "Nowhere"}, "timezone"),
        ({"every": 60, "priority": 1000}, "options.priority"),
        ({"every": 60, "run_at": datetime.now(UTC)}, "options.run_at"),
    ):
        with pytest.raises(ApiError) as caught:
            api.schedules.put(name, "sleep", PAYLOAD, **options)
        assert (caught.value.status, caught.value.field) == (422, field)
    with pytest.raises(ApiError) as caught:
        api.schedules.get(name)
    assert caught.value.code == "schedule_not_found"
    api.schedules.put(name, "sleep", PAYLOAD, every=60)


def test_all_schedules_are_listed_page_by_page(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"page-{number}" for number in range(5)]
    for name in names:
        api.schedules.put(name, "sleep", PAYLOAD, cron="@yearly")
    monkeypatch.setattr(requests, "PAGE_SCHEDULES", 2)
    listed = [each for each in api.schedules.list() if each.name in names]
    assert [each.name for each in listed] == names
    assert all(each.payload is None and len(each.next) == 1 for each in listed)
    for name in names:
        api.schedules.delete(name)
    assert [each for each in api.schedules.list() if each.name in names] == []


def test_wrong_arguments_are_refused_before_a_request() -> None:
    with pytest.raises(TypeError, match="named by a text"):
        requests.put_schedule("a", 5, None, {}, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="did you mean priority"):
        requests.put_schedule("a", "sleep", None, {}, {"priorty": 5})
    with pytest.raises(ValueError, match="until has no time zone"):
        requests.put_schedule("a", "sleep", None, {"until": NO_ZONE}, {})
    with pytest.raises(ValueError, match="not a name"):
        requests.run_schedule("..")

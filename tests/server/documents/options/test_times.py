"""Times that clients send: RFC 3339 in a query, in a form and in JSON; nothing else."""

from datetime import UTC, datetime
from typing import Any

import pytest

from server.documents.options.times import parse_time
from tests.support.api import Client, fields
from tests.support.openapi_conformance import described_api
from tests.support.stores import Bench, id_at

pytestmark = pytest.mark.sqlite


def ms(*parts: int) -> int:
    """Return the time of these calendar fields in UTC, in milliseconds since 1970."""
    return round(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2027-01-01T00:00:00Z", ms(2027, 1, 1)),
        ("2027-01-01t00:00:00z", ms(2027, 1, 1)),
        ("2027-01-01 00:00:00Z", ms(2027, 1, 1)),
        ("2027-01-01", ms(2027, 1, 1)),
        ("2028-02-29", ms(2028, 2, 29)),
        ("2027-01-01T02:00:00+02:00", ms(2027, 1, 1)),
        ("2026-12-31T16:00:00-08:00", ms(2027, 1, 1)),
        ("2027-01-01T00:00:00-00:00", ms(2027, 1, 1)),
        ("2026-11-25T02:15:59.414Z", ms(2026, 11, 25, 2, 15, 59) + 414),
        ("2027-01-01T00:00:00.5Z", ms(2027, 1, 1) + 500),
        ("2027-01-01T00:00:00.001000000000000000Z", ms(2027, 1, 1) + 1),
        ("2027-01-01T00:00:00.0010000000000001Z", ms(2027, 1, 1) + 2),
        ("2016-12-31T23:59:60Z", ms(2017, 1, 1)),
        ("1990-12-31T15:59:60.25-08:00", ms(1991, 1, 1) + 250),
        ("1970-01-01", 0),
        ("1969-12-31T23:00:00-01:00", 0),
        ("9999-12-31T23:59:59.999Z", ms(9999, 12, 31, 23, 59, 59) + 999),
    ],
)
def test_a_time_is_read_in_milliseconds_rounded_up(text: str, time: int) -> None:
    assert parse_time(text) == time


NO_TIMES: list[tuple[Any, str]] = [
    ("2027", "such as 2030-01-31T12:00:00Z"),
    ("5", "such as"),
    ("1893456000", "such as"),
    ("-1", "such as"),
    ("1e9", "such as"),
    (5, "such as"),
    (1893456000.5, "such as"),
    (True, "such as"),
    ([], "such as"),
    ("", "such as"),
    (" 2027-01-01", "such as"),
    ("2027-01-01\n", "such as"),
    ("2027-1-1", "such as"),
    ("2027-01", "such as"),
    ("20270101", "such as"),
    ("20270101T000000Z", "such as"),
    ("2027-W01-1", "such as"),
    ("2027-001", "such as"),
    ("+2027-01-01", "such as"),
    ("12027-01-01", "such as"),
    ("٢٠٢٧-01-01", "such as"),
    ("2027-01-01T00:00Z", "such as"),
    ("2027-01-01T00Z", "such as"),
    ("2027-01-01T00:00:00,5Z", "such as"),
    ("2027-01-01T00:00:00.Z", "such as"),
    ("2027-01-01T00:00:00+0200", "such as"),
    ("2027-01-01T00:00:00+02", "such as"),
    ("2027-01-01T00:00:00 Z", "such as"),
    ("2027-01-01Z", "such as"),
    ("P1D", "such as"),
    ("now", "such as"),
    ("2027-01-01T00:00:00", "add Z"),
    ("2027-01-01T00:00:00.5", "add Z"),
    ("2027-01-01T00:00:00 02:00", "%2B"),
    ("2027-02-29", "does not exist"),
    ("2027-13-01", "does not exist"),
    ("2027-00-01T00:00:00Z", "does not exist"),
    ("0000-01-01", "does not exist"),
    ("2027-01-01T24:00:00Z", "does not exist"),
    ("2027-01-01T00:60:00Z", "does not exist"),
    ("2027-01-01T00:00:61Z", "does not exist"),
    ("2027-01-01T00:00:60Z", "does not exist"),
    ("2027-01-01T00:00:00+24:00", "does not exist"),
    ("2027-01-01T00:00:00+00:60", "does not exist"),
    ("0001-01-01T00:00:00+23:59", "between 1970 and 9999"),
    ("9999-12-31T23:59:59-23:59", "between 1970 and 9999"),
    ("9999-12-31T23:59:60Z", "between 1970 and 9999"),
    ("9999-12-31T23:59:59.9999Z", "between 1970 and 9999"),
    ("1969-12-31T23:59:59Z", "between 1970 and 9999"),
    ("1970-01-01T00:00:00+00:01", "between 1970 and 9999"),
]


@pytest.mark.parametrize(("value", "reason"), NO_TIMES, ids=lambda value: repr(value)[:30])
def test_anything_but_rfc_3339_is_refused_with_the_reason(value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_time(value)


@pytest.mark.gen_test
@pytest.mark.parametrize("digits", ["2027", "5", "1893456000", 1893456000, 2027.5])
async def test_digits_are_no_time_in_a_query_a_form_or_json(client: Client, digits: Any) -> None:
    problem = await client.get(f"/jobs?created_after={digits}", 422)
    assert fields(problem) == ["created_after"]
    assert "2030-01-31T12:00:00Z" in problem["detail"]
    job = {"type": "sleep", "payload": {"seconds": 5}, "run_at": digits}
    assert fields(await client.post("/jobs", job, 422)) == ["run_at"]
    parts = [("type", "sleep"), ("payload", '{"seconds": 5}'), ("run_at", str(digits))]
    form = [(name, None, value.encode()) for name, value in parts]
    assert fields(await client.post_form([*form], 422)) == ["run_at"]
    for action in ("cancel", "retry"):
        body = {"created_after": digits, "created_before": digits, "type": "sleep"}
        problem = await client.post(f"/jobs/{action}", body, 422)
        assert fields(problem) == ["created_after", "created_before"]


@pytest.mark.gen_test
async def test_a_bulk_cancel_after_a_bare_date_leaves_older_jobs(
    client: Client, bench: Bench
) -> None:
    bench.clock.now = ms(2026, 12, 31, 23, 59, 59)
    bench.enqueue("sleep", id=id_at(bench.clock()))
    bench.clock.now = ms(2027, 1, 1)
    job_id = bench.enqueue("sleep", id=id_at(bench.clock()))
    body = {"created_after": "2027-01-01", "type": "sleep", "dry_run": True}
    assert (await client.post("/jobs/cancel", body, 200))["matched"] == 1
    listed = await client.get("/jobs?created_after=2027-01-01")
    assert [job["job_id"] for job in listed["items"]] == [str(job_id)]
    assert len((await client.get("/jobs?created_before=2027-01-01"))["items"]) == 1


@pytest.mark.gen_test
async def test_a_job_can_be_submitted_for_a_date(client: Client) -> None:
    job_id = await client.sleep_job(run_at="2031-05-06")
    job = await client.get(f"/jobs/{job_id}")
    assert job["run_at"] == "2031-05-06T00:00:00.000Z"


@pytest.mark.gen_test
async def test_a_plus_sign_that_became_a_space_is_explained(client: Client) -> None:
    time = "2027-01-01T00:00:00+02:00"
    problem = await client.get(f"/jobs?created_after={time}", 422)
    assert "%2B" in problem["detail"]
    await client.get(f"/jobs?created_after={time.replace('+', '%2B')}")


def test_the_description_of_times_allows_texts_only() -> None:
    document = described_api()
    listed = document["paths"]["/jobs"]["get"]["parameters"]
    query = {parameter["name"]: parameter["schema"] for parameter in listed}
    bulk = document["components"]["schemas"]["BulkBody"]["properties"]
    job = document["components"]["schemas"]["SleepJobRequest"]["properties"]
    for schema in (query["created_after"], bulk["created_before"], job["run_at"]):
        assert schema["format"] == "date-time"
    assert query["created_after"]["type"] == "string"
    assert job["run_at"]["type"] == ["string", "null"]

"""`GET /failures`, and the filter `failure` of lists and bulk changes, over HTTP."""

import random
from typing import Any
from uuid import UUID

import pytest

from server.api.failures import encode_position, parse_position
from storage.db.models import JobRow
from storage.queries import failures
from tests.support.api import Client, fields, read
from tests.support.failures import fail
from tests.support.stores import Bench, Holder

pytestmark = pytest.mark.tornado


@pytest.fixture
def runner(bench: Bench) -> Holder:
    return bench.runner()


@pytest.mark.gen_test
async def test_failures_are_grouped_listed_and_retried(
    bench: Bench, runner: Holder, client: Client
) -> None:
    ids = [str(fail(bench, runner, f"no file {number}")) for number in (7, 8)]
    other = fail(bench, runner, "other", type="analyze")
    found = await client.get("/failures")
    key = found["items"][0]["failure"]
    assert found["items"][0] == {
        "failure": key,
        "type": "sleep",
        "error_type": "ValueError",
        "message": "no file #",
        "latest_message": "no file 8",
        "count": 2,
        "first_at": "2027-01-15T08:00:01.000Z",
        "last_at": "2027-01-15T08:00:02.000Z",
        "job_ids": ids[::-1],
    }
    assert found["items"][1]["job_ids"] == [str(other)]
    rest = {name: value for name, value in found.items() if name != "items"}
    assert rest == {"group_count": 2, "failed": 3, "looked_back_to": None, "next": None}
    listed = await client.get(f"/jobs?failure={key}&view=summary")
    assert [job["job_id"] for job in listed["items"]] == ids[::-1]
    body = {"failure": key, "finished_after": "2027-01-15T08:00:02Z"}
    done = await client.post("/jobs/retry", {**body, "dry_run": True}, 200)
    assert (done["matched"], done["changed"]) == (1, 0)
    done = await client.post("/jobs/retry", body, 200)
    assert (done["matched"], done["changed"]) == (1, 1)
    assert bench.job(UUID(ids[1])).status == "queued"
    assert (await client.get("/failures"))["failed"] == 2


@pytest.mark.gen_test
async def test_filters_and_the_limit_apply(bench: Bench, runner: Holder, client: Client) -> None:
    for number, tags in enumerate((("x",), ("x", "y"), ())):
        fail(bench, runner, f"at {chr(97 + number)}", tags=tags)
    for query, failed in {
        "type=sleep": 3,
        "type=other": 0,
        "queue=default": 3,
        "queue=other": 0,
        "tag=x": 2,
        "tag=x&tag=y": 1,
        "since=2027-01-15T08:00:02Z": 2,
        "since=99999d": 3,
        "since=2027-01-15T08:00:02Z&tag=y&type=sleep&queue=default": 1,
    }.items():
        assert (await client.get(f"/failures?{query}"))["failed"] == failed, query
    found = await client.get("/failures?limit=1")
    assert (len(found["items"]), found["group_count"], found["failed"]) == (1, 3, 3)


@pytest.mark.gen_test
async def test_an_answer_says_what_it_has_not_looked_at(
    bench: Bench, runner: Holder, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "MAX_FAILURES", 2)
    monkeypatch.setattr(failures, "WINDOWS", (2, 2))
    for _ in range(3):
        fail(bench, runner, "no")
    found = await client.get("/failures")
    assert (found["failed"], found["looked_back_to"]) == (2, "2027-01-15T08:00:02.000Z")
    found = await client.get(f"/failures?cursor={found['next']}")
    assert (found["failed"], found["looked_back_to"], found["next"]) == (1, None, None)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("type=", "type"),
        ("since=yesterday", "since"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("cursor=x", "cursor"),
        ("cursor=", "cursor"),
        (f"cursor={'_' * 32}", "cursor"),
        ("tag=", "tag"),
        ("status=failed", "status"),
        ("queue=a&queue=b", "queue"),
    ],
)
async def test_a_wrong_parameter_is_named(client: Client, query: str, field: str) -> None:
    problem = read(await client.fetch(f"/failures?{query}"), 422)
    assert [each.partition("[")[0] for each in fields(problem)] == [field]


@pytest.mark.gen_test
@pytest.mark.parametrize("value", ["x", "3F9A0C1D2B4E5F60", "3f9a0c1d2b4e5f6"])
async def test_a_wrong_name_of_a_group_is_refused(client: Client, value: str) -> None:
    problem = read(await client.fetch("/jobs?failure=" + value), 422)
    assert fields(problem) == ["failure"]
    problem = await client.post("/jobs/retry", {"failure": value}, 422)
    assert fields(problem) == ["failure"]
    assert "GET /failures" in problem["errors"][0]["detail"]


@pytest.mark.gen_test
async def test_errors_of_earlier_releases_do_not_hide_others(
    bench: Bench, runner: Holder, client: Client
) -> None:
    for error in (None, "{", '{"type":5}', '{"type":"A","message":"\\ud800"}'):
        job_id = fail(bench, runner, "no")
        bench.store.database.run(JobRow.update(error=error).where(JobRow.id == job_id))
    items = (await client.get("/failures"))["items"]
    assert [(each["error_type"], each["message"], each["count"]) for each in items] == [
        ("", "", 3),
        ("A", "?", 1),
    ]
    listed: Any = await client.get(f"/jobs?failure={items[0]['failure']}&fields=type")
    assert len(listed["items"]) == 3


def test_cursors_are_read_as_they_were_written() -> None:
    chosen = random.Random(1)
    for _ in range(100):
        position = chosen.randrange(1 << 62), UUID(int=chosen.getrandbits(128))
        assert parse_position(encode_position(position)) == position

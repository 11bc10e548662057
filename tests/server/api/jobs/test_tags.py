"""Tags and metadata in the API: submitted, shown, searched, followed, waited for and refused."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from server.jobs.long_poll import JobReader
from tests.support.api import Client, analyze_form, fields
from tests.support.event_clients import Followers
from tests.support.stores import Bench
from tests.support.waiting import until

pytestmark = pytest.mark.gen_test
TAGS = ["nightly", "customer:42", "größe & co"]
METADATA = {"customer": 42, "ü": [None, {"a": "b"}]}
JSON = {"Content-Type": "application/json"}


def query(path: str = "/jobs", **parameters: Any) -> str:
    return f"{path}?{urlencode(parameters, doseq=True)}"


async def listed(client: Client, **parameters: Any) -> list[str]:
    page = await client.get(query(**parameters))
    return [job["job_id"] for job in page["items"]]


async def test_a_job_shows_the_tags_and_the_metadata_of_its_submission(client: Client) -> None:
    job_id = await client.sleep_job(tags=[*TAGS, "nightly"], metadata=METADATA)
    job = await client.get(f"/jobs/{job_id}")
    assert (job["tags"], job["metadata"]) == (TAGS, METADATA)
    plain = await client.get(f"/jobs/{await client.sleep_job()}")
    assert (plain["tags"], plain["metadata"]) == ([], None)


async def test_a_form_takes_tags_and_metadata_as_json(client: Client) -> None:
    parts = analyze_form()
    parts[2:2] = [("tags", None, json.dumps(TAGS).encode()), ("metadata", None, b'{"n": 1}')]
    job_id = (await client.post_form(parts))["job_id"]
    job = await client.get(f"/jobs/{job_id}")
    assert (job["tags"], job["metadata"]) == (TAGS, {"n": 1})


async def test_lists_and_bulk_calls_select_the_jobs_with_all_tags(client: Client) -> None:
    both = await client.sleep_job(tags=["a", "b & c"])
    one = await client.sleep_job(tags=["a"])
    await client.sleep_job(tags=["d"])
    assert await listed(client, tag="a") == [one, both]
    assert await listed(client, tag=["a", "b & c"]) == [both]
    assert await listed(client, tag="a", status="canceled") == []
    assert await listed(client, tag="none") == []
    canceled = await client.post("/jobs/cancel", {"tag": ["a", "b & c"]}, 200)
    assert (canceled["matched"], canceled["changed"]) == (1, 1)
    assert await listed(client, tag="a", status="canceled") == [both]
    retried = await client.post("/jobs/retry", {"tag": "a"}, 200)
    assert retried["changed"] == 1


async def test_the_link_to_the_next_page_repeats_all_tags(client: Client) -> None:
    ids = [await client.sleep_job(tags=["a", "b"]) for _ in range(3)]
    found, path = [], query(tag=["a", "b"], limit=1)
    while path:
        response = await client.fetch(path)
        found += [job["job_id"] for job in json.loads(response.body)["items"]]
        path = response.headers.get("Link", "").partition(">")[0].removeprefix("<")
    assert found == ids[::-1]


async def test_a_stream_has_only_the_events_of_jobs_with_all_its_tags(
    client: Client, follow: Followers
) -> None:
    stream = await follow(client.base_url, query("/events", tag=["a", "b"]))
    await stream.begun()
    await client.sleep_job(tags=["a"])
    both = await client.sleep_job(tags=["b", "a"])
    event = await stream.next()
    assert event
    assert (event.data["job_id"], event.data["tags"]) == (both, ["b", "a"])
    again = await follow(client.base_url, query("/events", tag=["a", "b"]), last_event_id=0)
    event = await again.next()
    assert event
    assert event.data["job_id"] == both


@pytest.mark.heavy
async def test_a_list_by_tag_waits_until_no_job_with_the_tag_is_unfinished(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[set[str]] = []
    until_final = JobReader.until_final

    async def recorded(self: JobReader, ids: Any, *args: Any) -> Any:
        waits.append({str(job_id) for job_id in ids})
        return await until_final(self, ids, *args)

    monkeypatch.setattr(JobReader, "until_final", recorded)
    first, second = [await client.sleep_job(tags=["a"]) for _ in range(2)]
    await client.sleep_job(tags=["b"])
    page = asyncio.ensure_future(client.get(query(tag="a", wait=30)))
    await until(lambda: waits == [{first, second}])
    await client.post(f"/jobs/{first}/cancel", status=200)
    third = await client.sleep_job(tags=["a"])  # it is waited for as well
    await client.post(f"/jobs/{second}/cancel", status=200)
    await until(lambda: {third} in waits)
    assert not page.done()
    await client.post(f"/jobs/{third}/cancel", status=200)
    jobs = (await page)["items"]
    assert {job["job_id"]: job["status"] for job in jobs} == dict.fromkeys(
        (third, second, first), "canceled"
    )


async def test_a_wait_by_tag_ends_in_time_and_says_when_to_ask_again(client: Client) -> None:
    job_id = await client.sleep_job(tags=["a"])
    response = await client.fetch(query(tag="a", wait=0.01))
    assert [job["job_id"] for job in json.loads(response.body)["items"]] == [job_id]
    assert response.headers["Retry-After"] == "1"
    assert "Retry-After" not in (await client.fetch(query(tag="none", wait=30))).headers


async def test_a_wait_by_tag_ends_when_the_listener_stops(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.sleep_job(tags=["a"])
    monkeypatch.setattr(JobReader, "stopped", True)
    response = await client.fetch(query(tag="a", wait=30))
    assert response.headers["Retry-After"] == "1"


async def test_a_wait_without_id_and_tag_is_refused(client: Client) -> None:
    problem = await client.get(query(wait=5), 422)
    assert fields(problem) == ["wait"]
    assert "id, tag or batch" in problem["detail"]


@pytest.mark.parametrize(
    ("given", "field", "text"),
    [
        ({"tags": "nightly"}, "tags", "list"),
        ({"tags": ["x"] * 1000}, "tags", "20"),
        ({"tags": [""]}, "tags[0]", "1 character"),
        ({"tags": ["a", "x" * 101]}, "tags[1]", "100"),
        ({"tags": [" x"]}, "tags[0]", "customer:42"),
        ({"tags": ["a\nb"]}, "tags[0]", "printable"),
        ({"tags": [5]}, "tags[0]", "text"),
        ({"metadata": "x"}, "metadata", "object"),
        ({"metadata": {"x": "y" * 4096}}, "metadata", "at most 4096"),
        ({"tag": ["x"]}, "tag", "did you mean tags?"),
    ],
)
async def test_wrong_tags_and_metadata_are_refused(
    client: Client, bench: Bench, given: Any, field: str, text: str
) -> None:
    problem = await client.post("/jobs", {"type": "sleep", "payload": {"seconds": 1}, **given}, 422)
    (error,) = problem["errors"]
    assert error["field"] == field
    assert text in error["detail"]


@pytest.mark.parametrize("path", ["/jobs", "/events"])
async def test_wrong_tags_in_a_query_are_refused(client: Client, path: str) -> None:
    for tag in ("", "x" * 101, ["x"] * 21):
        assert fields(await client.get(query(path, tag=tag), 422)) == ["tag"]


async def test_a_key_stands_for_tags_and_metadata_too(client: Client) -> None:
    async def submit(**options: Any) -> tuple[int, Any]:
        document = {"type": "sleep", "payload": {"seconds": 1}, **options}
        headers = {**JSON, "Idempotency-Key": "k"}
        body = json.dumps(document)
        response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
        return response.code, json.loads(response.body)

    status, first = await submit(tags=["a"], metadata={"n": 1})
    assert status == 202
    assert (await submit(tags=["a"], metadata={"n": 1}))[1]["job_id"] == first["job_id"]
    for other in ({}, {"tags": ["a"]}, {"tags": ["b"], "metadata": {"n": 1}}):
        assert (await submit(**other))[0] == 422

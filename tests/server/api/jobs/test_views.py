"""Jobs with only some of their fields, or with all of them: `view` and `fields`."""

import json
from typing import Any
from uuid import UUID

import pytest

from jobservice.documents import read_job
from server.documents.filters import JOB_FIELDS
from storage.jobs.rows import OMITTABLE
from storage.records.filters import Filters
from tests.support.api import Client, fields
from tests.support.stores import RAISED, RETURNED, Bench

pytestmark = pytest.mark.gen_test
LARGE = {"payload", "result", "attempts"}


def failed_job(bench: Bench) -> UUID:
    """A job with a payload, an error and an attempt."""
    job_id = bench.enqueue(payload={"seconds": 7}, max_retries=0)
    runner = bench.runner()
    bench.clock.now *= 2
    runner.claims.fail(runner.claim_one(), RAISED)
    return job_id


async def everywhere(client: Client, job_id: UUID, query: str) -> list[dict[str, Any]]:
    """The job as a list, a list by ids and a single call show it."""
    page = await client.get(f"/jobs?{query}")
    by_id = await client.get(f"/jobs?id={job_id}&{query}")
    return [*page["items"], *by_id["items"], await client.get(f"/jobs/{job_id}?{query}&wait=0")]


async def test_a_summary_lacks_the_large_fields(client: Client, bench: Bench) -> None:
    job_id = failed_job(bench)
    whole = await client.get(f"/jobs/{job_id}")
    wanted = {name: value for name, value in whole.items() if name not in LARGE}
    assert len(wanted) == len(whole) - 3 < len(JOB_FIELDS) - 3
    assert await everywhere(client, job_id, "view=summary") == [wanted] * 3


@pytest.mark.parametrize("type", ["analyze", "own"])
async def test_an_analysis_does_not_show_what_only_the_service_reads(
    client: Client, bench: Bench, type: str
) -> None:
    runner, file = bench.runner(), {"format": "gzip", "line_index": "AAAA", "access_points": None}
    job_id = bench.enqueue(type)
    bench.clock.now *= 2
    runner.claims.complete(runner.claim_one(), json.dumps({"lines": 7, "file": file}), RETURNED)
    shown = {"format": "gzip"} if type == "analyze" else file
    for query in ("view=full", "fields=result", "limit=500"):
        page = await client.get(f"/jobs?{query}")
        assert page["items"][0]["result"] == {"lines": 7, "file": shown}
    assert bench.job(job_id).result["file"] == file


async def test_a_client_reads_the_same_job_from_all_its_fields(
    client: Client, bench: Bench
) -> None:
    job_id = failed_job(bench)
    whole = read_job(await client.get(f"/jobs/{job_id}"))
    full = await everywhere(client, job_id, "view=full")
    assert {*full[0]} == {*JOB_FIELDS}
    assert [read_job(each) for each in full] == [whole] * 3


@pytest.mark.heavy
@pytest.mark.parametrize(
    "names",
    [
        "job_id",
        "status,job_id,status",
        "payload",
        "result,error",
        "attempts,type",
        "result",
        "attempts",
        "timeout,tags",
    ],
)
async def test_only_the_selected_fields_are_sent(client: Client, bench: Bench, names: str) -> None:
    job_id = failed_job(bench)
    whole = await client.get(f"/jobs/{job_id}?view=full")
    selected = {"job_id", "status", *names.split(",")}
    wanted = {name: whole[name] for name in JOB_FIELDS if name in selected}
    found = await everywhere(client, job_id, f"fields={names}")
    assert found == [wanted] * 3
    assert list(found[0]) == list(wanted)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("query", "name", "detail"),
    [
        ("fields=job_id,statu", "fields", "unknown field 'statu'; did you mean status?"),
        ("fields=", "fields", "unknown field ''; the known ones are after, attempt"),
        ("fields=id,%20status", "fields", "unknown field 'id'"),
        ("view=all", "view", "it must be 'summary' or 'full'"),
        ("view=summary&fields=status", "fields", "give either view or fields, not both"),
        ("fields=status&fields=type", "fields", "it is given more than once"),
    ],
)
async def test_wrong_fields_are_refused(
    client: Client, bench: Bench, query: str, name: str, detail: str
) -> None:
    job_id = bench.enqueue()
    for path in (f"/jobs?{query}", f"/jobs?id={job_id}&{query}", f"/jobs/{job_id}?{query}"):
        problem = await client.get(path, 422)
        assert fields(problem) == [name]
        assert problem["errors"][0]["detail"].startswith(detail)


async def test_the_next_page_shows_the_same_fields(client: Client, bench: Bench) -> None:
    for _ in range(2):
        bench.enqueue()
    response = await client.fetch("/jobs?fields=status&limit=1")
    link = response.headers["Link"].partition(">")[0].removeprefix("<")
    (item,) = (await client.get(link))["items"]
    assert set(item) == {"job_id", "status"}


async def test_the_etag_belongs_to_the_fields(client: Client, bench: Bench) -> None:
    path = f"/jobs/{bench.enqueue()}"
    some = (await client.fetch(f"{path}?fields=status")).headers["Etag"]
    again = await client.fetch(f"{path}?fields=status", headers={"If-None-Match": some})
    assert again.code == 304
    refused = await client.fetch(
        f"{path}/cancel", method="POST", body=b"", headers={"If-Match": some}
    )
    assert refused.code == 412


def test_the_database_does_not_read_what_is_left_out(bench: Bench) -> None:
    failed_job(bench)
    (whole,) = bench.jobs.list(Filters(), 1).jobs
    assert (whole.payload, len(whole.attempts)) == ({"seconds": 7}, 1)
    (some,) = bench.jobs.list(Filters(), 1, omit=OMITTABLE).jobs
    assert [some.payload, some.result, [*some.attempts]] == [None, None, []]
    assert (some.status, some.error) == (whole.status, whole.error)

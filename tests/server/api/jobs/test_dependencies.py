"""Jobs that wait for others, over HTTP: they are stored, refused, and explained."""

import json
from typing import Any
from uuid import uuid4

import pytest

from server.auth.callers import UNRESTRICTED
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.jobs import unmet
from server.jobs.submissions import required
from storage.records.job import NewJob
from storage.store import MissingPredecessors
from storage.waiting.retries import UnmetPredecessors
from tests.support.api import Client
from tests.support.job_documents import loads

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]
JSON = {"Content-Type": "application/json"}


async def post(client: Client, status: int = 202, **fields: Any) -> Any:
    document = {"type": "sleep", "payload": {"seconds": 1}, **fields}
    response = await client.fetch("/jobs", method="POST", body=json.dumps(document), headers=JSON)
    assert response.code == status, response.body
    return loads(response.body)


async def get(client: Client, path: str) -> Any:
    return loads((await client.fetch(path)).body)


async def test_a_job_shows_what_it_waits_for(client: Client) -> None:
    first = (await post(client))["job_id"]
    second = (await post(client))["job_id"]
    job_id = (await post(client, after=[first, second, first], on_failure="run"))["job_id"]
    job = await get(client, f"/jobs/{job_id}")
    assert (job["status"], job["after"], job["on_failure"]) == ("queued", [first, second], "run")
    assert job["run_at"] == job["created_at"]
    found = await get(client, f"/jobs/{job_id}/explain")
    (reason,) = [each for each in found["reasons"] if each["code"] == "waits_for_jobs"]
    assert reason["detail"] == f"it waits for 2 jobs to end: {first}, {second}"
    assert (found["position"], found["estimated_start_at"]) == (None, None)
    assert "next" not in {each["code"] for each in found["reasons"]}
    await client.fetch(f"/jobs/{first}/cancel", method="POST", body=b"")
    found = await get(client, f"/jobs/{job_id}/explain")
    assert f"it waits for the job {second} to end" in str(found["reasons"])


async def test_a_job_is_canceled_with_the_job_that_it_waits_for(client: Client) -> None:
    first = (await post(client))["job_id"]
    waiting = (await post(client, after=[first]))["job_id"]
    last = (await post(client, after=[waiting]))["job_id"]
    await client.fetch(f"/jobs/{first}/cancel", method="POST", body=b"")
    for job_id in (waiting, last, (await post(client, after=[first]))["job_id"]):
        job = await get(client, f"/jobs/{job_id}")
        assert (job["status"], job["canceled_by"]) == ("canceled", None)
        assert job["error"]["type"] == "PredecessorFailed"
        assert (job["after"], job["on_failure"]) == ([job["error"]["message"][8:44]], "cancel")


async def test_a_canceled_job_is_retried_after_the_job_that_it_waits_for(client: Client) -> None:
    first = (await post(client))["job_id"]
    waiting = (await post(client, after=[first]))["job_id"]
    await client.fetch(f"/jobs/{first}/cancel", method="POST", body=b"")
    response = await client.fetch(f"/jobs/{waiting}/retry", method="POST", body=b"")
    problem = json.loads(response.body)
    assert (response.code, problem["code"]) == (409, "predecessor_failed")
    assert f"after the success of {first}, which" in problem["detail"]
    for job_id in (first, waiting):
        response = await client.fetch(f"/jobs/{job_id}/retry", method="POST", body=b"")
        assert response.code == 202
    found = await get(client, f"/jobs/{waiting}/explain")
    assert f"it waits for the job {first} to end" in str(found["reasons"])


def test_the_predecessors_that_keep_a_job_from_being_retried_are_named() -> None:
    ids = tuple(uuid4() for _ in range(5))
    problem = unmet(UnmetPredecessors(ids))
    assert f"{ids[0]}, {ids[1]}, {ids[2]} and 2 more, which" in problem.detail
    problem = unmet(UnmetPredecessors(ids[:1], is_deleted=True))
    assert problem.code is Code.INPUT_DELETED
    assert f"the result of the job {ids[0]}, which was deleted" in problem.detail


async def test_a_bulk_cancel_cancels_the_jobs_that_wait(client: Client) -> None:
    first = (await post(client, tags=["gone"]))["job_id"]
    waiting = (await post(client, after=[first]))["job_id"]
    await client.fetch(
        "/jobs/cancel", method="POST", body=json.dumps({"tag": "gone"}), headers=JSON
    )
    assert (await get(client, f"/jobs/{waiting}"))["status"] == "canceled"


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("fields", "field", "detail"),
    [
        ({"after": ["7"]}, "after[0]", "it must be the id of a job, for example 01a2107d"),
        ({"after": [7]}, "after[0]", "it must be the id of a job"),
        ({"after": "7"}, "after", "list"),
        ({"after": [str(uuid4()) for _ in range(1001)]}, "after", "1000"),
        ({"after": [], "on_failure": "run"}, "on_failure", 'for example "after": ["01a2107d'),
        ({"input": {"from": "7"}}, "input.from", "it must be the id of a job"),
        ({"input": "7"}, "input", "it must be an object"),
        ({"input": {"of": "7"}}, "input.of", "from"),
        ({"input": {"from": str(uuid4())}}, "input", "sleep takes none"),
        ({"on_failure": "run"}, "on_failure", "it needs jobs to wait for"),
        ({"after": [str(uuid4())], "on_failure": "stop"}, "on_failure", "cancel"),
    ],
)
async def test_bad_input_is_refused(
    client: Client, fields: dict[str, Any], field: str, detail: str
) -> None:
    problem = await post(client, 422, **fields)
    errors = {each["field"]: each["detail"] for each in problem["errors"]}
    assert detail in errors[field]


async def test_a_job_that_waits_for_an_unknown_one_is_not_stored(client: Client) -> None:
    first, unknown = (await post(client))["job_id"], [str(uuid4()) for _ in range(5)]
    problem = await post(client, 422, after=[first, *unknown])
    (error,) = problem["errors"]
    assert error["field"] == "after"
    named = ", ".join(unknown[:3])
    assert error["detail"].startswith(f"there is no job with the id {named} and 2 more;")
    assert [job["job_id"] for job in (await get(client, "/jobs"))["items"]] == [first]


def test_an_unknown_job_is_reported_at_the_option_that_names_it() -> None:
    first, source = uuid4(), uuid4()
    for ids in ((source,), (first, source)):
        new = NewJob("report", {}, after=ids, input_from=source)
        with pytest.raises(Problem) as refused:
            required(MissingPredecessors(ids), new, UNRESTRICTED)
        names = ("after", "input.from")[-len(ids) :]
        assert [each.field for each in refused.value.errors] == [*names]
        for each, job_id in zip(refused.value.errors, ids, strict=True):
            assert f"there is no job with the id {job_id};" in each.detail


async def test_a_dry_run_tells_what_a_job_would_wait_for(client: Client) -> None:
    first = (await post(client))["job_id"]
    document = {"type": "sleep", "payload": {"seconds": 1}, "after": [first]}
    response = await client.fetch(
        "/jobs?dry_run=true", method="POST", body=json.dumps(document), headers=JSON
    )
    codes = [each["code"] for each in json.loads(response.body)["dry_run"]["reasons"]]
    assert codes[0] == "waits_for_jobs"
    assert len((await get(client, "/jobs"))["items"]) == 1


async def test_the_key_of_a_submission_covers_what_it_waits_for(client: Client) -> None:
    first = (await post(client))["job_id"]
    document = {"type": "sleep", "payload": {"seconds": 1}}
    codes = []
    for fields in ({"after": [first]}, {"after": [first]}, {}, {"on_failure": "run"}):
        body = json.dumps({**document, **fields})
        headers = {**JSON, "Idempotency-Key": "k"}
        response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
        codes.append(response.code)
    assert codes == [202, 202, 422, 422]


async def failing_chain(client: Client) -> list[str]:
    """A canceled job, and two that were canceled because of it, one after the other."""
    first = (await post(client))["job_id"]
    second = (await post(client, after=[first]))["job_id"]
    third = (await post(client, after=[second]))["job_id"]
    await client.fetch(f"/jobs/{first}/cancel", method="POST", body=b"")
    return [first, second, third]


async def retry(client: Client, job_id: str, query: str = "") -> Any:
    path = f"/jobs/{job_id}/retry{query}"
    response = await client.fetch(path, method="POST", body=b"", raise_error=False)
    return response.code, loads(response.body)


async def test_a_retry_takes_along_what_was_canceled_because_of_the_job(client: Client) -> None:
    first, *others = await failing_chain(client)
    status, document = await retry(client, first, "?downstream=true")
    assert (status, document["message"], document["downstream"]) == (202, "job queued again", 2)
    statuses = [(await get(client, f"/jobs/{each}"))["status"] for each in (first, *others)]
    assert statuses == ["queued"] * 3


async def test_downstream_jobs_are_retried_after_the_job_was(client: Client) -> None:
    first, *_ = await failing_chain(client)
    status, document = await retry(client, first)
    assert (status, "downstream" in document) == (202, False)
    status, document = await retry(client, first, "?downstream=true")
    assert (status, document["status"], document["downstream"]) == (202, "queued", 2)
    assert document["message"] == "jobs that follow it queued again"
    status, document = await retry(client, first, "?downstream=true")
    assert (status, document["code"]) == (409, "job_queued")


async def test_a_wrong_downstream_is_refused(client: Client) -> None:
    first, *_ = await failing_chain(client)
    status, document = await retry(client, first, "?downstream=maybe")
    assert (status, document["errors"][0]["field"]) == (422, "downstream")
    status, document = await retry(client, first, "?down=true")
    assert (status, document["code"]) == (422, "unknown_parameter")


async def test_many_jobs_are_retried_with_what_follows_them(client: Client) -> None:
    first, *_ = await failing_chain(client)
    body = {"status": ["canceled"], "text": first, "downstream": True}
    response = await client.fetch("/jobs/retry", method="POST", body=json.dumps(body), headers=JSON)
    assert loads(response.body) == {"matched": 3, "changed": 3, "dry_run": False, "next": None}


async def test_the_jobs_that_follow_a_job_are_listed(client: Client) -> None:
    first, second, third = await failing_chain(client)
    assert [job["job_id"] for job in (await get(client, f"/jobs?after={first}"))["items"]] == [
        second
    ]
    assert (await get(client, f"/jobs?after={third}"))["items"] == []
    response = await client.fetch("/jobs?after=first", raise_error=False)
    assert (response.code, loads(response.body)["errors"][0]["field"]) == (422, "after")


async def test_a_dry_run_of_a_cancel_counts_what_it_would_cancel(client: Client) -> None:
    first = (await post(client))["job_id"]
    second = (await post(client, after=[first]))["job_id"]
    await post(client, after=[second], on_failure="run")
    path = f"/jobs/{first}/cancel"
    for _ in range(2):
        response = await client.fetch(f"{path}?dry_run=true", method="POST", body=b"")
        document = loads(response.body)
        assert (response.code, document["status"], document["downstream"]) == (200, "queued", 1)
    await client.fetch(path, method="POST", body=b"")
    assert (await get(client, f"/jobs/{second}"))["status"] == "canceled"
    response = await client.fetch(f"{path}?dry_run=true", method="POST", body=b"")
    assert (loads(response.body)["status"], loads(response.body)["downstream"]) == ("canceled", 0)
    response = await client.fetch(f"{path}?dry=1", method="POST", body=b"", raise_error=False)
    assert response.code == 422

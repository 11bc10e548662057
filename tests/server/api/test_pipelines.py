"""Batches whose jobs have names. Other jobs of the batch use these names."""

import json
from typing import Any

import pytest

from server.documents.batch_documents import MAX_JOB_ERRORS
from server.jobs.validation import batch_checks
from server.jobs.validation.batch_body import BatchBody
from server.jobs.validation.pipeline import split_with_ids
from storage.records.ids import id_in_batch, new_batch_id
from tests.server.api.test_batches import SLEEP, WRONG, answer, send, stored
from tests.support.api import Client, read
from tests.support.stores import Bench

pytestmark = [pytest.mark.tornado, pytest.mark.gen_test]

BUILD = {**SLEEP, "name": "build"}
CHECK = {**SLEEP, "name": "check", "after": ["build"]}
LAST = {**SLEEP, "after": ["check", "build"]}


async def after(client: Client, job_id: str) -> list[str]:
    """The jobs that a job was submitted to run after."""
    after: list[str] = (await client.get(f"/jobs/{job_id}"))["after"]
    return after


@pytest.mark.parametrize("small", [1 << 20, 0], ids=["at once", "in the check process"])
async def test_jobs_name_others_of_their_batch_in_any_order(
    client: Client, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    monkeypatch.setattr(batch_checks, "SMALL_BYTES", small)
    batch = await send(client, [LAST, CHECK, BUILD])
    last, check, build = batch["job_ids"]
    assert batch["names"] == {"check": check, "build": build}
    assert await after(client, last) == [check, build]
    assert await after(client, check) == [build]
    assert await after(client, build) == []


async def test_json_lines_have_names_too(client: Client) -> None:
    batch = await send(client, "\n".join(map(json.dumps, [CHECK, BUILD])).encode())
    assert await after(client, batch["job_ids"][0]) == [batch["names"]["build"]]


async def test_names_and_ids_of_earlier_jobs_stand_together(client: Client) -> None:
    (earlier,) = (await send(client, [SLEEP]))["job_ids"]
    batch = await send(client, [BUILD, {**SLEEP, "after": [earlier, "build"]}])
    assert await after(client, batch["job_ids"][1]) == [earlier, batch["names"]["build"]]


async def test_the_job_that_follows_a_batch_names_its_jobs(client: Client) -> None:
    batch = await send(client, {"jobs": [BUILD], "then": {**SLEEP, "after": ["build"]}})
    assert await after(client, batch["then"]) == [batch["names"]["build"]]


def test_a_name_says_whose_result_a_job_gets() -> None:
    jobs = [BUILD, {**SLEEP, "input": {"from": "build"}}]
    batch_id = new_batch_id()
    split = split_with_ids(BatchBody(json.dumps(jobs).encode(), False, batch_id))
    build, other = map(json.loads, split.jobs)
    assert build == SLEEP
    assert other["input"] == {"from": str(id_in_batch(batch_id, 0))}


async def test_a_repeated_pipeline_gets_the_first_response(client: Client) -> None:
    headers = {"Idempotency-Key": '"k"'}
    first, again = [await answer(client, [CHECK, BUILD], "", headers) for _ in range(2)]
    assert read(first, 202) == read(again, 202)
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_job_with_a_payload_that_has_a_name_needs_no_name(client: Client) -> None:
    patterns = [{"name": "errors", "regex": "x"}]
    job = {"type": "analyze", "payload": {"patterns": patterns}}
    batch = await send(client, [SLEEP, job, WRONG])
    assert (batch["size"], batch["names"]) == (1, {})


@pytest.mark.parametrize(
    ("jobs", "errors"),
    [
        ([BUILD, {**SLEEP, "after": ["biuld"]}], {"[1].after[0]": "did you mean build?"}),
        ([BUILD, {**SLEEP, "input": {"from": "x"}}], {"[1].input.from": "ones are build"}),
        ([BUILD, CHECK, BUILD], {"[2].name": "too; each name can be used once"}),
        ([{**SLEEP, "name": "a b"}, BUILD], {"[0].name": "that begin with a letter or _"}),
        ([{**SLEEP, "name": None}], {"[0].name": "for example build"}),
        ([{**SLEEP, "name": "a" * 32}], {"[0].name": "no UUID"}),
        ([{**BUILD, "after": ["check"]}, CHECK], {"[0].after": "build → check → build"}),
        ([{**BUILD, "after": ["build"]}], {"[0].after": "build → build"}),
        ([{**WRONG, "name": "build"}, CHECK], {"[0].payload.seconds": "at least 0"}),
        ([BUILD, WRONG], {"[1].payload.seconds": "at least 0"}),
        ([BUILD, {**SLEEP, "after": "build"}], {"[1].after": "must be a list"}),
        ([BUILD, 5], {"[1]": "JSON object"}),
        ({"jobs": [BUILD], "then": {**SLEEP, "after": ["x"]}}, {"then.after[0]": "ones are build"}),
        ({"jobs": [BUILD], "then": {**CHECK}}, {"then.name": "has no name"}),
    ],
)
async def test_a_pipeline_with_a_mistake_is_refused_as_a_whole(
    client: Client, bench: Bench, jobs: Any, errors: dict[str, str]
) -> None:
    problem = await send(client, jobs, 422)
    assert [each["field"] for each in problem["errors"]] == [*errors]
    for each in problem["errors"]:
        assert errors[each["field"]] in each["detail"]
    assert stored(bench) == 0


async def test_errors_of_many_jobs_are_short(client: Client) -> None:
    wrong = [{**SLEEP, "after": [f"x{n}-{at}" for at in range(50)]} for n in range(100)]
    problem = await send(client, [BUILD, *wrong], 422)
    assert [each["field"] for each in problem["errors"][:6]] == [
        *(f"[1].after[{at}]" for at in range(MAX_JOB_ERRORS)),
        "[2].after[0]",
    ]
    suggested = [each for each in problem["errors"] if "the known ones are" in each["detail"]]
    assert len(suggested) < 200
    circle = [{**SLEEP, "name": f"j{n}", "after": [f"j{(n + 1) % 100}"]} for n in range(100)]
    problem = await send(client, circle, 422)
    assert problem["errors"][0]["detail"].endswith(" → 81 more")


async def test_a_malformed_line_of_a_pipeline_is_refused_with_its_place(client: Client) -> None:
    lines = [json.dumps(BUILD), '{"type": ', json.dumps(CHECK)]
    problem = await send(client, "\n".join(lines).encode(), 400)
    assert [each["field"] for each in problem["errors"]] == ["[1]"]


async def test_a_pipeline_is_stored_as_a_whole_or_not_at_all(client: Client, bench: Bench) -> None:
    problem = await send(client, [{**BUILD, "queue": "nowhere"}, CHECK, SLEEP], 422)
    assert [each["field"] for each in problem["errors"]] == ["[0].queue", "[1].after"]
    assert "it follows is refused" in problem["errors"][1]["detail"]
    assert stored(bench) == 0


async def test_the_jobs_of_a_pipeline_are_read_back_with_what_they_run_after(
    client: Client, bench: Bench
) -> None:
    (earlier,) = (await send(client, [SLEEP]))["job_ids"]
    jobs = [{**CHECK, "after": ["build", earlier]}, BUILD, SLEEP]
    batch = await send(client, {"jobs": jobs, "then": {**SLEEP, "after": ["check"]}})
    check, build, other = batch["job_ids"]
    await client.fetch(f"/jobs/{build}/cancel", method="POST", body=b"")
    found = await client.get(f"/batches/{batch['batch_id']}/pipeline")
    assert found["batch_id"] == batch["batch_id"]
    assert [(job["job_id"], job["name"], job["after"]) for job in found["jobs"]] == [
        (check, "check", [build, earlier]),
        (build, "build", []),
        (other, None, []),
    ]
    assert {(job["type"], job["status"]) for job in found["jobs"][1:]} == {
        ("sleep", "canceled"),
        ("sleep", "queued"),
    }
    assert (found["then"]["job_id"], found["then"]["after"]) == (batch["then"], [check])
    await client.fetch(f"/jobs/{build}", method="DELETE")
    found = await client.get(f"/batches/{batch['batch_id']}/pipeline")
    assert [job["job_id"] for job in found["jobs"]] == [check, other]


async def test_a_pipeline_of_an_unknown_batch_is_404(client: Client) -> None:
    for batch_id in ("x", new_batch_id()):
        response = await client.fetch(f"/batches/{batch_id}/pipeline", raise_error=False)
        assert read(response, 404)["code"] == "batch_not_found"

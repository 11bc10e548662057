"""Batches: many jobs by one call, each with an outcome of its own."""

import json
from typing import Any
from unittest.mock import patch

import pytest
from tornado.httpclient import HTTPResponse

from server.documents import batch_documents
from server.jobs.validation import batch_checks
from server.start.app import App
from storage.records.ids import MAX_BATCH_JOBS
from storage.waiting.reactions import react_to_ended
from tests.support.api import Client, fields, read
from tests.support.stores import RETURNED, Bench

pytestmark = [pytest.mark.tornado, pytest.mark.gen_test]

SLEEP = {"type": "sleep", "payload": {"seconds": 5}}
WRONG = {"type": "sleep", "payload": {"seconds": -1}}


async def send(
    client: Client,
    jobs: Any,
    status: int = 202,
    query: str = "",
    headers: dict[str, str] | None = None,
) -> Any:
    """Submit a batch: an array, or bytes as JSON lines; return the JSON of the response."""
    response = await answer(client, jobs, query, headers)
    return read(response, status)


async def answer(
    client: Client, jobs: Any, query: str = "", headers: dict[str, str] | None = None
) -> HTTPResponse:
    is_lines = isinstance(jobs, bytes)
    body = jobs if is_lines else json.dumps(jobs).encode()
    kind = "application/x-ndjson" if is_lines else "application/json"
    all_headers = {"Content-Type": kind, **(headers or {})}
    path = f"/jobs/batch{query}"
    return await client.fetch(path, method="POST", body=body, headers=all_headers)


def stored(bench: Bench) -> int:
    """How many jobs are stored."""
    return int(bench.store.database.execute("SELECT COUNT(*) FROM job").fetchone()[0])


async def test_the_jobs_of_an_array_are_stored_in_their_order(client: Client) -> None:
    jobs = [{**SLEEP, "priority": n, "tags": [f"n:{n}"]} for n in range(3)]
    response = await answer(client, jobs)
    batch = read(response, 202)
    assert response.headers["Location"] == f"/batches/{batch['batch_id']}"
    assert (batch["size"], batch["refused"], batch["refusals"]) == (3, 0, [])
    assert batch["job_ids"] == sorted(batch["job_ids"])
    for number, job_id in enumerate(batch["job_ids"]):
        job = await client.get(f"/jobs/{job_id}")
        assert (job["priority"], job["tags"]) == (number, [f"n:{number}"])
        assert (job["batch_id"], job["status"]) == (batch["batch_id"], "queued")


async def test_json_lines_are_jobs_and_empty_lines_are_none(client: Client) -> None:
    lines = [json.dumps(SLEEP), "", json.dumps({**SLEEP, "priority": 5}), "\r"]
    batch = await send(client, "\n".join(lines).encode())
    assert batch["size"] == 2
    assert (await client.get(f"/jobs/{batch['job_ids'][1]}"))["priority"] == 5


async def test_each_refused_job_has_a_reason_and_the_others_are_stored(client: Client) -> None:
    lines = [
        json.dumps(SLEEP),
        json.dumps(WRONG),
        '{"type": ',
        '"text"',
        json.dumps({**SLEEP, "prioritty": 1}),
        json.dumps({**SLEEP, "queue": "none-such"}),
        json.dumps({"type": "analyze", "payload": {"patterns": ["x"]}}),
        json.dumps(SLEEP),
    ]
    batch = await send(client, "\n".join(lines).encode())
    assert (batch["size"], batch["refused"]) == (2, 6)
    assert [job_id is None for job_id in batch["job_ids"]] == [False, *[True] * 6, False]
    found = {each["index"]: each["errors"][0]["field"] for each in batch["refusals"]}
    assert found == {
        1: "payload.seconds",
        2: "body",
        3: "body",
        4: "prioritty",
        5: "queue",
        6: "payload.source",
    }
    assert batch["refusals"][1]["code"] == "malformed_json"
    progress = await client.get(f"/batches/{batch['batch_id']}")
    assert (progress["size"], progress["refused"], progress["queued"]) == (2, 6, 2)


async def test_an_atomic_batch_with_a_refused_job_stores_nothing(
    client: Client, bench: Bench
) -> None:
    problem = await send(client, [SLEEP, WRONG], 422, "?atomic=true")
    assert fields(problem) == ["[1].payload.seconds"]
    problem = await send(client, [SLEEP, {**SLEEP, "queue": "none-such"}], 422, "?atomic=true")
    assert fields(problem) == ["[1].queue"]
    assert stored(bench) == 0
    assert (await send(client, [SLEEP, SLEEP], 202, "?atomic=true"))["size"] == 2


async def test_a_batch_without_a_valid_job_is_refused_as_a_whole(
    client: Client, bench: Bench
) -> None:
    assert fields(await send(client, [WRONG], 422)) == ["[0].payload.seconds"]
    assert fields(await send(client, [{**SLEEP, "queue": "none-such"}], 422)) == ["[0].queue"]
    assert fields(await send(client, [], 422)) == ["body"]
    assert fields(await send(client, b"\n\n", 422)) == ["body"]
    assert fields(await send(client, {"jobs": []}, 422)) == ["body"]
    assert fields(await send(client, 5, 422)) == ["body"]
    assert fields(await send(client, [SLEEP], 422, "?atomic=perhaps")) == ["atomic"]
    assert stored(bench) == 0


@pytest.mark.sqlite
async def test_an_array_that_is_not_json_is_refused_with_the_place(client: Client) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (
        b"",
        b"[1,",
        b"[1 2]",
        b"[1]]",
        b"[NaN",
        b'[{"type": "sleep",}]',
        b"\xff",
        b"[" * 40,
        b'\xef\xbb\xbf[{"type": "sleep"}]',
    ):
        response = await client.fetch("/jobs/batch", method="POST", body=body, headers=headers)
        assert read(response, 400)["code"] == "malformed_json", body


@pytest.mark.heavy
@pytest.mark.sqlite
async def test_a_batch_has_limits(client: Client, app: App, bench: Bench) -> None:
    with patch.object(batch_documents, "MAX_REFUSALS", 2):
        batch = await send(client, [SLEEP, WRONG, WRONG, WRONG])
    assert [len(each["errors"]) for each in batch["refusals"]] == [1, 1, 0]
    many: Any = {"type": "sleep", "payload": {f"field{n}": n for n in range(20)}}
    (refusal,) = (await send(client, [SLEEP, many]))["refusals"]
    assert len(refusal["errors"]) == batch_documents.MAX_JOB_ERRORS
    before = stored(bench)
    line = json.dumps(SLEEP).encode() + b"\n"
    problem = await send(client, line * (MAX_BATCH_JOBS + 1), 422)
    assert "10000" in problem["errors"][0]["detail"]
    array = b"[" + b",".join([line] * (MAX_BATCH_JOBS + 1)) + b"]"
    assert fields(await send(client, json.loads(array), 422)) == ["body"]
    assert stored(bench) == before
    headers = {"Content-Type": "text/csv"}
    response = await client.fetch("/jobs/batch", method="POST", body=line, headers=headers)
    assert read(response, 415)["code"] == "media_type_unsupported"


@pytest.mark.heavy
@pytest.mark.sqlite
async def test_a_large_batch_is_checked_in_pieces_by_the_check_process(
    client: Client, bench: Bench
) -> None:
    jobs: Any = [{**SLEEP, "priority": n % 3, "payload": {"seconds": n}} for n in range(1000)]
    jobs[700] = WRONG
    with patch.object(batch_checks, "PIECE_BYTES", 2000):
        batch = await send(client, jobs)
    assert (batch["size"], batch["refused"], batch["refusals"][0]["index"]) == (999, 1, 700)
    for index in (0, 1, 500, 999):
        job = await client.get(f"/jobs/{batch['job_ids'][index]}")
        assert (job["payload"], job["priority"]) == ({"seconds": index}, index % 3)
    assert stored(bench) == 999


async def test_a_repeated_batch_with_its_key_gets_the_first_response(
    client: Client, bench: Bench
) -> None:
    headers = {"Idempotency-Key": "night-1"}
    jobs = [{**SLEEP, "queue": "none-such"}, SLEEP, WRONG, SLEEP]
    first = await send(client, jobs, headers=headers)
    response = await answer(client, jobs, headers=headers)
    assert read(response, 202) == first
    assert response.headers["Idempotency-Replayed"] == "true"
    assert stored(bench) == 2
    for other in ([SLEEP], [*jobs, SLEEP]):
        problem = await send(client, other, 422, headers=headers)
        assert problem["code"] == "key_reused"
    assert (await send(client, jobs, 422, "?atomic=true", headers))["code"] != "malformed_json"
    single = json.dumps(SLEEP).encode()
    alone = {"Content-Type": "application/json", **headers}
    response = await client.fetch("/jobs", method="POST", body=single, headers=alone)
    assert read(response, 422)["code"] == "key_reused"
    assert stored(bench) == 2


async def test_the_key_of_a_single_job_is_not_one_of_a_batch(client: Client, bench: Bench) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    body = json.dumps(SLEEP).encode()
    read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 202)
    problem = await send(client, [SLEEP], 422, headers={"Idempotency-Key": "k"})
    assert problem["code"] == "key_reused"
    assert stored(bench) == 1


async def test_the_progress_of_a_batch_counts_its_jobs_and_no_others(
    client: Client, bench: Bench
) -> None:
    other = await send(client, [SLEEP] * 2)
    batch = await send(client, [SLEEP] * 4)
    await client.sleep_job()
    path = f"/batches/{batch['batch_id']}"
    runner = bench.runner()
    for job_id in (*other["job_ids"], *batch["job_ids"][:2]):
        fence = runner.claim_one()
        assert str(fence.job_id) == job_id
        if job_id == batch["job_ids"][1]:
            break
        runner.claims.complete(fence, "1", RETURNED)
    await client.fetch(f"/jobs/{batch['job_ids'][2]}/cancel", method="POST", body=b"")
    progress = await client.get(path)
    assert {name: progress[name] for name in ("size", "queued", "running", "succeeded")} == {
        "size": 4,
        "queued": 1,
        "running": 1,
        "succeeded": 1,
    }
    assert (progress["canceled"], progress["finished"], progress["finished_at"]) == (1, False, None)
    runner.claims.complete(fence, "1", RETURNED)
    last = runner.claim_one()
    runner.claims.complete(last, "1", RETURNED)
    response = await client.fetch(f"/jobs/{batch['job_ids'][0]}", method="DELETE")
    assert response.code == 204
    progress = await client.get(path)
    assert (progress["succeeded"], progress["deleted"], progress["finished"]) == (2, 1, True)
    assert progress["finished_at"]


async def test_a_wait_for_a_batch_ends_with_its_last_job(client: Client, bench: Bench) -> None:
    batch = await send(client, [SLEEP] * 2)
    path = f"/batches/{batch['batch_id']}"
    assert not (await client.get(f"{path}?wait=0.1"))["finished"]
    runner = bench.runner()
    waiting = client.get(f"{path}?wait=30")
    tagged = client.get(f"/jobs?batch={batch['batch_id']}&wait=30")
    for _ in range(2):
        runner.claims.complete(runner.claim_one(), "1", RETURNED)
    assert (await waiting)["succeeded"] == 2
    assert [job["status"] for job in (await tagged)["items"]] == ["succeeded"] * 2
    assert (await client.get(f"{path}?wait=30"))["finished"]
    await client.sleep_job()
    response = await client.fetch(f"/jobs?batch={batch['batch_id']}&wait=0.1")
    assert "Retry-After" not in response.headers


async def test_a_canceled_batch_leaves_other_jobs_alone(client: Client, bench: Bench) -> None:
    batch = await send(client, [SLEEP] * 3)
    other = await client.sleep_job()
    bench.runner().claim_one()
    document = await client.post(f"/batches/{batch['batch_id']}/cancel", b"", 200)
    assert (document["matched"], document["changed"]) == (3, 3)
    statuses = [(await client.get(f"/jobs/{each}"))["status"] for each in batch["job_ids"]]
    assert statuses == ["running", "canceled", "canceled"]
    assert (await client.get(f"/jobs/{batch['job_ids'][0]}"))["cancel_requested_at"]
    assert (await client.get(f"/jobs/{other}"))["status"] == "queued"


async def test_lists_and_bulk_changes_select_the_jobs_of_a_batch(client: Client) -> None:
    first, second = await send(client, [SLEEP] * 3), await send(client, [SLEEP] * 2)
    await client.sleep_job()
    for batch in (first, second):
        page = await client.get(f"/jobs?batch={batch['batch_id']}")
        assert [job["job_id"] for job in page["items"]] == batch["job_ids"][::-1]
        path = f"/jobs?batch={batch['batch_id']}&status=queued&type=sleep&limit=2"
        page = await client.get(path)
        assert [job["job_id"] for job in page["items"]] == batch["job_ids"][::-1][:2]
    cancel = {"batch": first["batch_id"], "status": ["queued"]}
    assert (await client.post("/jobs/cancel", cancel, 200))["changed"] == 3
    assert len((await client.get("/jobs?status=canceled"))["items"]) == 3
    problem = await client.get("/jobs?batch=1", 422)
    assert fields(problem) == ["batch"]
    last = "ffffffff-ffff-ffff-ffff-ffffffffffff"
    assert (await client.get(f"/jobs?batch={last}"))["items"] == []


@pytest.mark.sqlite
async def test_unknown_batches_are_404(client: Client) -> None:
    for name in ("1", "01a21054-ecc3-7788-9e49-c6d97d1c0000"):
        assert (await client.get(f"/batches/{name}", 404))["code"] == "batch_not_found"
        problem = await client.post(f"/batches/{name}/cancel", b"", 404)
        assert problem["code"] == "batch_not_found"


@pytest.mark.sqlite
async def test_the_id_of_a_job_is_told_from_that_of_a_batch(client: Client) -> None:
    (job_id,) = (await send(client, [SLEEP]))["job_ids"]
    assert "is no id of a batch" in (await client.get(f"/batches/{job_id}", 404))["detail"]


@pytest.mark.sqlite
async def test_jobs_that_a_batch_cannot_have_are_refused(client: Client) -> None:
    source: Any = {"job_id": "01a21054-ecc3-7788-9e49-c6d97d1c0000"}
    payload: Any = {"patterns": ["x"], "source": source}
    jobs: Any = [
        SLEEP,
        {"type": "analyze", "payload": payload},
        {"type": "analyze", "payload": {**payload, "reuse": True}},
        {"type": "analyze", "payload": {**payload, "compare": source}},
        {"type": "analyze", "payload": {**payload, "pattern_sets": ["none-such"]}},
    ]
    batch = await send(client, jobs)
    found = {each["index"]: each["errors"][0]["field"] for each in batch["refusals"]}
    assert found == {
        1: "payload.source.job_id",
        2: "payload.reuse",
        3: "payload.compare.job_id",
        4: "payload.pattern_sets[0]",
    }


async def test_of_jobs_with_one_unique_key_a_batch_stores_the_first(
    client: Client, bench: Bench
) -> None:
    keyed: Any = {**SLEEP, "unique_key": "k"}
    jobs: Any = [keyed, SLEEP, keyed, {**keyed, "if_exists": "return"}]
    batch = await send(client, jobs)
    assert [job_id is None for job_id in batch["job_ids"]] == [False, False, True, True]
    found = [(each["code"], each["job_id"]) for each in batch["refusals"]]
    assert found == [("unique_key_held", batch["job_ids"][0])] * 2
    assert fields(await send(client, [SLEEP, keyed], 422, "?atomic=true")) == ["[1]"]
    replacing = await send(client, [{**keyed, "if_exists": "replace"}])
    assert (await client.get(f"/jobs/{batch['job_ids'][0]}"))["status"] == "canceled"
    assert (await client.get(f"/jobs/{replacing['job_ids'][0]}"))["status"] == "queued"
    assert stored(bench) == 3


@pytest.mark.sqlite
async def test_a_batch_may_not_exceed_the_queue_watermark(client: Client, app: App) -> None:
    watermark = app.queue_watermark
    with patch.object(watermark, "_max_queued", 5):
        await send(client, [SLEEP] * 3)
        await app.queue_watermark._recount()
        problem = await send(client, [SLEEP] * 3, 503)
        assert problem["code"] == "queue_full"
        await app.queue_watermark._recount()
        assert (await send(client, [SLEEP] * 2))["size"] == 2


async def test_the_job_that_follows_runs_when_all_jobs_of_its_batch_have_ended(
    client: Client, bench: Bench
) -> None:
    then: Any = {"type": "sleep", "payload": {"seconds": 7}, "tags": ["last"]}
    headers = {"Idempotency-Key": "k"}
    batch = await send(client, {"jobs": [SLEEP, WRONG, SLEEP], "then": then}, headers=headers)
    again = await send(client, {"jobs": [SLEEP, WRONG, SLEEP], "then": then}, headers=headers)
    assert again == batch
    follower = f"/jobs/{batch['then']}"
    job = await client.get(follower)
    assert (job["payload"], job["tags"], job["batch_id"]) == ({"seconds": 7}, ["last"], None)
    (reason, *_) = (await client.get(f"{follower}/explain"))["reasons"]
    assert reason["code"] == "waits_for_batch"
    progress = await client.get(f"/batches/{batch['batch_id']}")
    assert (progress["then"], progress["size"]) == (batch["then"], 2)
    runner = bench.runner()
    (first,) = runner.claims.claim(1)
    runner.claims.complete(first.fence, "1", RETURNED)
    response = await client.fetch(f"/jobs/{batch['job_ids'][2]}/cancel", method="POST", body=b"")
    assert response.code == 200
    react_to_ended(bench.store.database, bench.store.wakeup, bench.clock)
    (last,) = runner.claims.claim(5)
    assert str(last.id) == batch["then"]


async def test_a_wrong_job_that_follows_refuses_the_batch(client: Client, bench: Bench) -> None:
    for then, field in (
        (WRONG, "then.payload.seconds"),
        ({**SLEEP, "queue": "none-such"}, "then.queue"),
        (5, "then"),
    ):
        assert fields(await send(client, {"jobs": [SLEEP], "then": then}, 422)) == [field]
    assert fields(await send(client, {"jobs": [SLEEP], "than": SLEEP}, 422)) == ["than"]
    assert fields(await send(client, {"then": SLEEP}, 422)) == ["jobs"]
    assert fields(await send(client, {"then": SLEEP, "jobs": 5}, 422)) == ["jobs"]
    assert stored(bench) == 0


async def test_a_batch_may_say_that_no_job_follows(client: Client) -> None:
    assert (await send(client, {"jobs": [SLEEP], "then": None}))["then"] is None


async def test_a_job_of_a_batch_gets_its_file_from_an_earlier_job(client: Client) -> None:
    analysis = {"type": "analyze", "payload": {"patterns": ["x"]}}
    for jobs, field in (
        ([analysis], "[0].payload.source"),
        ({"jobs": [SLEEP], "then": analysis}, "then.payload.source"),
    ):
        (error,) = (await send(client, jobs, 422))["errors"]
        assert error["field"] == field
        assert 'as in {"source": {"job_id": "' in error["detail"]


async def test_a_canceled_batch_cancels_the_job_that_follows(client: Client, bench: Bench) -> None:
    batch = await send(client, {"then": SLEEP, "jobs": [SLEEP] * 2})
    bench.runner().claim_one()
    await client.post(f"/batches/{batch['batch_id']}/cancel", b"", 200)
    assert (await client.get(f"/jobs/{batch['then']}"))["status"] == "canceled"
    react_to_ended(bench.store.database, bench.store.wakeup, bench.clock)
    assert (await client.get(f"/jobs/{batch['then']}"))["status"] == "canceled"


@pytest.mark.sqlite
async def test_an_object_that_is_not_json_is_refused_with_the_place(client: Client) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (
        b"{",
        b'{"jobs": [1}',
        b'{"jobs": [], "jobs": []}',
        b'{"then": 1, "then": 1, "jobs": []}',
        b'{"jobs": []} 1',
        b'{"jobs" 1}',
        b"{1: 2}",
        b'{"jobs": [],}',
    ):
        response = await client.fetch("/jobs/batch", method="POST", body=body, headers=headers)
        assert read(response, 400)["code"] == "malformed_json", body
    response = await client.fetch("/jobs/batch", method="POST", body=b"{}", headers=headers)
    assert fields(read(response, 422)) == ["jobs"]

"""The quota of queued jobs: all ways to queue jobs, restarts, failures, and its cost for others."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.auth.callers import Caller, Role
from server.auth.quotas import Quotas
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.quotas import usage as use_counts
from server.start.app import App
from storage.records.job import StoreUnavailable
from tests.support.api import Client, analyze_form, form, listener_client, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.stores import Bench

pytestmark = pytest.mark.gen_test
JSON = {"Content-Type": "application/json"}
SLOW = {"X-Plain": "no"}
SLEEP = {"type": "sleep", "payload": {"seconds": 5}}
QUOTA = 3
TOKENS = API_TOKENS.replace("ann:submit", f"ann:submit queued={QUOTA}")
TOKENS = TOKENS.replace("ada:admin", f"ada:admin queued={QUOTA}")


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """A listener whose callers ann and ada may have three queued jobs each."""
    with open_app(bench, io_loop, api_tokens=TOKENS) as application:
        yield application


@pytest.fixture(autouse=True)
def counts_at_once() -> Iterator[None]:
    """Let a request without room be counted again, however shortly after the last count."""
    with patch.multiple(use_counts, FULL_COUNT_SECONDS=0.0, COST_FACTOR=0):
        yield


async def send(
    client: Client, path: str, document: Any, caller: str = "ann", **more: str
) -> HTTPResponse:
    headers = {**JSON, **bearer(caller), **{key.replace("_", "-"): more[key] for key in more}}
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return await client.fetch(path, method="POST", body=body, headers=headers)


async def submit(client: Client, status: int = 202, caller: str = "ann", **more: str) -> Any:
    return read(await send(client, "/jobs", SLEEP, caller, **more), status)


async def fill(client: Client, caller: str = "ann") -> list[str]:
    return [(await submit(client, caller=caller))["job_id"] for _ in range(QUOTA)]


async def cancel(client: Client, job_id: str, caller: str = "ann") -> None:
    read(await send(client, f"/jobs/{job_id}/cancel", b"", caller), 200)


async def test_above_the_quota_jobs_are_refused_on_both_paths_and_others_are_not(
    app: App, client: Client
) -> None:
    first, *_ = await fill(client)
    for more in ({}, SLOW):
        refused = await client.fetch(
            "/jobs",
            method="POST",
            body=json.dumps(SLEEP),
            headers={**JSON, **bearer("ann"), **more},
        )
        problem = read(refused, 429)
        assert problem["code"] == "quota_exceeded"
        assert problem["detail"] == (
            "ann may have 3 queued jobs (quota queued), and has 3: wait until some of them have"
            " started, or cancel some"
        )
        assert (problem["quota"], problem["limit"], problem["used"]) == ("queued", 3, 3)
        assert refused.headers["Retry-After"] == "1"
    for _ in range(QUOTA + 1):
        await submit(client, caller="sue")
    assert app.authenticator.quotas.refused["queued"] == 2
    await cancel(client, first)
    await submit(client)
    await submit(client, 429)


async def test_files_are_refused_before_they_arrive(app: App, client: Client) -> None:
    await fill(client)
    body, kind = form(analyze_form(b"x" * 10**6))
    headers = {**bearer("ann"), "Content-Type": kind}
    read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 429)
    log = {**bearer("ann"), "Content-Type": "text/plain"}
    answer = await client.fetch("/analyze?p=x", method="PUT", body=b"x", headers=log)
    assert read(answer, 429)["code"] == "quota_exceeded"


async def test_a_form_and_an_analysis_count_once(app: App, client: Client) -> None:
    body, kind = form(analyze_form(b"x"))
    headers = {**bearer("ann"), "Content-Type": kind}
    for _ in range(2):
        read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 202)
    log = {**bearer("ann"), "Content-Type": "text/plain"}
    path = "/analyze?p=x&wait=0"
    assert (await client.fetch(path, method="PUT", body=b"x", headers=log)).code == 202
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        await submit(client, 429)


async def test_a_batch_is_queued_as_a_whole_or_not_at_all(app: App, client: Client) -> None:
    await submit(client)
    refused = read(await send(client, "/jobs/batch", [SLEEP] * 3), 429)
    assert "and has 1, so 3 more would be too many" in refused["detail"]
    assert len((await client.get("/jobs", headers=bearer("ann")))["items"]) == 1
    read(await send(client, "/jobs/batch", [SLEEP] * 2), 202)
    await submit(client, 429)


async def test_a_batch_that_never_fits_is_a_413(app: App, client: Client) -> None:
    answer = await send(client, "/jobs/batch", [SLEEP] * 4)
    problem = read(answer, 413)
    assert problem["code"] == "larger_than_quota"
    assert problem["detail"] == (
        "ann may have 3 queued jobs (quota queued), and this request alone has 4: send fewer"
    )
    assert "Retry-After" not in answer.headers


async def test_jobs_that_are_not_stored_do_not_count(app: App, client: Client) -> None:
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        for _ in range(QUOTA + 1):
            read(await send(client, "/jobs", {"type": "none"}), 422)
            read(await send(client, "/jobs?dry_run=true", SLEEP), 200)
            read(await send(client, "/jobs/batch", [{"type": "none"}] * 2), 422)
        await submit(client, Idempotency_Key="a")
        for _ in range(QUOTA):
            await submit(client, Idempotency_Key="a")
        unique = {**SLEEP, "unique_key": "k", "if_exists": "return"}
        for _ in range(QUOTA):
            read(await send(client, "/jobs", unique), 202)
        assert len((await client.get("/jobs", headers=bearer("ann")))["items"]) == 2
        await submit(client)
        await submit(client, 429)


async def test_a_repeat_of_the_request_that_has_filled_the_quota_gets_its_response(
    app: App, client: Client
) -> None:
    await submit(client)
    stored = [await send(client, "/jobs", SLEEP, Idempotency_Key=key) for key in ("a", "b")]
    for more in ({}, SLOW):
        for first, key in zip(stored, ("a", "b"), strict=True):
            again = await send(client, "/jobs", SLEEP, Idempotency_Key=key, **more)
            assert read(again, 202) == read(first, 202)
            assert again.headers["Idempotency-Replayed"] == "true"
    other = {"type": "sleep", "payload": {"seconds": 6}}
    read(await send(client, "/jobs", other, Idempotency_Key="a"), 422)
    await submit(client, 429, Idempotency_Key="c")
    await submit(client, 429, "ann")
    assert app.authenticator.quotas.refused["queued"] == 2


async def test_a_repeat_while_the_request_that_fills_the_quota_is_in_progress_is_a_409(
    app: App, client: Client
) -> None:
    for _ in range(QUOTA - 1):
        await submit(client)
    answers = [send(client, "/jobs", SLEEP, Idempotency_Key="a") for _ in range(2)]
    found = sorted(each.code for each in await asyncio.gather(*answers))
    assert found in ([202, 202], [202, 409])
    app.admissions._keys_in_flight.add("ann\nb")
    answer = await send(client, "/jobs", SLEEP, Idempotency_Key="b")
    assert read(answer, 409)["code"] == "key_in_progress"


async def test_a_repeat_is_a_409_if_the_first_request_is_admitted_during_the_look_up(
    app: App, client: Client
) -> None:
    await fill(client)

    async def find_nothing_and_admit_the_first(key: str) -> bool:
        app.admissions._keys_in_flight.add(key)
        return False

    app.admissions._has_key = find_nothing_and_admit_the_first
    answer = await send(client, "/jobs", SLEEP, Idempotency_Key="a")
    assert read(answer, 409)["code"] == "key_in_progress"


async def test_a_repeat_is_a_409_if_the_first_request_is_answered_during_the_look_up(
    app: App, client: Client
) -> None:
    for _ in range(QUOTA - 1):
        await submit(client)
    ann, headers = Caller("ann", Role.SUBMIT, quotas=Quotas(queued=QUOTA)), {"Idempotency-Key": "a"}
    first = await app.admissions.admit(headers, ann, 0)

    async def find_nothing_and_answer_the_first(key: str) -> bool:
        first.keep()
        first.release()
        return False

    app.admissions._has_key = find_nothing_and_answer_the_first
    with pytest.raises(Problem) as refused:
        await app.admissions.admit(headers, ann, 0)
    assert refused.value.code is Code.KEY_IN_PROGRESS


async def test_a_repeated_batch_and_run_of_a_schedule_get_their_responses_with_a_full_quota(
    app: App, client: Client
) -> None:
    headers = {**JSON, **bearer("ann")}
    body = json.dumps({**SLEEP, "cron": "0 0 1 1 *", "overlap": "queue"})
    await client.fetch("/schedules/yearly", method="PUT", body=body, headers=headers)
    sent = ("/jobs/batch", [SLEEP] * 2, "a"), ("/schedules/yearly/run", b"", "b")
    for path, document, key in sent:
        first, again = [await send(client, path, document, Idempotency_Key=key) for _ in range(2)]
        assert read(again, 202) == read(first, 202)
    for path, document, key in sent:
        read(await send(client, path, document, Idempotency_Key=key), 202)
    read(await send(client, "/jobs/batch", [SLEEP] * 2, Idempotency_Key="c"), 429)


async def test_a_dry_run_tells_that_the_quota_is_used_up(app: App, client: Client) -> None:
    await fill(client)
    read(await send(client, "/jobs?dry_run=true", SLEEP), 429)


async def test_a_caller_retries_its_own_jobs_within_its_quota(app: App, client: Client) -> None:
    jobs = await fill(client)
    await cancel(client, jobs[0])
    await submit(client)
    read(await send(client, f"/jobs/{jobs[0]}/retry", b""), 429)
    await cancel(client, jobs[1])
    read(await send(client, f"/jobs/{jobs[0]}/retry", b""), 202)
    read(await send(client, f"/jobs/{jobs[1]}/retry", b""), 429)


async def test_a_retry_by_another_counts_against_the_owner_of_the_job(
    app: App, client: Client
) -> None:
    jobs = await fill(client)
    await cancel(client, jobs[0])
    read(await send(client, f"/jobs/{jobs[0]}/retry", b"", "ada"), 202)
    await submit(client, 429)
    await fill(client, "ada")
    await cancel(client, jobs[0])
    read(await send(client, f"/jobs/{jobs[0]}/retry", b"", "ada"), 202)


async def test_a_bulk_retry_needs_room_and_counts_afterwards(app: App, client: Client) -> None:
    jobs = await fill(client, "ada")
    for job_id in jobs[1:]:
        await cancel(client, job_id, "ada")
    read(await send(client, "/jobs/retry", {"all": True}, "ada"), 200)
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        await submit(client, 429, "ada")
        read(await send(client, "/jobs/retry", {"all": True}, "ada"), 429)
        read(await send(client, "/jobs/retry", {"all": True, "dry_run": True}, "ada"), 200)


async def test_a_run_of_a_schedule_counts(app: App, client: Client) -> None:
    schedule = {**SLEEP, "cron": "0 0 1 1 *", "overlap": "queue"}
    headers = {**JSON, **bearer("ann")}
    body = json.dumps(schedule)
    path = "/schedules/yearly"
    answer = await client.fetch(path, method="PUT", body=body, headers=headers)
    assert answer.code == 201, answer.body
    for _ in range(QUOTA):
        read(await send(client, f"{path}/run", b""), 202)
    read(await send(client, f"{path}/run", b""), 429)


async def test_the_first_submission_waits_for_a_count(bench: Bench) -> None:
    for _ in range(QUOTA):
        bench.enqueue(submitted_by="ann")
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        async with listener_client(bench, api_tokens=TOKENS) as client:
            answers = [send(client, "/jobs", SLEEP) for _ in range(3)]
            assert [each.code for each in await asyncio.gather(*answers)] == [429] * 3


async def test_requests_at_the_same_time_do_not_exceed_the_quota(app: App, client: Client) -> None:
    answers = await asyncio.gather(*(send(client, "/jobs", SLEEP) for _ in range(8)))
    assert sorted(each.code for each in answers) == [202] * 3 + [429] * 5


async def test_a_raised_quota_is_counted_anew(app: App, client: Client) -> None:
    quotas = app.authenticator.quotas
    await fill(client)
    with patch.object(use_counts, "COUNT_SECONDS", 0.0):
        await submit(client, 429)
    assert quotas
    ann = app.authenticator.tokens and app.authenticator.tokens.by_name("ann")
    assert ann
    assert ann.caller.quotas
    vars(ann.caller.quotas)["queued"] = QUOTA + 1
    with patch.object(use_counts, "FULL_COUNT_SECONDS", 3600):
        await submit(client)
        await submit(client, 429)


async def test_a_store_that_cannot_be_counted_is_a_503(app: App, client: Client) -> None:
    def fail(name: str, limit: int) -> int:
        raise StoreUnavailable("gone")

    with patch.object(app.quotas._queued, "_count", fail):
        await submit(client, 503)
        found = await client.get("/session", headers=bearer("ann"))
        assert found["quotas"]["queued"] == {"limit": QUOTA, "used": None}
        await submit(client, caller="sue")
    await submit(client)


async def test_the_session_tells_how_many_jobs_are_queued(app: App, client: Client) -> None:
    await submit(client)
    found = await client.get("/session", headers=bearer("ann"))
    assert found["quotas"]["queued"] == {"limit": QUOTA, "used": 1}
    assert (await client.get("/session", headers=bearer("sue")))["quotas"]["queued"] is None


async def test_the_session_tells_of_what_others_have_changed_meanwhile(
    app: App, client: Client, bench: Bench
) -> None:
    async def used() -> Any:
        found = await client.get("/session", headers=bearer("ann"))
        return found["quotas"]["queued"]["used"]

    await submit(client)
    assert await used() == 1
    for _ in range(QUOTA + 1):
        bench.enqueue(submitted_by="ann")
    assert await used() == QUOTA + 2


async def test_a_caller_above_its_quota_learns_how_many_jobs_it_has(
    app: App, client: Client, bench: Bench
) -> None:
    for _ in range(QUOTA + 2):
        bench.enqueue(submitted_by="ann")
    problem = await submit(client, 429)
    assert problem["used"] == QUOTA + 2
    assert problem["detail"].startswith("ann may have 3 queued jobs (quota queued), and has 5: ")


async def test_nothing_is_counted_for_callers_without_a_quota(app: App, client: Client) -> None:
    with patch.object(app.quotas._queued, "_begin", None):
        await submit(client, caller="sue")
        read(await send(client, "/jobs/batch", [SLEEP] * 2, "sue"), 202)


async def test_a_caller_beyond_its_quota_takes_no_place_of_the_queue(bench: Bench) -> None:
    async with listener_client(bench, api_tokens=TOKENS, max_queued_jobs=2 * QUOTA) as client:
        await fill(client)
        for _ in range(5):
            await submit(client, 429)
        await submit(client, caller="sue")

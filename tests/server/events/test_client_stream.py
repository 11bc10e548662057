"""Server-sent event streams, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from tornado.netutil import bind_sockets

import storage.jobs.events
from server.api.jobs import events as event_handlers
from server.events import shared_feed
from server.events.documents import MAX_RESULT_BYTES, callback_body
from server.start.app import App
from server.start.routes import routes
from storage.jobs.events import Event, Events
from storage.jobs.retention import Retention
from storage.records.job import NewJob, StoreUnavailable
from tests.support.api import Client, opened_app
from tests.support.event_clients import Followers, event_labels
from tests.support.stores import RETURNED, Bench
from tests.support.waiting import wait_for

pytestmark = pytest.mark.gen_test
UNKNOWN = "01a21054-ecc3-7788-9e49-c6d97d1c0c65"


@asynccontextmanager
async def listener(bench: Bench, **settings: int) -> AsyncIterator[str]:
    """A second listener on the same store; yields its base URL."""
    async with opened_app(bench, **settings) as app:
        (sock,) = bind_sockets(0, "127.0.0.1")
        server = app.serve(routes(app), [sock], max_connections=1000)
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
        server.acceptor.close()


def spoil_reads(monkeypatch: pytest.MonkeyPatch, failures: int) -> list[int]:
    """Record the versions after which events are read, and let the first reads fail."""
    real, asked = Events.after, []

    def after(self: Events, version: int) -> list[Event]:
        asked.append(version)
        if len(asked) <= failures:
            raise StoreUnavailable("locked")
        return real(self, version)

    monkeypatch.setattr(Events, "after", after)
    return asked


async def run_job(bench: Bench, job_id: str) -> None:
    """Run the one due job."""
    runner = bench.runner()
    with runner.claims.transaction():
        fence = runner.claim_one()
    assert str(fence.job_id) == job_id
    with runner.claims.transaction():
        runner.claims.complete(fence, "null", RETURNED)
    runner.claims.deregister()


async def test_a_job_stream_starts_with_the_current_state_and_ends_with_the_job(
    follow: Followers, client: Client, bench: Bench
) -> None:
    bench.clock.now *= 2
    job_id = await client.sleep_job()
    stream = await follow(client.base_url, f"/jobs/{job_id}/events")
    (first,) = await stream.some(1)
    await run_job(bench, job_id)
    rest = await stream.rest()
    assert event_labels([first, *rest]) == ["queued", "running", "succeeded", "end"]
    job = await client.get(f"/jobs/{job_id}")
    same = ("created_at", "run_at", "started_at", "finished_at", "cancel_requested_at")
    assert rest[1].data == {
        "job_id": job_id,
        "type": "sleep",
        "queue": "default",
        "tags": [],
        "status": "succeeded",
        "attempt": 1,
        "runner": job["attempts"][0]["runner"],
        "progress": None,
        "error": None,
        **{name: job[name] for name in same},
        "version": rest[1].id,
    }
    assert rest[2].data.items() >= {"job_id": job_id, "status": "succeeded"}.items()
    assert stream.last_id == rest[1].id


async def test_a_stream_has_the_headers_of_an_event_stream(
    follow: Followers, client: Client
) -> None:
    stream = await follow(client.base_url, "/events")
    assert stream.status == 200
    assert stream.headers["Content-Type"] == "text/event-stream"
    assert stream.headers["Cache-Control"] == "no-store"
    await stream.close()
    head = await client.fetch("/events", method="HEAD")
    assert head.headers["Content-Type"] == "text/event-stream"
    assert head.body == b""


async def test_a_final_job_sends_its_state_once_and_then_204(
    follow: Followers, client: Client
) -> None:
    job_id = await client.sleep_job()
    await client.post(f"/jobs/{job_id}/cancel", status=200)
    path = f"/jobs/{job_id}/events"
    stream = await follow(client.base_url, path)
    assert event_labels(await stream.rest()) == ["canceled", "end"]
    assert stream.retry_ms == event_handlers.RETRY_MS
    again = await follow(client.base_url, path, stream.last_id)
    assert (again.status, await again.body()) == (204, b"")


async def test_missed_events_of_a_job_are_sent_once(
    follow: Followers, client: Client, bench: Bench
) -> None:
    job_id = await client.sleep_job()
    path = f"/jobs/{job_id}/events"
    stream = await follow(client.base_url, path)
    (first,) = await stream.some(1)
    await stream.close()
    bench.clock.now *= 2
    await run_job(bench, job_id)
    again = await follow(client.base_url, path, first.id)
    assert event_labels(await again.rest()) == ["running", "succeeded", "end"]
    from_the_start = await follow(client.base_url, f"{path}?last_event_id=0")
    assert event_labels(await from_the_start.rest()) == ["queued", "running", "succeeded", "end"]


async def test_a_stream_of_all_jobs_starts_with_new_events(
    follow: Followers, client: Client
) -> None:
    await client.sleep_job()
    stream = await follow(client.base_url, "/events")
    await stream.begun()
    job_id = await client.sleep_job()
    await client.post(f"/jobs/{job_id}/cancel", status=200)
    found = await stream.some(2)
    assert event_labels(found) == ["queued", "canceled"]
    assert {each.data["job_id"] for each in found} == {job_id}
    await stream.close()


async def test_missed_events_of_all_jobs_are_sent_once(
    follow: Followers, client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (event_handlers, storage.jobs.events):
        monkeypatch.setattr(module, "PAGE", 3)
    stream = await follow(client.base_url, "/events")
    await stream.begun()
    jobs = [await client.sleep_job() for _ in range(8)]
    (first,) = await stream.some(1)
    await stream.close()
    again = await follow(client.base_url, "/events", first.id)
    missed = await again.some(7)
    jobs.append(await client.sleep_job())
    missed += await again.some(1)
    assert [first.data["job_id"], *(each.data["job_id"] for each in missed)] == jobs
    assert [each.id for each in missed] == sorted({each.id or 0 for each in missed})
    await again.close()


async def test_events_between_catching_up_and_subscribing_are_sent(
    follow: Followers,
    client: Client,
    bench: Bench,
    app: App,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Events.after
    between: list[UUID] = []

    def after(self: Events, version: int) -> list[Event]:
        found = real(self, version)
        if version == 0 and not between:
            between.append(bench.enqueue())
            newest = bench.job(between[0]).version
            wait_for(lambda: app.event_feed.version >= newest)
        return found

    await client.sleep_job()
    monkeypatch.setattr(Events, "after", after)
    stream = await follow(client.base_url, "/events", 0)
    first, second = await stream.some(2)
    assert second.data["job_id"] == str(between[0]) != first.data["job_id"]


async def test_a_stream_of_all_jobs_can_be_filtered_by_type_queue_and_status(
    follow: Followers, client: Client, bench: Bench
) -> None:
    ended = await follow(client.base_url, "/events?status=canceled&last_event_id=0")
    other = await follow(client.base_url, "/events?type=other&queue=own")
    await other.begun()
    job_id = await client.sleep_job()
    await client.post(f"/jobs/{job_id}/cancel", status=200)
    assert bench.queues.put("own")
    _, known = (bench.enqueue("other", queue=queue) for queue in ("default", "own"))
    assert event_labels(await ended.some(1)) == ["canceled"]
    assert (await other.some(1))[0].data["job_id"] == str(known)
    await ended.close()
    await other.close()


async def test_progress_is_sent_to_streams(follow: Followers, client: Client, bench: Bench) -> None:
    job_id = await client.sleep_job()
    bench.clock.now *= 2
    runner = bench.runner()
    stream = await follow(client.base_url, f"/jobs/{job_id}/events")
    with runner.claims.transaction():
        fence = runner.claim_one()
    assert event_labels(await stream.some(2)) == ["queued", "running"]
    with runner.claims.transaction():
        runner.claims.progress(fence, '{"step": 1}')
    (event,) = await stream.some(1)
    assert (event.name, event.data["progress"]) == ("progress", {"step": 1})
    await stream.close()
    again = await follow(client.base_url, f"/jobs/{job_id}/events", (event.id or 0) - 1)
    assert event_labels(await again.some(1)) == ["progress"]
    await again.close()


async def test_all_listeners_send_the_same_events(
    follow: Followers, client: Client, bench: Bench
) -> None:
    async with listener(bench) as other:
        followers = [await follow(url, "/events") for url in (client.base_url, other)]
        for follower in followers:
            await follower.begun()
        job_id = await client.sleep_job()
        await client.post(f"/jobs/{job_id}/cancel", status=200)
        one, two = [await follower.some(2) for follower in followers]
        assert one == two
        await followers[0].close()
        moved = await follow(other, "/events", one[0].id)
        assert await moved.some(1) == one[1:]


@pytest.mark.parametrize("last", ["x", "-1", "1.5", str(2**63)])
async def test_an_invalid_last_event_id_is_refused(
    follow: Followers, client: Client, last: str
) -> None:
    problem = await client.get(f"/events?last_event_id={last}", status=422)
    assert problem["errors"][0]["field"] == "last_event_id"
    problem = await client.get("/events", status=422, headers={"Last-Event-ID": last})
    assert problem["errors"][0]["field"] == "Last-Event-ID"


async def test_a_last_event_id_of_the_future_counts_as_the_newest(
    follow: Followers, client: Client
) -> None:
    stream = await follow(client.base_url, "/events", 2**62)
    await stream.begun()
    job_id = await client.sleep_job()
    of_job = await follow(client.base_url, f"/jobs/{job_id}/events", 2**62)
    await client.post(f"/jobs/{job_id}/cancel", status=200)
    assert event_labels(await stream.some(2)) == ["queued", "canceled"]
    assert event_labels(await of_job.rest()) == ["canceled", "end"]
    await stream.close()


async def test_a_client_of_a_listener_that_is_ahead_gets_no_event_twice(
    follow: Followers, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_feed, "PAUSE_SECONDS", 1.0)
    before = await follow(client.base_url, "/events")
    await before.begun()
    await client.sleep_job()
    await before.some(1)  # from now on, the feed pauses between reads
    job_id = await client.sleep_job()
    of_job = await follow(client.base_url, f"/jobs/{job_id}/events")
    await of_job.some(1)
    stream = await follow(client.base_url, "/events", of_job.last_id)
    await client.post(f"/jobs/{job_id}/cancel", status=200)
    assert event_labels(await stream.some(1)) == ["canceled"]


async def test_an_unknown_job_has_no_stream(follow: Followers, client: Client) -> None:
    await client.get(f"/jobs/{UNKNOWN}/events", status=404)
    await client.get("/jobs/1/events", status=404)
    await client.post(f"/jobs/{UNKNOWN}/events", status=405)
    await client.post("/events", status=405)


async def test_an_idle_stream_gets_heartbeats(
    follow: Followers, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_handlers, "HEARTBEAT_SECONDS", 0.02)
    job_id = await client.sleep_job()
    for path in ("/events", f"/jobs/{job_id}/events"):
        stream = await follow(client.base_url, path)
        following = asyncio.ensure_future(stream.rest())
        while stream.heartbeats < 3:
            await asyncio.sleep(0.01)
        following.cancel()
        await stream.close()


@pytest.mark.heavy
async def test_only_a_client_that_does_not_read_is_dropped(
    follow: Followers,
    app: App,
    client: Client,
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_feed, "MAX_WAITING_BYTES", 200_000)
    fast = await follow(client.base_url, "/events")
    await fast.begun()
    slow = await follow(client.base_url, "/events", limit=1024)
    reading = asyncio.ensure_future(fast.some(3000))
    for _ in range(30):
        jobs = [NewJob("sleep", {"seconds": 1}) for _ in range(100)]
        await asyncio.to_thread(bench.jobs.enqueue, jobs)
    events = await reading
    assert len({each.data["job_id"] for each in events}) == 3000
    while len(app.event_feed._open) > 1:  # the slow client is dropped although it reads nothing
        await asyncio.sleep(0.01)
    assert len(await slow.rest()) < 3000
    await fast.close()


@patch.object(shared_feed, "MAX_STREAMS", 2)
async def test_the_number_of_open_streams_is_limited(follow: Followers, bench: Bench) -> None:
    async with listener(bench) as url:
        followers = [await follow(url, "/events") for _ in range(2)]
        for follower in followers:
            await follower.begun()
        refused = await follow(url, "/events")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
        assert json.loads(await refused.body())["status"] == 503
        await followers[0].close()
        while (again := await follow(url, "/events")).status != 200:
            await again.close()
        await again.close()


async def test_deleting_a_job_ends_its_stream(
    follow: Followers, client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_feed, "EXISTENCE_CHECK_SECONDS", 0.0)
    job_id = await client.sleep_job()
    stream = await follow(client.base_url, f"/jobs/{job_id}/events")
    await stream.some(1)
    with bench.store.database.transaction():
        bench.jobs.cancel(UUID(job_id))
        Retention(bench.store.database, (), 0).prune(bench.clock() + 1)
    (end,) = await stream.rest()
    nothing = {"metadata": None, "result": None, "result_left_out": False}
    assert (end.name, end.data) == ("end", {"job_id": job_id, "status": None, **nothing})


@pytest.mark.parametrize("characters", [MAX_RESULT_BYTES - 3, MAX_RESULT_BYTES - 2])
async def test_the_end_has_the_metadata_and_a_result_up_to_a_size(
    follow: Followers, client: Client, bench: Bench, characters: int
) -> None:
    bench.clock.now *= 2
    job_id, runner = await client.sleep_job(metadata={"customer": 42}), bench.runner()
    result = "x" * characters
    runner.claims.complete(runner.claim_one(), json.dumps(result), RETURNED)
    job = bench.job(UUID(job_id))
    fits = characters == MAX_RESULT_BYTES - 3
    left: dict[str, Any] = {"metadata": {"customer": 42}, "result": result if fits else None}
    left["result_left_out"] = not fits
    end = (await (await follow(client.base_url, f"/jobs/{job_id}/events")).rest())[-1]
    assert end.data == {"job_id": job_id, "status": "succeeded", **left}
    data = json.loads(callback_body(job))["data"]
    assert data.items() >= {"job_id": job_id, "status": "succeeded", **left}.items()


async def test_many_followers_share_one_query_per_change(
    follow: Followers, client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a hundred streams, to stay below the limit of open files."""
    job_id = await client.sleep_job()
    path = f"/jobs/{job_id}/events"
    followers = [await follow(client.base_url, path) for _ in range(100)]
    for follower in followers:
        await follower.some(1)
    asked = spoil_reads(monkeypatch, failures=0)
    await client.post(f"/jobs/{job_id}/cancel", status=200)
    for follower in followers:
        assert event_labels(await follower.rest()) == ["canceled", "end"]
    assert len(asked) <= 3


async def test_the_feed_continues_after_a_store_failure(
    follow: Followers, client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_feed, "MAX_WAIT_SECONDS", 0.05)
    asked = spoil_reads(monkeypatch, failures=2)
    stream = await follow(client.base_url, "/events")
    await stream.begun()
    job_id = await client.sleep_job()
    (event,) = await stream.some(1)
    assert len(asked) > 2
    assert event.data["job_id"] == job_id
    await stream.close()


async def test_a_store_failure_at_the_start_of_a_stream_is_a_503(
    follow: Followers, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Events) -> int:
        raise StoreUnavailable("locked")

    with monkeypatch.context() as patched:
        patched.setattr(Events, "newest", fail)
        await client.get("/events", status=503)
    stream = await follow(client.base_url, "/events")
    assert stream.status == 200
    await stream.close()


async def test_streams_end_with_their_listener(follow: Followers, bench: Bench) -> None:
    async with listener(bench) as url:
        stream = await follow(url, "/events")
        await stream.begun()
    assert await stream.rest() == []

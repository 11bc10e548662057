"""Idempotency-Key: one job for each key, no matter how often and to which listener it is sent."""

import asyncio
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tornado.httpclient import HTTPResponse

from server.jobs.admission import fingerprint
from storage.jobs.idempotency import KeyedJob, StoredKey
from storage.jobs.retention import Retention
from storage.open import open_store
from storage.records.filters import Filters
from storage.records.job import EncodedJson, NewJob, Upload
from storage.store import JobStore, Refusal
from tests.support.api import Client, analyze_form, fields, form, read
from tests.support.stores import Bench, folder_of

SLEEP = {"type": "sleep", "payload": {"seconds": 5}}
HEADERS = {"Content-Type": "application/json", "Idempotency-Key": "k-1"}


def keyed(key: str = "k", fingerprint: str = "f", **options: Any) -> KeyedJob:
    return KeyedJob(key, fingerprint, NewJob("sleep", {"seconds": 1}, **options))


def stored(bench: Bench) -> list[UUID]:
    return [job.id for job in bench.jobs.list(Filters(), 50).jobs]


def test_a_key_stands_for_its_first_job(bench: Bench) -> None:
    first, again, other = keyed(), keyed(), keyed("k", "g")
    assert bench.jobs.enqueue_once([first]) == [StoredKey(first.job.id, "f")]
    assert bench.jobs.enqueue_once([again]) == [StoredKey(first.job.id, "f")]
    assert bench.jobs.enqueue_once([other]) == [StoredKey(first.job.id, "f")]
    assert stored(bench) == [first.job.id]


def test_a_batch_stores_one_job_per_key(bench: Bench) -> None:
    many = [keyed("b"), keyed("a"), keyed("b"), keyed("c")]
    kept = [each.job_id for each in bench.jobs.enqueue_once(many) if isinstance(each, StoredKey)]
    ids = [each.job.id for each in many]
    assert kept == [ids[0], ids[1], ids[0], ids[3]]
    assert sorted(stored(bench)) == sorted({*kept})


def test_a_key_is_deleted_with_its_job(bench: Bench) -> None:
    first, second = keyed(), keyed("k", "g")
    bench.jobs.enqueue_once([first])
    bench.jobs.cancel(first.job.id)
    bench.clock.forward(1)
    assert Retention(bench.store.database, (), 0).prune(bench.clock()) == (1, [])
    assert bench.jobs.enqueue_once([second]) == [StoredKey(second.job.id, "g")]


def test_the_key_of_a_refused_job_is_free(bench: Bench) -> None:
    without, good = keyed(source=uuid4()), keyed("k", "g")
    assert bench.jobs.enqueue_once([without]) == [Refusal.SOURCE]
    assert bench.jobs.enqueue_once([good]) == [StoredKey(good.job.id, "g")]


def test_listeners_that_receive_a_key_simultaneously_store_one_job(bench: Bench) -> None:
    stores = [open_store(bench.store.settings, timeout=5) for _ in range(4)]
    listeners = [JobStore(store.database, store.wakeup, bench.clock) for store in stores]
    keys = [f"key {number}" for number in range(5)]
    barrier, results = threading.Barrier(len(listeners)), []

    def submit(listener: JobStore, offset: int) -> None:
        for _ in range(5):
            barrier.wait(20)
            rotated = keys[offset:] + keys[:offset]
            results.append(listener.enqueue_once([keyed(key) for key in rotated]))

    threads = [threading.Thread(target=submit, args=(each, n)) for n, each in enumerate(listeners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert len(results) == 20
    ids = {kept.job_id for result in results for kept in result if isinstance(kept, StoredKey)}
    assert len(ids) == len(keys)
    assert set(stored(bench)) == ids


@pytest.mark.parametrize(
    "change",
    [
        {"type": "b"},
        {"payload": {"seconds": 2}},
        {"max_retries": 2},
        {"max_losses": 2},
        {"timeout": 1.0},
        {"priority": 1},
        {"run_at": 5},
        {"delay": 1.0},
        {"upload": Upload(uuid4(), "b.log", 1, "00")},
        {"upload": Upload(uuid4(), "a.log", 1, "01")},
        {"upload": None},
    ],
    ids=lambda change: "-".join(change),
)
def test_a_fingerprint_covers_everything_except_ids(change: dict[str, Any]) -> None:
    job = NewJob("a", {"seconds": 1}, upload=Upload(uuid4(), "a.log", 1, "00"))
    same = replace(job, id=uuid4(), upload=Upload(uuid4(), "a.log", 1, "00"))
    assert fingerprint(job) == fingerprint(same)
    assert fingerprint(job) != fingerprint(replace(job, **change))


def test_the_fingerprint_of_an_encoded_payload_is_that_of_the_payload() -> None:
    payload = {"b": {"z": 1.0, "a": ["ä", None]}, "a": '"payload": null'}
    encoded = EncodedJson("", json.dumps(payload, sort_keys=True, ensure_ascii=False))
    url = 'http://a/?"payload": null'
    plain = NewJob("a", payload, callback_url=url)
    assert fingerprint(replace(plain, payload=encoded)) == fingerprint(plain)


def test_a_key_that_the_previous_release_stored_is_known() -> None:
    """Its submissions had no `max_losses`."""
    known = "3b0ef22a0eb4911c5288167ec489c431733b5e67e26ac0e9be7373775f2185bf"
    assert fingerprint(NewJob("a", {"seconds": 1}, max_retries=2, queue="b")) == known


async def submit(client: Client, document: Any, **headers: str) -> HTTPResponse:
    body = json.dumps(document)
    headers = {**HEADERS, **headers}
    return await client.fetch("/jobs", method="POST", body=body, headers=headers)


@pytest.mark.gen_test
async def test_a_repeated_submission_gets_the_first_response(client: Client, bench: Bench) -> None:
    first = await submit(client, SLEEP)
    assert "Idempotency-Replayed" not in first.headers
    same = {"payload": {"seconds": 5}, "type": "sleep", "max_retries": 1}
    again = await submit(client, same)
    assert (again.code, again.body) == (202, first.body)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(stored(bench)) == 1


@pytest.mark.gen_test
async def test_a_key_with_a_different_submission_is_a_422(client: Client, bench: Bench) -> None:
    await submit(client, SLEEP)
    response = await submit(client, {**SLEEP, "priority": 1})
    assert fields(read(response, 422)) == ["Idempotency-Key"]
    assert len(stored(bench)) == 1


@pytest.mark.gen_test
async def test_a_refused_submission_leaves_its_key_free(client: Client) -> None:
    assert (await submit(client, {"type": "sleep"})).code == 422
    assert (await submit(client, SLEEP)).code == 202


@pytest.mark.gen_test
@pytest.mark.parametrize("key", ["", "x" * 256, "ü", "a\tb"])
async def test_a_bad_key_is_a_400(client: Client, key: str) -> None:
    response = await submit(client, SLEEP, **{"Idempotency-Key": key})
    assert "Idempotency-Key" in read(response, 400)["detail"]


def upload(content: bytes = b"one ERROR\n", name: str = "app.log") -> tuple[bytes, dict[str, str]]:
    body, content_type = form(analyze_form(content, name))
    return body, {"Content-Type": content_type, "Idempotency-Key": "k-1"}


def files(bench: Bench) -> list[Path]:
    folder = folder_of(bench.store).folder
    return [*(folder / "files").iterdir(), *(folder / "incoming").iterdir()]


@pytest.mark.gen_test
async def test_a_repeated_upload_is_stored_once(client: Client, bench: Bench) -> None:
    body, headers = upload()
    first, again = [
        await client.fetch("/jobs", method="POST", body=body, headers=headers) for _ in range(2)
    ]
    assert (first.body, again.code) == (again.body, 202)
    assert len(files(bench)) == 1
    for content, name in ((b"one ERROR!", "app.log"), (b"one ERROR\n", "other.log")):
        body, headers = upload(content, name)
        response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
        assert fields(read(response, 422)) == ["Idempotency-Key"]
    assert len(files(bench)) == len(stored(bench)) == 1


@pytest.mark.gen_test
async def test_a_key_in_flight_is_a_409(client: Client, bench: Bench) -> None:
    started, proceed = asyncio.Event(), asyncio.Event()
    body, headers = upload()

    async def produce(write: Any) -> None:
        started.set()
        await write(body[:100])
        await proceed.wait()
        await write(body[100:])

    options = {"body_producer": produce, "headers": headers, "expect_100_continue": True}
    first = asyncio.ensure_future(client.fetch("/jobs", method="POST", **options))
    await started.wait()  # the listener has read the headers and asked for the body
    assert "in progress" in read(await submit(client, SLEEP), 409)["detail"]
    proceed.set()
    assert (await first).code == 202
    assert len(stored(bench)) == 1
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert (response.code, response.body) == (202, (await first).body)

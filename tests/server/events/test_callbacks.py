"""Callbacks: the outbox, and sending over real sockets."""

import asyncio
import base64
import hashlib
import hmac
import json
import random
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from server.events import callback_sender
from server.events.callback_sender import MAX_IN_FLIGHT, CallbackSlots, host_of
from server.http.webhook_signatures import signed_headers, signing_keys
from server.jobs.validation.conflicts import callback_refusal
from server.settings.server import ServerSettings
from server.start.routes import routes
from storage.db.models import CallbackRow
from storage.jobs import callbacks
from storage.jobs.callbacks import Callbacks
from storage.jobs.retention import Retention
from storage.settings.settings import SettingsError
from tests.support.api import Client, fields, opened_app
from tests.support.metrics import samples
from tests.support.paths import ROOT
from tests.support.stores import RAISED, RETURNED, Bench, pending_callbacks

SECRET = "a secret of the tests"
URL = "http://127.0.0.1/callback"
ALLOWED = {"callback_hosts": "127.0.0.1, hooks.example.org:8443", "callback_secret": SECRET}


@dataclass
class Receiver:
    """A server for callbacks: records the requests, and responds with the given statuses."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    requests: list[HTTPServerRequest] = field(default_factory=list)

    async def some(self, count: int) -> list[HTTPServerRequest]:
        """Return the first `count` callbacks, after waiting for them."""
        async with asyncio.timeout(10):
            while len(self.requests) < count:
                await asyncio.sleep(0.01)
        return self.requests[:count]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()

    class Record(RequestHandler):
        def post(self) -> None:
            receiver.requests.append(self.request)
            self.set_status(receiver.statuses.pop(0) if receiver.statuses else 204)
            self.set_header("Location", "/elsewhere")

    server = HTTPServer(Application([(r"/callback", Record)]))
    (sock,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(sock)
    receiver.url = f"http://127.0.0.1:{sock.getsockname()[1]}/callback"
    yield receiver
    server.stop()
    await server.close_all_connections()


@contextmanager
def silence() -> Iterator[tuple[socket.socket, str]]:
    """A host that accepts connections but never responds, and its URL."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        yield silent, f"http://127.0.0.1:{silent.getsockname()[1]}/"


@asynccontextmanager
async def listening(bench: Bench, http_client: AsyncHTTPClient) -> AsyncIterator[Client]:
    """A client of a listener that sends callbacks."""
    async with opened_app(bench, **ALLOWED) as app:
        (sock,) = bind_sockets(0, "127.0.0.1")
        server = app.serve(routes(app), [sock], max_connections=1000)
        yield Client(http_client, f"http://127.0.0.1:{sock.getsockname()[1]}")
        server.acceptor.close()
        await server.close_all_connections()


@pytest.fixture
def outbox(bench: Bench) -> Callbacks:
    return Callbacks(bench.store.database, bench.clock)


@pytest.fixture
def without_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_sender, "retry_delay", lambda tries: 0.0)


def test_a_final_job_with_a_callback_url_is_put_into_the_outbox(
    bench: Bench, outbox: Callbacks
) -> None:
    with_url, other = bench.enqueue(callback_url=URL), bench.enqueue()
    runner = bench.runner()
    fences = [job.fence for job in runner.claims.claim(2)]
    assert pending_callbacks(bench.store.database) == set()
    for fence in fences:
        runner.claims.complete(fence, "null", RETURNED)
    assert pending_callbacks(bench.store.database) == {with_url}
    (callback,) = outbox.take(9, 60)
    assert (callback.job, callback.url, callback.tries) == (bench.job(with_url), URL, 1)
    assert bench.job(other).callback_url is None


def test_a_batch_puts_its_jobs_with_a_callback_url_into_the_outbox(
    bench: Bench, outbox: Callbacks
) -> None:
    with_url = {bench.enqueue(callback_url=URL) for _ in range(2)}
    bench.enqueue()
    runner = bench.runner()
    ends = [(job.fence, "null", RETURNED) for job in runner.claims.claim(3)]
    assert runner.claims.complete_each(ends) == [True] * 3
    assert {callback.job.id for callback in outbox.take(9, 60)} == with_url


def test_a_taken_callback_becomes_due_again(bench: Bench, outbox: Callbacks) -> None:
    bench.jobs.cancel(bench.enqueue(callback_url=URL))
    (callback,) = outbox.take(9, 60)
    assert outbox.take(9, 60) == []
    outbox.retry(callback, 5)
    bench.clock.forward(5)
    (again,) = outbox.take(9, 60)
    assert again.tries == 2
    outbox.done(callback)  # no effect: it was taken again in the meantime
    assert pending_callbacks(bench.store.database)
    bench.clock.forward(60)
    (third,) = outbox.take(9, 60)
    outbox.done(third)
    assert pending_callbacks(bench.store.database) == set()


@pytest.mark.parametrize("ahead", [120, 5 * 3600])
def test_the_callback_of_a_worker_whose_clock_is_ahead_does_not_wait(
    bench: Bench, outbox: Callbacks, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    bench.clock.forward(ahead)
    bench.jobs.cancel(bench.enqueue(callback_url=URL))
    bench.clock.forward(-ahead)
    (callback,) = outbox.take(9, 60)
    bench.clock.forward(ahead)
    outbox.retry(callback, 5)
    bench.clock.forward(-ahead)
    assert outbox.take(9, 60) == []  # looked for only now and then
    monkeypatch.setattr(callbacks, "CHECK_SECONDS", 0.0)
    (again,) = outbox.take(9, 60)
    assert again.tries == 2


@pytest.mark.parametrize("tries", [1, 5, callback_sender.MAX_TRIES - 1])
def test_a_callback_that_waits_as_long_as_it_may_is_left_alone(
    bench: Bench, outbox: Callbacks, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    monkeypatch.setattr(callbacks, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    bench.jobs.cancel(bench.enqueue(callback_url=URL))
    bench.store.database.run(CallbackRow.update(tries=tries - 1))
    (callback,) = outbox.take(9, callbacks.RESERVED_SECONDS)
    assert outbox.take(9, 60) == []
    outbox.retry(callback, callback_sender.retry_delay(tries))
    assert outbox.take(9, 60) == []
    outbox.postpone(callback, callback_sender._RETRY_UNRESPONSIVE_SECONDS)
    assert outbox.take(9, 60) == []


def test_a_job_leaves_the_outbox_when_it_is_deleted(bench: Bench) -> None:
    bench.jobs.cancel(bench.enqueue(callback_url=URL))
    Retention(bench.store.database, (), 0).prune(bench.clock() + 1)
    assert pending_callbacks(bench.store.database) == set()


def test_a_retried_job_is_put_into_the_outbox_again(bench: Bench, outbox: Callbacks) -> None:
    job_id, runner = bench.enqueue(callback_url=URL, max_retries=0), bench.runner()
    runner.claims.fail(runner.claim_one(), RAISED)
    outbox.done(*outbox.take(9, 60))
    bench.jobs.retry(job_id)
    runner.claims.complete(runner.claim_one(), "null", RETURNED)
    (callback,) = outbox.take(9, 60)
    assert callback.job.status == "succeeded"


@pytest.mark.gen_test
async def test_a_callback_is_sent_and_signed(bench: Bench, http_client: AsyncHTTPClient) -> None:
    async with receiving() as receiver, listening(bench, http_client) as client:
        job_id = await client.sleep_job(callback_url=receiver.url)
        assert (await client.get(f"/jobs/{job_id}"))["callback_url"] == receiver.url
        await client.post(f"/jobs/{job_id}/cancel", status=200)
        (request,) = await receiver.some(1)
        said = json.loads(request.body)
        assert (said["type"], said["data"]["job_id"]) == ("job.canceled", job_id)
        assert said["data"]["status"] == "canceled"
        headers = request.headers
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
        assert headers["webhook-signature"] == signature(SECRET.encode(), signed)
        while pending_callbacks(bench.store.database):
            await asyncio.sleep(0.01)


def signature(key: bytes, text: bytes) -> str:
    return f"v1,{base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()}"


@pytest.mark.parametrize(
    "old", ["whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xk", "an-old-plain-secret"]
)
def test_a_new_and_an_old_secret_sign_each_callback(old: str) -> None:
    new = b"new" * 8
    given = f"whsec_{base64.b64encode(new).decode()} {old}"
    known = ServerSettings.read({"CALLBACK_SECRET": given}).callback_secret
    headers = signed_headers("id-1", signing_keys(known), 1764038159.7, b"{}")
    old_key = b"old old old old old old old old"[:27] if old.startswith("whsec_") else old.encode()
    text = b"id-1.1764038159.{}"
    expected = [signature(new, text), signature(old_key, text)]
    assert headers["webhook-signature"].split(" ") == expected


@pytest.mark.parametrize("secret", ["whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xk", SECRET])
def test_the_documented_receiver_takes_only_fresh_and_genuine_callbacks(secret: str) -> None:
    text = (ROOT / "docs/events.md").read_text()
    code = text[text.index("def is_genuine") :].partition("```")[0]
    names: dict[str, Any] = {"base64": base64, "hmac": hmac, "time": time, "Mapping": Mapping}
    exec(code, names)
    is_genuine = names["is_genuine"]
    now, other = time.time(), b"another key of the service"
    for keys in ([*signing_keys(secret)], [other, *signing_keys(secret)]):
        headers = signed_headers("id", keys, now, b"{}")
        assert is_genuine(headers, b"{}", secret)
        assert not is_genuine(headers, b"[]", secret)
    assert not is_genuine(signed_headers("id", [other], now, b"{}"), b"{}", secret)
    for late in (-400, 400):
        headers = signed_headers("id", signing_keys(secret), now + late, b"{}")
        assert not is_genuine(headers, b"{}", secret)


@pytest.mark.parametrize("text", ["a text with spaces", "prefix whsec_b2xkIG9sZCBvbGQgb2xk"])
def test_a_secret_without_prefix_is_one_key(text: str) -> None:
    assert signing_keys(text) == [text.encode()]


@pytest.mark.gen_test
@pytest.mark.usefixtures("without_delay")
async def test_a_callback_is_retried_until_the_receiver_accepts_it(
    bench: Bench, http_client: AsyncHTTPClient
) -> None:
    async with receiving() as receiver, listening(bench, http_client) as client:
        receiver.statuses = [500, 302, 404]
        job_id = await client.sleep_job(callback_url=receiver.url)
        await client.post(f"/jobs/{job_id}/cancel", status=200)
        requests = await receiver.some(4)
        assert len({request.headers["webhook-id"] for request in requests}) == 1
        while pending_callbacks(bench.store.database):
            await asyncio.sleep(0.01)
        assert len(receiver.requests) == 4
        found = await samples(client)
        counts = [found["callbacks_total", each] for each in ("sent", "failed", "given_up")]
        assert counts == [1, 3, 0]


@pytest.mark.gen_test
async def test_an_unresponsive_host_delays_no_other(
    bench: Bench, http_client: AsyncHTTPClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_sender, "TIMEOUT_SECONDS", 60.0)
    async with receiving() as receiver, listening(bench, http_client) as client:
        with silence() as (silent, url):
            job_id = await client.sleep_job(callback_url=url)
            await client.post(f"/jobs/{job_id}/cancel", status=200)
            asked, _ = await asyncio.get_running_loop().sock_accept(silent)
            with asked:
                job_id = await client.sleep_job(callback_url=receiver.url)
                await client.post(f"/jobs/{job_id}/cancel", status=200)
                await receiver.some(1)


@pytest.mark.gen_test
@pytest.mark.usefixtures("without_delay")
async def test_a_callback_is_given_up_after_max_tries(
    bench: Bench, http_client: AsyncHTTPClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_sender, "MAX_TRIES", 3)
    async with receiving() as receiver, listening(bench, http_client) as client:
        receiver.statuses = [500] * 9
        job_id = await client.sleep_job(callback_url=receiver.url)
        await client.post(f"/jobs/{job_id}/cancel", status=200)
        while (
            await asyncio.to_thread(pending_callbacks, bench.store.database)
            or not receiver.requests
        ):
            await asyncio.sleep(0.01)
        assert len(receiver.requests) == 3


@pytest.mark.gen_test
async def test_a_callback_url_that_is_not_allowed_is_refused(
    bench: Bench, http_client: AsyncHTTPClient, client: Client
) -> None:
    job = {"type": "sleep", "payload": {"seconds": 1}, "callback_url": URL}
    problem = await client.post("/jobs", job, status=422)
    assert fields(problem) == ["callback_url"]
    assert "switched off" in problem["detail"]
    async with listening(bench, http_client) as allowing:
        await allowing.post("/jobs", job)
        for url in ("http://other.example.org/", 7):
            problem = await allowing.post("/jobs", {**job, "callback_url": url}, status=422)
            assert fields(problem) == ["callback_url"]


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://hooks.example.org/x?y=1", True),
        ("https://HOOKS.example.org:443/", True),
        ("https://hooks.example.org:99/", True),
        ("http://one.example.org:8080/", True),
        ("http://one.example.org/", False),
        ("https://hooks.example.org.evil.example/", False),
        ("https://evil.example/#hooks.example.org", False),
        ("https://hooks.example.org@evil.example/", False),
        ("https://me:you@hooks.example.org/", False),
        ("https://me@hooks.example.org/", False),
        ("https://:you@hooks.example.org/", False),
        ("https://@hooks.example.org/", False),
        ("https://hooks.example.org\\@evil.example/", False),
        ("http://127.0.0.1/", False),
        ("ftp://hooks.example.org/", False),
        ("//hooks.example.org/", False),
        ("https://hooks.example.org:x/", False),
        ("https://[::1/", False),
        ("hooks.example.org", False),
        ("https://hooks.example.org/a b", False),
        ("https://hooks.example.org/\r\nX: y", False),
        ("", False),
    ],
)
def test_only_allowed_hosts_are_accepted(url: str, allowed: bool) -> None:
    found = callback_refusal(url, {"hooks.example.org", "one.example.org:8080"})
    assert (found is None) is allowed


@pytest.mark.gen_test
async def test_unresponsive_hosts_leave_slots_to_others(
    bench: Bench, http_client: AsyncHTTPClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callback_sender, "TIMEOUT_SECONDS", 60.0)
    async with receiving() as receiver, listening(bench, http_client) as client:
        with silence() as (_, url):
            for _ in range(2 * MAX_IN_FLIGHT):
                bench.jobs.cancel(bench.enqueue(callback_url=url))
            job_id = bench.enqueue(callback_url=receiver.url)
            await client.post(f"/jobs/{job_id}/cancel", status=200)
            await receiver.some(1)


def test_an_untried_or_unresponsive_host_gets_few_slots() -> None:
    slots = CallbackSlots()
    assert [slots.acquire("a") for _ in range(3)] == [0, 0, 1]
    assert (slots.free, slots.acquire("b"), slots.free) == (MAX_IN_FLIGHT - 2, 0, MAX_IN_FLIGHT - 3)
    slots.release("a", responded=False)
    assert [slots.acquire("a") for _ in range(2)] == [0, 10]
    slots.release("a", responded=True)
    assert [slots.acquire("a") for _ in range(MAX_IN_FLIGHT - 2)] == [0] * (MAX_IN_FLIGHT - 2)
    assert slots.free == 0


def test_putting_off_a_callback_does_not_count_as_a_try(bench: Bench, outbox: Callbacks) -> None:
    bench.jobs.cancel(bench.enqueue(callback_url=URL))
    (callback,) = outbox.take(9, 60)
    outbox.postpone(callback, 1)
    assert outbox.take(9, 60) == []
    bench.clock.forward(1)
    (again,) = outbox.take(9, 60)
    assert (callback.tries, again.tries) == (1, 1)


def test_a_host_is_its_name_with_its_port() -> None:
    assert host_of("https://example.org:8443/callback?x=1") == "example.org:8443"
    assert host_of("http://[::1/") == ""


def test_retry_delays_grow_up_to_a_limit() -> None:
    delays = [callback_sender.retry_delay(n) for n in range(1, callback_sender.MAX_TRIES)]
    assert 4 <= delays[0] <= 6
    assert all(each <= 1.2 * callback_sender.MAX_RETRY_SECONDS for each in delays)
    assert sum(delays) > 3600


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"CALLBACK_HOSTS": "a.example"}, "CALLBACK_HOSTS"),
        ({"CALLBACK_HOSTS": "a.example", "CALLBACK_SECRET": "short"}, "CALLBACK_SECRET"),
        ({"CALLBACK_SECRET": "whsec_c2hvcnQ="}, "CALLBACK_SECRET: after whsec_, there must be 24"),
        ({"CALLBACK_SECRET": "whsec_no Base64 at all"}, "CALLBACK_SECRET: after whsec_"),
        ({"CALLBACK_SECRET": f"whsec_{'A' * 32} short"}, "CALLBACK_SECRET: it must have at least"),
    ],
)
def test_callback_hosts_need_a_secret(given: dict[str, str], wrong: str) -> None:
    with pytest.raises(SettingsError, match=wrong):
        ServerSettings.read(given)

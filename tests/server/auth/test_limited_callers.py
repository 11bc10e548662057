"""Callers who do not see all jobs: the role read-own, and tokens for some queues.

In each test, jobs of a caller are full of one word, and no answer to another caller has the word,
the id of such a job, or another status than for a job that does not exist.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.api.openapi.operation import Operation
from server.auth.callers import Caller, Rights, Role, parse_rights
from server.start.app import App
from server.start.description import OPERATIONS
from server.start.routes import routes
from tests.support.api import Client, analyze_form, form, open_app, read
from tests.support.event_clients import Followers
from tests.support.job_files import complete_with_files
from tests.support.stores import Bench

WORD = "secretword"
FILE = f"ERROR {WORD}\n".encode() * 4
SHA256 = hashlib.sha256(FILE).hexdigest()
SLOW = {"X-Plain": "no"}
JSON = {"Content-Type": "application/json"}
TOKENS = {
    "ann": "submit",
    "ada": "admin",
    "own": "read-own",
    "two": "read-own",
    "qread": "read@open+other",
    "qsub": "submit@open",
    "qadm": "admin@open",
    "qown": "read-own@open",
}
LIMITED = ("own", "qread", "qsub", "qadm", "qown")
API_TOKENS = ",".join(f"{name}:{role}:jst_{name}-0123456789" for name, role in TOKENS.items())
JOB = {"type": "sleep", "payload": {"seconds": 5}}


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer jst_{name}-0123456789"}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with these tokens and three queues."""
    for name in ("open", "other", "closed"):
        bench.queues.put(name)
    with open_app(bench, io_loop, api_tokens=API_TOKENS) as application:
        yield application


async def send(
    client: Client, caller: str, method: str, path: str, document: Any = None, **more: str
) -> HTTPResponse:
    """The response to a request with JSON or without a body."""
    body = None if document is None else json.dumps(document)
    if method in ("POST", "PATCH", "PUT") and body is None:
        body = ""
    headers = {**bearer(caller), **more, **({} if document is None else JSON)}
    return await client.fetch(path, method=method, body=body, headers=headers)


async def submit(client: Client, caller: str, status: int = 202, **options: Any) -> Any:
    return read(await send(client, caller, "POST", "/jobs", {**JOB, **options}), status)


async def fill(client: Client, bench: Bench) -> dict[str, str]:
    """Jobs, a batch and a schedule of ann in the queue `closed`; returns the ids by the names of
    path parameters."""
    fields = {
        "type": b"analyze",
        "payload": json.dumps({"patterns": [WORD, "ERROR"]}).encode(),
        "queue": b"closed",
        "metadata": json.dumps({"of": WORD}).encode(),
    }
    parts: list[Any] = [(name, None, value) for name, value in fields.items()]
    body, kind = form([*parts, ("filename", f"{WORD}.log", FILE)])
    headers = {**bearer("ann"), "Content-Type": kind}
    answer = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    job_id = str(read(answer, 202)["job_id"])
    complete_with_files(bench, bench.runner(), {f"{WORD}.txt": FILE + b"!"})
    of_batch = [{**JOB, "queue": "closed", "tags": [WORD], "metadata": {"of": WORD}}]
    batch = read(await send(client, "ann", "POST", "/jobs/batch", of_batch), 202)
    schedule = {**JOB, "every": 3600, "options": {"queue": "closed", "tags": [WORD]}}
    read(await send(client, "ann", "PUT", f"/schedules/{WORD}-nightly", schedule), 201)
    upload = await send(client, "ann", "POST", "/uploads", **{"Upload-Length": "10"})
    return {
        "job_id": job_id,
        "batch_id": batch["batch_id"],
        "upload_id": upload.headers["Location"].rpartition("/")[2],
        "hash": f"sha256:{SHA256}",
        "name": "",
    }


NAMES = {"queues": "closed", "schedules": f"{WORD}-nightly", "jobs": f"{WORD}.txt"}


def path_of(operation: Operation, ids: dict[str, str]) -> str:
    first = operation.path.split("/")[1]
    given = {**ids, "name": NAMES.get(first, "sleep" if first == "types" else "none")}
    path = operation.path + ("?wait=0" if first == "analyze" else "")
    for name, value in given.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def shows(answer: HTTPResponse, ids: dict[str, str], path: str) -> list[str]:
    """The words, ids and names of ann's jobs that an answer has, and its request did not have."""
    text = f"{answer.body.decode(errors='replace')} {list(answer.headers.get_all())}"
    known = [WORD, ids["job_id"], ids["batch_id"], ids["upload_id"], '"ann"']
    return [each for each in known if each in text and each not in path]


@pytest.mark.sqlite
@pytest.mark.gen_test
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
async def test_no_operation_tells_anything_of_jobs_that_a_caller_does_not_see(
    client: Client, bench: Bench, operation: Operation
) -> None:
    ids = await fill(client, bench)
    none = {name: str(uuid4()) for name in ("job_id", "batch_id", "upload_id")}
    none |= {"hash": f"sha256:{'0' * 64}"}
    path = path_of(operation, ids)
    other = path_of(operation, none).replace(WORD, "none").replace("closed", "none")
    other = other.replace("none.txt", f"{WORD}.txt")
    before = await everything(client)
    for caller in LIMITED:
        methods = ["HEAD"] if operation.is_stream else [operation.method.upper()]
        methods += ["HEAD"] if operation.method == "get" else []
        for method in methods:
            document = {"priority": 1} if method == "PATCH" else None
            answer = await send(client, caller, method, path, document)
            assert answer.code < 500
            assert shows(answer, ids, path) == [], f"{caller} {method}"
            if operation.of_all:
                assert answer.code == 403
            elif "{" in operation.path and not path.startswith(("/uploads", "/queues")):
                same = await send(client, caller, method, other, document)
                assert answer.code == same.code, f"{caller} {method}"
    assert await everything(client) == before


async def everything(client: Client) -> Any:
    """The jobs, queues and schedules of ann, as ann sees them."""
    found = [
        await client.get(f"/{path}", headers=bearer("ann"))
        for path in ("jobs?submitted_by=ann", "schedules", "queues/closed")
    ]
    found[-1].pop("oldest_due_seconds")
    return found


@pytest.mark.gen_test
async def test_lists_waits_and_counts_show_only_own_jobs(client: Client, bench: Bench) -> None:
    await fill(client, bench)
    mine = [(await submit(client, "own", tags=["t"]))["job_id"] for _ in range(3)]
    foreign = (await submit(client, "two", tags=["t"]))["job_id"]
    for path in ("/jobs", "/jobs?tag=t", "/jobs?status=queued", "/jobs?submitted_by=own"):
        found = await client.get(path, headers=bearer("own"))
        assert sorted(job["job_id"] for job in found["items"]) == sorted(mine), path
    for path in ("/jobs?submitted_by=two", "/jobs?queue=closed", f"/jobs?text={WORD}"):
        assert (await client.get(path, headers=bearer("own")))["items"] == []
    by_id = await client.get(f"/jobs?id={foreign}&id={mine[0]}&wait=0", headers=bearer("own"))
    assert foreign not in [job["job_id"] for job in by_id["items"]]
    counts = await client.get("/queues/default", headers=bearer("own"))
    assert (counts["queued"], counts["running"], counts["oldest_due_seconds"]) == (3, 0, None)
    for _ in range(2):  # the job in another queue first
        bench.runner().claim_one()
    counts = await client.get("/queues/default", headers=bearer("own"))
    assert (counts["queued"], counts["running"]) == (2, 1)
    assert (await client.get("/queues/default", headers=bearer("ann")))["queued"] == 3
    assert (await client.get("/queues/closed", headers=bearer("own")))["queued"] == 0


@pytest.mark.gen_test
async def test_tokens_for_queues_see_only_these(client: Client, bench: Bench) -> None:
    await fill(client, bench)
    jobs = {
        queue: (await submit(client, "ann", queue=queue))["job_id"]
        for queue in ("open", "other", "closed")
    }
    mine = (await submit(client, "qown", queue="open"))["job_id"]
    seen = {
        "qread": {jobs["open"], jobs["other"], mine},
        "qsub": {jobs["open"], mine},
        "qadm": {jobs["open"], mine},
        "qown": {mine},
    }
    for caller, expected in seen.items():
        found = await client.get("/jobs", headers=bearer(caller))
        assert {job["job_id"] for job in found["items"]} == expected
        for job_id in (*jobs.values(), mine):
            for more in ({}, SLOW):
                answer = await client.fetch(f"/jobs/{job_id}", headers=bearer(caller) | more)
                assert answer.code == (200 if job_id in expected else 404)
        queues = await client.get("/queues", headers=bearer(caller))
        allowed = {"open", "other"} if caller == "qread" else {"open"}
        assert {queue["name"] for queue in queues["items"]} == allowed
    assert (await client.get("/jobs?queue=closed", headers=bearer("qread")))["items"] == []
    found = await client.get("/jobs?queue=other", headers=bearer("qread"))
    assert [job["job_id"] for job in found["items"]] == [jobs["other"]]


@pytest.mark.sqlite
@pytest.mark.gen_test
@pytest.mark.parametrize("caller", ["qsub", "qown", "qadm"])
async def test_a_token_for_queues_submits_only_to_them(client: Client, caller: str) -> None:
    job_id = (await submit(client, caller, queue="open"))["job_id"]
    for options in ({}, {"queue": "closed"}):
        problem = await submit(client, caller, 403, **options)
        assert problem["code"] == "queue_not_allowed"
        assert "open" in problem["detail"]
    dry = await send(client, caller, "POST", "/jobs?dry_run=true", JOB)
    assert dry.code == 403
    batch = await send(client, caller, "POST", "/jobs/batch", [{**JOB, "queue": "open"}, JOB])
    document = read(batch, 202)
    assert [each["index"] for each in document["refusals"]] == [1]
    assert read(await send(client, "ann", "POST", "/jobs/batch", [JOB]), 202)
    shown = read(await send(client, caller, "GET", "/batches?limit=1"), 200)
    assert [each["batch_id"] for each in shown["items"]] == [document["batch_id"]]
    assert shown["next"] is None or read(
        await send(client, caller, "GET", f"/batches?cursor={shown['next']}"), 200
    ) == {"items": [], "limit": 20, "next": None}
    body, kind = form(analyze_form())
    headers = {**bearer(caller), "Content-Type": kind}
    answer = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert read(answer, 403)["code"] == "queue_not_allowed"
    moved = await send(client, caller, "PATCH", f"/jobs/{job_id}", {"queue": "closed"})
    assert read(moved, 403)["code"] == "queue_not_allowed"
    schedule = {**JOB, "every": 3600}
    put = await send(client, caller, "PUT", f"/schedules/of-{caller}", schedule)
    assert read(put, 403)["code"] == "queue_not_allowed"
    file = await client.fetch("/analyze/a.log", method="PUT", body="x", headers=bearer(caller))
    assert read(file, 403)["code"] == "queue_not_allowed"


@pytest.mark.gen_test
async def test_an_admin_of_queues_changes_only_these(client: Client, bench: Bench) -> None:
    opened, closed = [(await submit(client, "ann", queue=q))["job_id"] for q in ("open", "closed")]
    done = read(await send(client, "qadm", "POST", "/jobs/cancel", {"all": True}), 200)
    assert (done["matched"], done["changed"]) == (1, 1)
    for job_id, status in ((opened, "canceled"), (closed, "queued")):
        found = await client.get(f"/jobs/{job_id}", headers=bearer("ann"))
        assert found["status"] == status
    assert (await send(client, "qadm", "POST", f"/jobs/{closed}/cancel")).code == 404
    assert (await send(client, "qadm", "PATCH", "/queues/open", {"paused": True})).code == 200
    assert (await send(client, "qadm", "PATCH", "/queues/closed", {"paused": True})).code == 404
    assert (await send(client, "qadm", "PUT", "/queues/new", {})).code == 403
    key: dict[str, Any] = {"unique_key": "k"}
    held = (await submit(client, "ann", queue="closed", **key))["job_id"]
    problem = await submit(client, "qadm", 409, queue="open", if_exists="replace", **key)
    assert held not in json.dumps(problem)


@pytest.mark.gen_test
@pytest.mark.parametrize("if_exists", ["refuse", "return", "replace"])
async def test_a_unique_key_of_a_job_that_is_not_seen_hides_the_job(
    client: Client, if_exists: str
) -> None:
    held = (await submit(client, "ann", unique_key="k"))["job_id"]
    options: dict[str, Any] = {"unique_key": "k", "if_exists": if_exists}
    for more in ({}, {"Idempotency-Key": "i"}, {"Idempotency-Key": "i"}):
        answer = await send(client, "own", "POST", "/jobs", {**JOB, **options}, **more)
        assert read(answer, 409)["code"] == "unique_key_held"
        assert held not in answer.body.decode()
    answer = await send(client, "own", "POST", "/jobs?dry_run=true", {**JOB, **options})
    assert (answer.code, held in answer.body.decode()) == (409, False)
    batch = await send(client, "own", "POST", "/jobs/batch", [{**JOB, **options}])
    assert (batch.code, held in batch.body.decode()) == (422, False)
    mine = (await submit(client, "own", unique_key="m"))["job_id"]
    again = await submit(client, "own", unique_key="m", if_exists="return")
    assert again["job_id"] == mine


@pytest.mark.gen_test
async def test_the_jobs_of_a_batch_name_each_other(client: Client) -> None:
    jobs = [{**JOB, "name": "first"}, {**JOB, "after": ["first"]}]
    batch = read(await send(client, "own", "POST", "/jobs/batch", jobs), 202)
    assert (batch["size"], [*batch["names"]]) == (2, ["first"])


@pytest.mark.gen_test
@pytest.mark.parametrize("caller", ["own", "qread", "qsub"])
async def test_a_submission_names_only_jobs_and_files_that_its_caller_sees(
    client: Client, bench: Bench, caller: str
) -> None:
    ids = await fill(client, bench)
    job_id, seen = ids["job_id"], "read" not in TOKENS[caller] or caller == "own"
    queue = {"queue": "open"} if caller == "qsub" else {}
    analyze = {"type": "analyze", **queue}
    patterns = {"patterns": ["ERROR"]}
    for document in (
        {**JOB, **queue, "after": [job_id]},
        {**JOB, **queue, "after": [job_id], "on_failure": "run"},
        {**analyze, "payload": {**patterns, "source": {"job_id": job_id}}},
        {**analyze, "payload": patterns, "upload": {"sha256": SHA256}},
    ):
        answer = await send(client, caller, "POST", "/jobs", document)
        assert answer.code == (422 if seen else 403), document
        assert WORD not in answer.body.decode()
    known = await client.fetch(f"/files/sha256:{SHA256}", headers=bearer(caller))
    assert known.code == 404
    assert (await client.get(f"/files/sha256:{SHA256}", headers=bearer("ann")))["job_id"] == job_id
    if seen:
        schedule = {**analyze, "payload": {**patterns, "source": {"job_id": job_id}}, "every": 60}
        schedule["options"] = {"queue": schedule.pop("queue")} if queue else {}
        put = await send(client, caller, "PUT", "/schedules/mine", schedule)
        assert put.code == 422


@pytest.mark.gen_test
async def test_streams_show_only_jobs_that_the_caller_sees(
    client: Client, bench: Bench, follow: Followers
) -> None:
    old = (await submit(client, "two"))["job_id"]
    streams = [
        await follow(client.base_url, path, headers=bearer(caller))
        for caller, path in (
            ("own", "/events"),
            ("own", "/events?last_event_id=0"),
            ("qread", "/events?last_event_id=0"),
        )
    ]
    for stream in streams:
        await stream.begun()
    foreign = (await submit(client, "ann", queue="closed"))["job_id"]
    mine = (await submit(client, "own"))["job_id"]
    opened = (await submit(client, "ann", queue="open"))["job_id"]
    for stream, expected in zip(streams, (mine, mine, opened), strict=True):
        (event,) = await stream.some(1)
        assert event.data["job_id"] == expected
    assert old != foreign
    for job_id in (old, foreign):
        answer = await client.fetch(f"/jobs/{job_id}/events", headers=bearer("own"))
        assert answer.code == 404


@pytest.mark.gen_test
async def test_a_stream_ends_when_its_job_leaves_the_queues_of_the_caller(
    client: Client, bench: Bench, follow: Followers
) -> None:
    job_id = (await submit(client, "ann", queue="open", delay=60))["job_id"]
    stream = await follow(client.base_url, f"/jobs/{job_id}/events", headers=bearer("qread"))
    await stream.begun()
    read(await send(client, "ann", "PATCH", f"/jobs/{job_id}", {"queue": "closed"}), 200)
    read(await send(client, "ann", "POST", f"/jobs/{job_id}/cancel"), 200)
    assert "canceled" not in str(await stream.rest())


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_a_wait_does_not_tell_when_a_job_that_is_not_seen_ends(
    client: Client, bench: Bench
) -> None:
    foreign = (await submit(client, "two", tags=["t"]))["job_id"]
    for path in (f"/jobs/{foreign}?wait=30", "/jobs?tag=t&wait=30", f"/jobs?id={foreign}&wait=30"):
        for more in ({}, SLOW):
            fetching = client.fetch(path, headers=bearer("own") | more)
            answer = await asyncio.wait_for(fetching, 20)
            assert foreign not in answer.body.decode() or foreign in path


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_an_explanation_names_no_jobs_that_are_not_seen(client: Client, bench: Bench) -> None:
    key: dict[str, Any] = {"concurrency_key": "k"}
    first = (await submit(client, "two", **key))["job_id"]
    bench.runner().claim_one()
    mine = (await submit(client, "own", **key))["job_id"]
    for caller in ("own", "ann"):
        answer = await client.fetch(f"/jobs/{mine}/explain", headers=bearer(caller))
        assert answer.code == 200
        assert b"waits_for_key" in answer.body
        assert (first in answer.body.decode()) == (caller == "ann")


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_owners_change_their_jobs_schedules_and_sets(client: Client, bench: Bench) -> None:
    mine = (await submit(client, "own"))["job_id"]
    read(await send(client, "own", "PATCH", f"/jobs/{mine}", {"priority": 2}), 200)
    read(await send(client, "own", "POST", f"/jobs/{mine}/cancel"), 200)
    read(await send(client, "own", "POST", f"/jobs/{mine}/retry"), 202)
    read(await send(client, "own", "PUT", "/schedules/own", {**JOB, "every": 60}), 201)
    assert len((await client.get("/schedules", headers=bearer("own")))["schedules"]) == 1
    assert (await client.get("/schedules", headers=bearer("two")))["schedules"] == []
    assert (await send(client, "two", "DELETE", "/schedules/own")).code == 404
    taken = await send(client, "two", "PUT", "/schedules/own", {**JOB, "every": 60})
    assert read(taken, 403)["code"] == "not_your_schedule"
    patterns = {"patterns": ["x"]}
    assert (await send(client, "own", "PUT", "/pattern-sets/own", patterns)).code == 201
    assert (await send(client, "qadm", "PUT", "/pattern-sets/own", patterns)).code == 403
    assert (await send(client, "own", "POST", "/jobs/cancel", {"all": True})).code == 403
    read(await send(client, "own", "POST", f"/jobs/{mine}/cancel"), 200)
    assert (await send(client, "own", "DELETE", f"/jobs/{mine}")).code == 204


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_calls_that_are_about_all_jobs_are_documented_and_refused(app: App) -> None:
    handlers = {each.handler_class.ROUTE: each.handler_class for each in routes(app)}
    for operation in OPERATIONS:
        assert operation.of_all == (not handlers[operation.path].LIMITED), operation.path


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_the_session_tells_the_role_and_the_queues(client: Client, app: App) -> None:
    found = await client.get("/session", headers=bearer("qread"))
    assert (found["role"], found["queues"]) == ("read", ["open", "other"])
    found = await client.get("/session", headers=bearer("own"))
    assert (found["role"], found["queues"]) == ("read-own", None)


@pytest.mark.parametrize(
    ("text", "rights"),
    [
        ("read-own", Rights(Role.READ_OWN)),
        ("admin", Rights(Role.ADMIN)),
        ("submit@b+a", Rights(Role.SUBMIT, frozenset({"a", "b"}))),
    ],
)
def test_rights_are_a_role_and_queues(text: str, rights: Rights) -> None:
    assert parse_rights(text) == rights
    assert parse_rights(str(rights)) == rights


@pytest.mark.parametrize(
    "text", ["", "own", "READ", "read@", "read@a+", "read@A", "read@a,b", "read@a@b", "@a"]
)
def test_invalid_rights_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"role|queues"):
        parse_rights(text)


def test_only_an_admin_of_all_queues_changes_all() -> None:
    assert Caller("a", Role.ADMIN).may_change_all
    assert not Caller("a", Role.ADMIN, frozenset({"q"})).may_change_all
    assert Caller("a", Role.ADMIN).view is None
    assert Caller("a", Role.READ_OWN).sees("a", "q")
    assert not Caller("a", Role.READ_OWN).sees(None, "q")

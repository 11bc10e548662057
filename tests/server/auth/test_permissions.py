"""Permissions: each call by each caller, over real sockets, on both paths."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.api.openapi.operation import Operation
from server.auth.callers import Role
from server.start.app import App
from server.start.description import OPERATIONS
from storage.files.folder import FolderUploads
from tests.server.api.openapi.test_document import api_handlers, implemented
from tests.server.http.fast_path.test_responders import comparable
from tests.support.api import Client, analyze_form, form, open_app, read
from tests.support.callers import API_TOKENS, ROLES, bearer, token
from tests.support.stores import RETURNED, Bench

SLEEP = json.dumps({"type": "sleep", "payload": {"seconds": 5}}).encode()
JSON = {"Content-Type": "application/json"}
SLOW = {"X-Plain": "no"}
CALLERS = (None, "rob", "sue", "ann", "ada")
OPEN = {("get", "/healthz"), ("post", "/session"), ("delete", "/session")}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with tokens."""
    with open_app(bench, io_loop, api_tokens=API_TOKENS) as application:
        yield application


async def submit(
    client: Client, caller: str | None, status: int = 202, more: dict[str, str] | None = None
) -> Any:
    headers = {**JSON, **bearer(caller), **(more or {})}
    response = await client.fetch("/jobs", method="POST", body=SLEEP, headers=headers)
    return read(response, status)


async def submit_batch(client: Client, caller: str) -> str:
    """Submit a batch of one job; return its id."""
    headers = {**JSON, **bearer(caller)}
    body = b"[" + SLEEP + b"]"
    response = await client.fetch("/jobs/batch", method="POST", body=body, headers=headers)
    return str(read(response, 202)["batch_id"])


@pytest.mark.gen_test
async def test_a_submission_replaces_only_jobs_of_its_caller_except_for_admins(
    client: Client,
) -> None:
    document = {"type": "sleep", "payload": {"seconds": 5}, "unique_key": "k"}
    body = json.dumps({**document, "if_exists": "replace"})
    statuses = []
    for caller in ("ann", "sue", "ann", "ada", "sue"):
        headers = {**JSON, **bearer(caller)}
        response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
        statuses.append(response.code)
    assert statuses == [202, 409, 202, 202, 409]
    assert read(response, 409)["detail"].endswith("and another caller has submitted it")


async def ask(client: Client, caller: str | None, method: str, path: str) -> HTTPResponse:
    """The response to a call without a special body; to a change of the priority with PATCH."""
    body = {"POST": b"", "PATCH": b'{"priority": 1}'}.get(method)
    headers = {**bearer(caller), **(JSON if method == "PATCH" else {})}
    return await client.fetch(path, method=method, headers=headers, body=body)


READ_BY_ADMINS, OWN = (
    {"listAudit"},
    {"changeJob", "deleteJob", "cancelJob", "retryJob", "cancelBatch"},
)
CHANGED_BY_READERS = {"createStreamToken"}
CHANGED_BY_ADMINS = {"cancelJobs", "retryJobs", "putQueue", "changeQueue", "deleteQueue"}
WITHOUT_TOKEN = {"checkHealth", "signIn", "signOut"}


def test_the_operations_state_the_roles_of_the_documentation() -> None:
    for each in OPERATIONS:
        role: Role | None = Role.READ if each.method == "get" else Role.SUBMIT
        role = Role.ADMIN if each.id in READ_BY_ADMINS | CHANGED_BY_ADMINS else role
        role = Role.READ if each.id in CHANGED_BY_READERS else role
        assert each.role is (None if each.id in WITHOUT_TOKEN else role), each.id
        assert each.is_own is (each.id in OWN), each.id


def expected(operation: Operation, caller: str | None) -> int | None:
    """The status of the expected refusal, None if the call is allowed. All jobs are ann's."""
    if operation.role is None:
        return None
    if caller is None:
        return 401
    own = Role.SUBMIT if caller == "ann" else Role.ADMIN
    needed = own if operation.is_own else operation.role
    return None if ROLES[caller] >= needed else 403


@pytest.mark.sqlite
@pytest.mark.gen_test
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: f"{each.method} {each.path}")
async def test_each_call_requires_its_role(client: Client, operation: Operation) -> None:
    for caller in CALLERS:
        job_id = (await submit(client, "ann"))["job_id"]
        batch_id = await submit_batch(client, "ann")
        path = operation.path.replace("{job_id}", job_id).replace("{batch_id}", batch_id)
        path += "?wait=0" if path.startswith("/analyze") else ""
        methods = ["HEAD"] if operation.is_stream else [operation.method.upper()]
        methods += ["HEAD"] if operation.method == "get" else []
        for method in methods:
            response = await ask(client, caller, method, path)
            refusal, name = expected(operation, caller), f"{caller} {method}"
            if (operation.method, operation.path) in OPEN and method != "GET":
                assert response.code != 401 or operation.path == "/session", name
            elif refusal is None:
                assert response.code not in (401, 403), name
            else:
                assert response.code == refusal, name
            if response.code == 401:
                assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_methods_without_a_rule_require_a_token_and_the_role_admin(
    app: App, client: Client
) -> None:
    for path, handler in {**api_handlers(app), "/none": None}.items():
        path = path.replace("{job_id}", "01a21054-ecc3-7788-9e49-c6d97d1c0c65")
        known = implemented(handler) if handler else set()
        for method in {"put", "patch", "delete", "post"} - known:
            codes = [
                (
                    await client.fetch(path, method=method.upper(), headers=bearer(name), body=b"")
                ).code
                for name in CALLERS
            ]
            wanted = (
                [403] * 5 if path == "/session" else [401, 403, 403, 403, 405 if handler else 404]
            )
            assert codes == wanted, f"{method} {path}"


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_only_these_need_no_token(app: App, client: Client) -> None:
    found = [path.replace("{job_id}", "1") for path in api_handlers(app)]
    answers = {path: (await client.fetch(path)).code for path in [*found, "/none", "/ui", "/ui/x"]}
    assert {path for path, code in answers.items() if code != 401} == {"/healthz", "/ui", "/ui/x"}
    page = await client.fetch("/", headers={"Accept": "text/html"})
    assert (page.code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    preflight = await client.fetch("/jobs", method="OPTIONS")
    assert (preflight.code, preflight.body) == (204, b"")


WRONG = {
    "no": None,
    "empty": "",
    "scheme alone": "Bearer",
    "no token": "Bearer ",
    "unknown": "Bearer jst_unknown-0123456789",
    "another scheme": f"Basic {token('ada')}",
    "no scheme": token("ada"),
    "no space": f"Bearer{token('ada')}",
    "two": f"Bearer {token('ada')} {token('ada')}",
    "a part": f"Bearer {token('ada')[:-1]}",
    "more": f"Bearer {token('ada')}x",
    "another case": f"Bearer {token('ada').upper()}",
    "quoted": f'Bearer "{token("ada")}"',
    "not ASCII": "Bearer jst_ädä-0123456789",
    "long": "Bearer " + "x" * 10_000,
}


@pytest.mark.sqlite
@pytest.mark.gen_test
@pytest.mark.parametrize("kind", WRONG)
async def test_an_invalid_token_is_a_401_on_both_paths(client: Client, kind: str) -> None:
    job_id = (await submit(client, "ann"))["job_id"]
    given = WRONG[kind]
    headers = {} if given is None else {"Authorization": given}
    for method, path, body in (("GET", f"/jobs/{job_id}", None), ("POST", "/jobs", SLEEP)):
        headers |= JSON if body else {}
        fast = await client.fetch(path, method=method, headers=headers, body=body)
        slow = await client.fetch(path, method=method, headers=headers | SLOW, body=body)
        assert comparable(fast) == comparable(slow)
        read(fast, 401)
        more = ' error="invalid_token"' if kind not in NO_TOKEN else ""
        assert fast.headers["WWW-Authenticate"] == f"Bearer{more}"
    assert len((await client.get("/jobs", headers=bearer("rob")))["items"]) == 1


NO_TOKEN = ("no", "no token", "empty", "scheme alone", "another scheme", "no scheme", "no space")


@pytest.mark.sqlite
@pytest.mark.gen_test
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR "])
async def test_the_scheme_may_be_in_any_case(client: Client, scheme: str) -> None:
    job_id = (await submit(client, "ann"))["job_id"]
    for more in ({}, SLOW):
        headers = {"Authorization": f"{scheme} {token('rob')}", **more}
        assert (await client.get(f"/jobs/{job_id}", headers=headers))["submitted_by"] == "ann"


@pytest.mark.sqlite
@pytest.mark.gen_test
@pytest.mark.parametrize("name", ["token", "access_token", "authorization", "Authorization"])
async def test_a_token_in_the_query_is_ignored(client: Client, name: str) -> None:
    read(await client.fetch(f"/jobs?{name}={token('ada')}"), 401)
    body = f"access_token={token('ada')}".encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 401)


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_both_paths_answer_alike_for_every_caller(client: Client) -> None:
    job_id = (await submit(client, "ann"))["job_id"]
    for caller in CALLERS:
        headers = bearer(caller)
        for method, path, body in (("GET", f"/jobs/{job_id}", None), ("POST", "/jobs", SLEEP)):
            headers |= JSON if body else {}
            fast = await client.fetch(path, method=method, headers=headers, body=body)
            slow = await client.fetch(path, method=method, headers=headers | SLOW, body=body)
            assert comparable(fast) == comparable(slow)
    by = [
        job["submitted_by"] for job in (await client.get("/jobs", headers=bearer("rob")))["items"]
    ]
    assert by == ["ada", "ada", "ann", "ann", "sue", "sue", "ann"]


@pytest.mark.gen_test
async def test_the_submitter_and_the_canceler_are_stored(client: Client, bench: Bench) -> None:
    queued, running = [(await submit(client, "ann"))["job_id"] for _ in range(2)]
    await ask(client, "ada", "POST", f"/jobs/{queued}/cancel")
    looked = await client.get(f"/jobs/{queued}", headers=bearer("rob"))
    assert (looked["submitted_by"], looked["canceled_by"]) == ("ann", "ada")
    read(await ask(client, "ann", "POST", f"/jobs/{queued}/retry"), 202)
    looked = await client.get(f"/jobs/{queued}", headers=bearer("rob"))
    assert (looked["submitted_by"], looked["canceled_by"]) == ("ann", None)
    body = json.dumps({"submitted_by": "ann"}).encode()
    headers = {**JSON, **bearer("ada")}
    done = await client.fetch("/jobs/cancel", method="POST", body=body, headers=headers)
    assert read(done, 200)["changed"] == 2
    for job_id in (queued, running):
        assert (await client.get(f"/jobs/{job_id}", headers=bearer("rob")))["canceled_by"] == "ada"


@pytest.mark.gen_test
async def test_the_first_caller_that_cancels_a_running_job_is_stored(
    client: Client, bench: Bench
) -> None:
    job_id = (await submit(client, "ann"))["job_id"]
    bench.runner().claim_one()
    with patch("server.jobs.jobs.CANCEL_WAIT_SECONDS", 0):
        for caller in ("ann", "ada"):
            read(await ask(client, caller, "POST", f"/jobs/{job_id}/cancel"), 202)
    assert (await client.get(f"/jobs/{job_id}", headers=bearer("rob")))["canceled_by"] == "ann"


@pytest.mark.gen_test
async def test_a_list_can_be_filtered_by_submitter(client: Client) -> None:
    for caller in ("ann", "sue", "ann"):
        await submit(client, caller)
    page = await client.get("/jobs?submitted_by=ann&limit=1", headers=bearer("rob"))
    assert [job["submitted_by"] for job in page["items"]] == ["ann"]
    more = await client.get(f"/jobs?submitted_by=ann&cursor={page['next']}", headers=bearer("rob"))
    assert [job["submitted_by"] for job in more["items"]] == ["ann"]
    assert (await client.get("/jobs?submitted_by=an", headers=bearer("rob")))["items"] == []


@pytest.mark.gen_test
async def test_idempotency_keys_of_callers_are_separate(client: Client) -> None:
    key = {"Idempotency-Key": "k-1"}
    first, again, other = [
        (await submit(client, caller, more=key))["job_id"] for caller in ("ann", "ann", "sue")
    ]
    assert first == again != other


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_a_key_under_way_blocks_only_its_own_caller(client: Client) -> None:
    come, go_on = asyncio.Event(), asyncio.Event()
    headers = {**JSON, **bearer("ann"), "Idempotency-Key": "k"}

    async def produce(write: Any) -> None:
        come.set()
        await go_on.wait()
        await write(SLEEP)

    options: dict[str, Any] = {"body_producer": produce, "expect_100_continue": True}
    fetching = client.fetch("/jobs", method="POST", headers=headers, **options)
    first = asyncio.ensure_future(fetching)
    await come.wait()
    await submit(client, "sue", more={"Idempotency-Key": "k"})
    await submit(client, "ann", 409, more={"Idempotency-Key": "k"})
    go_on.set()
    assert (await first).code == 202


@pytest.mark.sqlite
@pytest.mark.gen_test
@pytest.mark.parametrize(("caller", "status"), [(None, 401), ("rob", 403)])
async def test_a_file_of_a_caller_who_may_not_submit_is_never_stored(
    client: Client, caller: str | None, status: int
) -> None:
    body, content_type = form(analyze_form(b"x" * 3_000_000))
    headers = {"Content-Type": content_type, **bearer(caller)}
    with patch.object(FolderUploads, "writer", side_effect=AssertionError) as writer:
        read(await client.fetch("/jobs", method="POST", body=body, headers=headers), status)
        sent = False

        async def produce(write: Any) -> None:
            nonlocal sent
            sent = True
            await write(body)

        options: dict[str, Any] = {"body_producer": produce, "expect_100_continue": True}
        read(await client.fetch("/jobs", method="POST", headers=headers, **options), status)
    assert (writer.call_count, sent) == (0, False)
    assert (await client.get("/jobs", headers=bearer("rob")))["items"] == []


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_jobs_that_a_caller_may_not_change_stay_unchanged(
    client: Client, bench: Bench
) -> None:
    job_id = (await submit(client, "ann"))["job_id"]
    for method, path in (("POST", "cancel"), ("POST", "retry"), ("DELETE", "")):
        runner = bench.runner() if path == "retry" else None
        if runner:
            runner.claims.complete(runner.claim_one(), "1", RETURNED)
        for caller in ("sue", "rob", None):
            response = await ask(client, caller, method, f"/jobs/{job_id}/{path}".rstrip("/"))
            assert response.code == (401 if caller is None else 403)
        status = (await client.get(f"/jobs/{job_id}", headers=bearer("rob")))["status"]
        assert status == ("queued" if path == "cancel" else "succeeded")
    assert "ann" not in json.loads(response.body)["detail"]
    assert (await ask(client, "ann", "DELETE", f"/jobs/{job_id}")).code == 204
    for caller in ("ann", "ada"):
        assert (await ask(client, caller, "DELETE", f"/jobs/{job_id}")).code == 404


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_only_admins_change_jobs_from_before_there_were_tokens(
    client: Client, bench: Bench
) -> None:
    job_id = bench.enqueue()
    assert (await ask(client, "ann", "POST", f"/jobs/{job_id}/cancel")).code == 403
    assert (await ask(client, "ada", "POST", f"/jobs/{job_id}/cancel")).code == 200


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_each_change_is_logged_with_its_caller(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "server.http.request_log")
    job_id = (await submit(client, "ann"))["job_id"]
    other = (await submit(client, "sue", more=SLOW))["job_id"]
    for method, path in (
        ("POST", "/cancel"),
        ("POST", "/retry"),
        ("POST", "/cancel"),
        ("DELETE", ""),
    ):
        await ask(client, "ada", method, f"/jobs/{job_id}{path}")
    body, headers = b'{"all": true}', {**JSON, **bearer("ada")}
    await client.fetch("/jobs/cancel", method="POST", body=body, headers=headers)
    read(await ask(client, "rob", "POST", f"/jobs/{other}/cancel"), 403)
    await client.fetch(f"/jobs/{job_id}", headers=bearer("rob"))
    lines = [vars(record) for record in caplog.records]
    changes = [
        (line["caller"], line["action"], line.get("job_id"))
        for line in lines
        if line["message"] == "change"
    ]
    assert changes == [
        ("ann", "submit", job_id),
        ("sue", "submit", other),
        ("ada", "cancel", job_id),
        ("ada", "retry", job_id),
        ("ada", "cancel", job_id),
        ("ada", "delete", job_id),
        ("ada", "cancel many", None),
    ]
    requests = [line for line in lines if line["message"] == "request"]
    assert [(line["status"], line.get("caller")) for line in requests] == [
        (403, "rob"),
        (404, "rob"),
    ]
    assert not any(token(name) in str(line) for line in lines for name in ROLES)

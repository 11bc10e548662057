"""Callers that a trusted proxy names in a header."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders
from tornado.ioloop import IOLoop

from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.callers import API_TOKENS, bearer, token
from tests.support.stores import Bench

pytestmark = pytest.mark.sqlite

JOBS = "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"  # a request for the fast path
SAME = {"Sec-Fetch-Site": "same-origin"}
JSON = {"Content-Type": "application/json"}
SLEEP = json.dumps({"type": "sleep", "payload": {"seconds": 5}})
SETTINGS = {
    "auth_proxy_header": "Remote-User",
    "auth_proxy_groups_header": "Remote-Groups",
    "group_roles": "ops:admin,developers:submit",
}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, request: pytest.FixtureRequest) -> Iterator[App]:
    """A listener that trusts this machine as a proxy, or what the test names instead."""
    given = {**SETTINGS, "trusted_proxies": "127.0.0.0/8,::1", **getattr(request, "param", {})}
    with open_app(bench, io_loop, **given) as application:
        yield application


def named(name: str, groups: str = "developers") -> dict[str, str]:
    """The headers that the proxy adds."""
    return {"Remote-User": name, "Remote-Groups": groups}


@pytest.mark.gen_test
async def test_the_proxy_names_the_caller_and_its_groups(client: Client) -> None:
    for groups, role in (("developers", "submit"), (" x , ops,developers,", "admin")):
        who = await client.get("/session", headers=named("ann@example.org", groups))
        assert (who["name"], who["role"]) == ("proxy:ann@example.org", role)
        assert (who["method"], who["expires_at"]) == ("proxy", None)
    headers = {**named("ann"), **JSON, **SAME}
    job = read(await client.fetch("/jobs", method="POST", headers=headers, body=SLEEP), 202)
    found = await client.get(f"/jobs/{job['job_id']}", headers=named("bob"))
    assert found["submitted_by"] == "proxy:ann"
    read(
        await client.fetch(
            f"/jobs/{job['job_id']}", method="DELETE", headers={**named("bob"), **SAME}
        ),
        403,
    )


@pytest.mark.gen_test
async def test_without_the_header_nobody_is_authenticated(client: Client) -> None:
    for headers in ({}, {"Remote-User": ""}, {"Remote-User": " "}, {"Remote-Groups": "ops"}):
        for path in (JOBS, "/session", "/jobs"):
            read(await client.fetch(path, headers=headers), 401)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "app", [{"trusted_proxies": "10.0.0.7", "api_tokens": API_TOKENS}], indirect=True
)
async def test_the_header_of_anybody_else_is_ignored(client: Client) -> None:
    forged = {**named("ada", "ops"), "X-Forwarded-For": "10.0.0.7", **SAME}
    for path in (JOBS, "/session", "/jobs"):
        read(await client.fetch(path, headers=forged), 401)
    read(await client.fetch("/jobs", method="POST", headers={**forged, **JSON}, body=SLEEP), 401)
    who = await client.get("/session", headers={**forged, **bearer("rob")})
    assert (who["name"], who["role"]) == ("rob", "read")


@pytest.mark.gen_test
async def test_who_is_in_no_group_with_a_role_is_refused(client: Client) -> None:
    for groups in ("", "others", "*", "op", "developers:submit"):
        problem = read(await client.fetch(JOBS, headers=named("ann", groups)), 403)
        assert problem["code"] == "no_role"
    for name in ("x" * 191, "a\u2028b"):
        response = await client.fetch(JOBS, headers=named(name.encode().decode("latin-1")))
        assert read(response, 403)["code"] == "name_refused"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "app", [{"group_roles": "ops:admin,dev:submit@builds,*:read-own"}], indirect=True
)
async def test_groups_limit_people_to_their_own_jobs_and_to_queues(client: Client) -> None:
    ann, bob, dev = named("ann", ""), named("bob", ""), named("dan", "dev")
    given: dict[str, Any] = {"method": "POST", "body": SLEEP}
    job = read(await client.fetch("/jobs", headers={**ann, **JSON, **SAME}, **given), 202)
    path = f"/jobs/{job['job_id']}"
    for headers, status in ((ann, 200), (bob, 404), (dev, 404), (named("ada", "ops"), 200)):
        assert (await client.fetch(path, headers=headers)).code == status
    read(await client.fetch("/jobs", headers={**dev, **JSON, **SAME}, **given), 403)
    ada = {**named("ada", "ops"), **JSON, **SAME}
    made = await client.fetch("/queues/builds", method="PUT", headers=ada, body="{}")
    assert made.code == 201, made.body
    given["body"] = json.dumps({**json.loads(SLEEP), "queue": "builds"})
    read(await client.fetch("/jobs", headers={**dev, **JSON, **SAME}, **given), 202)
    assert (await client.get("/session", headers=dev))["queues"] == ["builds"]


@pytest.mark.gen_test
async def test_a_header_that_is_there_twice_is_refused(client: Client) -> None:
    """A client may have sent one of them, and the proxy may have added the other."""
    for more in ({"Remote-User": "ada"}, {"Remote-Groups": "ops"}):
        headers = HTTPHeaders(named("ann"))
        for name, value in more.items():
            headers.add(name, value)
        for path in (JOBS, "/session"):
            detail = read(await client.fetch(path, headers=headers), 400)["detail"]
            assert detail.startswith(f"{next(iter(more))}: ")


@pytest.mark.gen_test
async def test_a_changing_request_must_come_from_a_page_of_the_service(client: Client) -> None:
    attacks: list[dict[str, str]] = [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://x.y"}]
    for more in attacks:
        headers = {**named("ann"), **JSON, **more}
        read(await client.fetch("/jobs", method="POST", headers=headers, body=SLEEP), 403)


@pytest.mark.gen_test
@pytest.mark.parametrize("app", [{"api_tokens": API_TOKENS}], indirect=True)
async def test_a_token_comes_before_the_header(client: Client) -> None:
    headers = {**named("ada", "ops"), **bearer("rob")}
    assert (await client.get("/session", headers=headers))["name"] == "rob"
    headers["Authorization"] = "Bearer jst_wrong-0123456789"
    read(await client.fetch("/session", headers=headers), 401)
    headers["Authorization"] = "Basic YW5uOnNlY3JldA=="  # which some proxies pass on
    assert (await client.get("/session", headers=headers))["name"] == "proxy:ada"


@pytest.mark.gen_test
async def test_a_caller_of_the_proxy_cannot_be_taken_for_one_with_a_token(client: Client) -> None:
    page = await client.fetch("/ui", headers={"Accept": "text/html"})
    assert b'<meta name="sign-in" content="">' in page.body
    body = json.dumps({"token": token("ada")})
    read(await client.fetch("/session", method="POST", headers={**JSON, **SAME}, body=body), 401)
    assert (await client.fetch("/ui/sign-in")).code == 404

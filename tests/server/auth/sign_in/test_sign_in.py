"""Signing in at a real provider of OpenID Connect: the way there and back, renewals, sign-outs."""

import asyncio
import json
from collections.abc import Iterator
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.api.session.sign_in import FLOW_COOKIE, RENEWAL_COOKIE
from server.auth.sessions import COOKIE
from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.servers.openid_provider import AUDIENCE, OpenIdProvider
from tests.support.stores import Bench

pytestmark = [pytest.mark.sqlite, pytest.mark.tornado]

HTML = {"Accept": "text/html"}
SAME = {"Sec-Fetch-Site": "same-origin"}
SLEEP = {"type": "sleep", "payload": {"seconds": 5}}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, provider: OpenIdProvider) -> Iterator[App]:
    """A listener that knows the provider, and the usual tokens."""
    given = {"api_tokens": API_TOKENS, "oidc_audience": AUDIENCE, **provider.settings}
    with open_app(bench, io_loop, **given) as application:
        yield application


class Browser:
    """A browser: it keeps the cookies of the listener, whatever their path."""

    def __init__(self, client: Client, provider: OpenIdProvider):
        self.client, self._provider = client, provider
        self.cookies: dict[str, Morsel[str]] = {}
        provider.allow(client.base_url)

    async def get(self, path: str, **options: Any) -> HTTPResponse:
        """Request a page, and follow no redirect."""
        return await self.fetch(path, headers={**HTML, **options.pop("headers", {})}, **options)

    async def fetch(self, path: str, **options: Any) -> HTTPResponse:
        """Send a request with the cookies, and keep the cookies of the response."""
        sent = "; ".join(f"{name}={each.coded_value}" for name, each in self.cookies.items())
        headers = {**options.pop("headers", {}), **({"Cookie": sent} if sent else {})}
        response = await self.client.fetch(path, headers=headers, follow_redirects=False, **options)
        for text in response.headers.get_list("Set-Cookie"):
            for name, morsel in SimpleCookie(text).items():
                self.cookies[name] = morsel
                if not morsel.value:
                    del self.cookies[name]
        return response

    async def begin(self, page: str = "/ui/jobs") -> str:
        """Begin a sign-in; return the address at the provider."""
        response = await self.get(f"/ui/sign-in?next={page}")
        assert response.code == 303, response.body
        return str(response.headers["Location"])

    async def visit_provider(self, url: str, name: str) -> str:
        """Sign in at the provider; return the path of the listener to which it leads back."""
        back = await asyncio.to_thread(self._provider.sign_in, url, name)
        return back.removeprefix(self.client.base_url)

    async def sign_in(self, name: str, page: str = "/ui/jobs") -> HTTPResponse:
        """Sign in, and return the last response of the listener."""
        return await self.get(await self.visit_provider(await self.begin(page), name))

    async def session(self) -> Any:
        """Return the document about the caller; None if it must sign in."""
        response = await self.fetch("/session")
        return None if response.code == 401 else read(response, 200)


@pytest.fixture
def browser(client: Client, provider: OpenIdProvider) -> Browser:
    """A browser without cookies."""
    return Browser(client, provider)


@pytest.mark.gen_test
async def test_a_sign_in_leads_back_to_the_page_and_gives_the_role_of_the_groups(
    browser: Browser,
) -> None:
    for name, role in (("ada", "admin"), ("ann", "submit"), ("rob", "read")):
        response = await browser.sign_in(name, "/ui/jobs?status=failed%23x")
        assert (response.code, response.headers["Location"]) == (303, "/ui/jobs?status=failed#x")
        who = await browser.session()
        assert (who["name"], who["role"]) == (f"oidc:{name}@example.org", role)
        assert (who["method"], who["tokens"]) == ("oidc", True)
        assert who["expires_at"] > "2026"


@pytest.mark.gen_test
async def test_the_cookies_are_out_of_reach_of_scripts_and_of_other_sites(
    browser: Browser,
) -> None:
    await browser.begin()
    flow = browser.cookies[FLOW_COOKIE]
    assert (flow["httponly"], flow["samesite"], flow["path"]) == (True, "Lax", "/ui/sign-in")
    assert flow["max-age"] == "600"
    await browser.sign_in("ann")
    assert set(browser.cookies) == {COOKIE, RENEWAL_COOKIE}
    session, renewal = browser.cookies[COOKIE], browser.cookies[RENEWAL_COOKIE]
    assert (session["httponly"], session["samesite"], session["path"]) == (True, "Strict", "/")
    assert session["max-age"] == "43200"
    assert (renewal["samesite"], renewal["path"]) == ("Strict", "/ui/sign-in")
    assert "ann" not in session.value + renewal.value


@pytest.mark.gen_test
async def test_a_changing_request_with_the_session_must_come_from_a_page_of_the_service(
    browser: Browser,
) -> None:
    await browser.sign_in("ann")
    json_type = {"Content-Type": "application/json"}
    given: dict[str, Any] = {"method": "POST", "body": json.dumps(SLEEP)}
    for origin in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        read(await browser.fetch("/jobs", headers={**json_type, **origin}, **given), 403)
    job = read(await browser.fetch("/jobs", headers={**json_type, **SAME}, **given), 202)
    found = read(await browser.fetch(f"/jobs/{job['job_id']}"), 200)
    assert found["submitted_by"] == "oidc:ann@example.org"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("nobody", 403, "none of the groups of oidc:nobody@example.org has a role"),
        ("unverified", 403, "has not verified the address"),
    ],
)
async def test_who_has_no_role_or_no_name_gets_a_page_that_says_so(
    browser: Browser, name: str, code: int, text: str
) -> None:
    response = await browser.sign_in(name)
    assert response.code == code
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert text in response.body.decode()
    assert COOKIE not in browser.cookies


@pytest.mark.gen_test
async def test_a_sign_in_that_is_refused_at_the_provider_fails(browser: Browser) -> None:
    url = await browser.begin()
    (state,) = parse_qs(urlsplit(url).query)["state"]
    issuer = url.partition("/auth")[0]
    path = f"/ui/sign-in/callback?state={state}&iss={issuer}&error=access_denied"
    response = await browser.get(path)
    assert response.code == 400
    assert "the provider answers access_denied" in response.body.decode()


@pytest.mark.gen_test
async def test_a_response_counts_once_and_only_in_the_browser_that_asked_for_it(
    browser: Browser, client: Client, provider: OpenIdProvider
) -> None:
    stranger = Browser(client, provider)
    back = await browser.visit_provider(await browser.begin(), "ann")
    for other in (stranger, browser):
        assert (await stranger.get(back)).code == 400  # without the cookie of this sign-in
        await stranger.begin()
        assert (await stranger.get(back)).code == 400  # with the cookie of another one
        assert COOKIE not in stranger.cookies, other
    kept = browser.cookies[FLOW_COOKIE]
    assert (await browser.get(back)).code == 303
    assert (await browser.get(back)).code == 400  # its cookie is gone
    browser.cookies[FLOW_COOKIE] = kept
    response = await browser.get(back)  # and the code is used up
    assert response.code == 400
    assert "refuses the code: invalid_grant" in response.body.decode()


@pytest.mark.gen_test
async def test_a_response_of_another_issuer_is_refused(browser: Browser) -> None:
    back = await browser.visit_provider(await browser.begin(), "ann")
    for changed in (back.replace("iss=http", "iss=https"), back.replace("&iss=", "&was=")):
        response = await browser.get(changed)
        assert response.code == 400
        assert "not from the provider" in response.body.decode()
    assert (await browser.get(back)).code == 303


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "page",
    [
        *("https://evil.example", "//evil.example", "/%5Cevil.example", "/jobs", "ui", ""),
        *("/ui/%0D%0ASet-Cookie:x=y", "/ui/%20x", "/uix", "/" + "ui/" * 1000, "/ui%5C.."),
    ],
)
async def test_a_sign_in_leads_only_to_pages_of_the_service(browser: Browser, page: str) -> None:
    response = await browser.sign_in("ann", page)
    assert (response.code, response.headers["Location"]) == (303, "/")


@pytest.mark.gen_test
async def test_a_session_is_renewed_with_the_groups_that_the_person_has_then(
    browser: Browser, provider: OpenIdProvider
) -> None:
    await browser.sign_in("ann")
    first, renewal = browser.cookies[COOKIE].value, browser.cookies[RENEWAL_COOKIE].value
    post: dict[str, Any] = {"method": "POST", "body": b""}
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}):
        read(await browser.fetch("/ui/sign-in/renew", headers=headers, **post), 403)
    who = read(await browser.fetch("/ui/sign-in/renew", headers=SAME, **post), 200)
    assert (who["name"], who["role"]) == ("oidc:ann@example.org", "submit")
    assert browser.cookies[COOKIE].value != first
    assert browser.cookies[RENEWAL_COOKIE].value != renewal  # the provider gave another token
    assert (await browser.session())["name"] == "oidc:ann@example.org"


@pytest.mark.gen_test
async def test_the_session_of_a_person_who_is_removed_at_the_provider_is_not_renewed(
    browser: Browser, provider: OpenIdProvider
) -> None:
    await browser.sign_in("ada")
    provider.tell("disable ada")
    try:
        post: dict[str, Any] = {"method": "POST", "body": b"", "headers": SAME}
        problem = read(await browser.fetch("/ui/sign-in/renew", **post), 401)
        assert problem["code"] == "session_ended"
        assert RENEWAL_COOKIE not in browser.cookies
        read(await browser.fetch("/ui/sign-in/renew", **post), 401)
    finally:
        provider.tell("enable ada")


@pytest.mark.gen_test
async def test_a_session_without_a_renewal_is_not_renewed(browser: Browser) -> None:
    post: dict[str, Any] = {"method": "POST", "body": b"", "headers": SAME}
    read(await browser.fetch("/ui/sign-in/renew", **post), 401)
    await browser.sign_in("ann")
    session = browser.cookies.pop(COOKIE).value
    for value in ("", "x", "~", "é", session, session[1:]):
        post["headers"] = {**SAME, "Cookie": f"{RENEWAL_COOKIE}={value}"}
        read(await browser.client.fetch("/ui/sign-in/renew", **post), 401)


@pytest.mark.gen_test
async def test_a_sign_out_ends_the_session_here_and_at_the_provider(browser: Browser) -> None:
    await browser.sign_in("ann")
    response = await browser.fetch("/session", method="DELETE", headers=SAME)
    assert (response.code, set(browser.cookies)) == (204, {RENEWAL_COOKIE})
    assert await browser.session() is None
    response = await browser.get("/ui/sign-out", headers=SAME)
    assert (response.code, browser.cookies) == (303, {})
    url = response.headers["Location"]
    query = parse_qs(urlsplit(url).query)
    assert query["post_logout_redirect_uri"] == [f"{browser.client.base_url}/"]
    page = await asyncio.to_thread(httpx.get, url)
    assert page.status_code == 200, page.text


@pytest.mark.gen_test
async def test_a_forged_session_is_refused(app: App, browser: Browser) -> None:
    await browser.sign_in("ann")
    good = browser.cookies[COOKIE].value
    assert app.sign_in
    seal = app.sign_in.openid.seal
    content = {"name": "ada", "groups": ["ops"]}
    flipped = good[:-4] + ("A" if good[-4] != "A" else "B") + good[-3:]
    forged = ["~", "~x", "~é", good[1:], flipped, good[:-1], f"{good}AAAA", f"ann:{good}"]
    forged += [f"~{seal.close('renewal', content, 60)}", f"~{seal.close('session', content, -1)}"]
    for value in forged:
        response = await browser.client.fetch("/session", headers={"Cookie": f"{COOKIE}={value}"})
        read(response, 401)
    response = await browser.client.fetch("/session", headers={"Cookie": f"{COOKIE}={good}"})
    assert read(response, 200)["name"] == "oidc:ann@example.org"


@pytest.mark.gen_test
async def test_tokens_sign_in_as_before(client: Client) -> None:
    assert (await client.get("/session", headers=bearer("ann")))["name"] == "ann"
    headers = {"Content-Type": "application/json", **SAME}
    body = json.dumps({"token": "jst_ann-0123456789"})
    response = await client.fetch("/session", method="POST", body=body, headers=headers)
    assert read(response, 200)["method"] == "token"


@pytest.mark.gen_test
async def test_sign_ins_are_in_the_audit_log(browser: Browser, client: Client) -> None:
    await browser.sign_in("ada")
    headers = {"Content-Type": "application/json", **SAME}
    body = json.dumps({"token": "jst_ann-0123456789"})
    read(await client.fetch("/session", method="POST", headers=headers, body=body), 200)
    entries = read(await browser.fetch("/audit?kind=caller"), 200)["items"]
    assert [(each["action"], each["subject"], each["detail"]) for each in entries] == [
        ("sign in", "ann", {"method": "token"}),
        ("sign in", "oidc:ada@example.org", {"method": "oidc"}),
    ]
    assert {each["address"] for each in entries} == {"127.0.0.1"}


@pytest.mark.gen_test
async def test_the_page_knows_how_people_can_sign_in(
    client: Client, bench: Bench, provider: OpenIdProvider
) -> None:
    page = await client.fetch("/ui", headers=HTML)
    assert b'<meta name="sign-in" content="token localhost">' in page.body

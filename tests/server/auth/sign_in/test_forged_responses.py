"""Sign-ins at a provider that answers with tokens of another sign-in, person or client."""

from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.api.session.sign_in import FLOW_COOKIE, RENEWAL_COOKIE
from server.auth.sessions import COOKIE
from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.servers.rogue_provider import CLIENT_ID, RogueProvider
from tests.support.stores import Bench

pytestmark = [pytest.mark.sqlite, pytest.mark.tornado]

HTML = {"Accept": "text/html"}
RENEW: dict[str, Any] = {"method": "POST", "body": b""}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, rogue: RogueProvider) -> Iterator[App]:
    """A listener that knows this provider."""
    with open_app(
        bench, io_loop, trusted_proxies="127.0.0.0/8,::1", **rogue.settings
    ) as application:
        yield application


async def sign_in(
    client: Client, rogue: RogueProvider, page: str = "", response: str = "", **claims: Any
) -> HTTPResponse:
    """Begin a sign-in, and bring a code; the ID token has these claims and the right nonce.

    `page` is the one to return to; `response` replaces the state, or adds to it after a `&`.
    """
    begun = await client.fetch(f"/ui/sign-in?next={page}", headers=HTML, follow_redirects=False)
    assert begun.code == 303, begun.body
    query = parse_qs(urlsplit(begun.headers["Location"]).query)
    rogue.claims = {"nonce": query["nonce"][0], **claims}
    (flow,) = SimpleCookie(begun.headers["Set-Cookie"]).values()
    headers = {**HTML, "Cookie": f"{flow.key}={flow.value}"}
    state = query["state"][0] + response if response[:1] in ("", "&") else response
    path = f"/ui/sign-in/callback?code=x&state={state}"
    return await client.fetch(path, headers=headers, follow_redirects=False)


def cookies(response: HTTPResponse) -> dict[str, str]:
    """The cookies that a response sets."""
    found = (SimpleCookie(text) for text in response.headers.get_list("Set-Cookie"))
    return {name: each.value for cookie in found for name, each in cookie.items() if each.value}


@pytest.mark.gen_test
async def test_only_this_host_can_set_the_cookie_of_a_sign_in(client: Client) -> None:
    headers = {**HTML, "X-Forwarded-Proto": "https"}
    begun = await client.fetch("/ui/sign-in", headers=headers, follow_redirects=False)
    (flow,) = SimpleCookie(begun.headers["Set-Cookie"]).values()
    assert (flow.key, flow["path"], flow["secure"]) == (f"__Host-{FLOW_COOKIE}", "/", True)
    assert not flow["domain"]


@pytest.mark.gen_test
async def test_no_page_of_another_site_signs_a_person_out(client: Client) -> None:
    own = client.base_url
    cases: list[tuple[dict[str, str], int]] = [
        ({}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Referer": f"{own}/ui/jobs"}, 403),
        ({"Referer": "https://evil.example/x"}, 403),
        ({"Referer": f"https://evil.example/{own}/"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Referer": f"{own}/ui/jobs"}, 303),
    ]
    for headers, status in cases:
        response = await client.fetch(
            "/ui/sign-out", headers={**HTML, **headers}, follow_redirects=False
        )
        assert (response.code, "Set-Cookie" in response.headers) == (status, status == 303)


FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "the nonce of another sign-in": ({"nonce": "another"}, "of another sign-in"),
    "no nonce": ({"nonce": None}, "of another sign-in"),
    "another audience": ({"aud": "others"}, "audience"),
    "several audiences": ({"aud": ["jobs", "others"]}, "another client"),
    "another client": ({"aud": ["jobs", "others"], "azp": "others"}, "another client"),
    "another issuer": ({"iss": "https://evil.example"}, "issuer"),
    "an old token": ({"at": -400}, "expired"),
    "an access token": ({"typ": "at+jwt"}, "of another kind"),
    "an access token by its full name": ({"typ": "application/AT+JWT"}, "of another kind"),
    "a text as end": ({"exp": "4102444800"}, "exp is not a number"),
    "a truth as time": ({"iat": True}, "iat is not a number"),
    "no name": ({"preferred_username": None}, "states no"),
}


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize("forgery", FORGED)
async def test_a_forged_id_token_signs_nobody_in(
    client: Client, rogue: RogueProvider, forgery: str
) -> None:
    claims, reason = FORGED[forgery]
    rogue.answers["/token"] = lambda _: (
        200,
        {"id_token": rogue.token(**{"aud": CLIENT_ID, **rogue.claims})},
    )
    response = await sign_in(client, rogue, **claims)
    assert response.code in (400, 403)
    assert reason in response.body.decode()
    assert COOKIE not in cookies(response)


@pytest.mark.gen_test
async def test_a_token_for_several_clients_counts_if_it_was_made_for_this_one(
    client: Client, rogue: RogueProvider
) -> None:
    rogue.answers["/token"] = lambda _: (
        200,
        {
            "id_token": rogue.token(
                **{"aud": ["others", CLIENT_ID], "azp": CLIENT_ID, **rogue.claims}
            )
        },
    )
    assert (await sign_in(client, rogue)).code == 303


@pytest.mark.gen_test
async def test_a_response_must_be_the_one_to_this_sign_in_and_from_this_provider(
    client: Client, rogue: RogueProvider
) -> None:
    rogue.metadata["authorization_response_iss_parameter_supported"] = True
    good = f"&iss={rogue.issuer}"
    for response in (f"wrong{good}", "&iss=https://evil.example", "", f"{good}&error=denied"):
        refused = await sign_in(client, rogue, response=response)
        assert (refused.code, COOKIE in cookies(refused)) == (400, False)
    assert (await sign_in(client, rogue, response=good)).code == 303


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example",
        "//evil.example",
        "/jobs",
        "/ui/../jobs",
        "/ui/%252e%252E/jobs",
        "/ui/jobs/..",
        "/ui/./jobs",
        "/ui/jobs",
        "/ui/jobs?tag=..",
    ],
)
async def test_a_sign_in_leads_only_to_pages_of_the_front_end(
    client: Client, rogue: RogueProvider, page: str
) -> None:
    response = await sign_in(client, rogue, page)
    is_page = page in ("/ui/jobs", "/ui/jobs?tag=..")
    assert response.headers["Location"] == (page if is_page else "/")


ANSWERS: dict[str, tuple[int, Any, str]] = {
    "an error": (400, {"error": "invalid_grant"}, "refuses the code: invalid_grant"),
    "no JSON": (200, b"<html>", "token endpoint answers with status 200"),
    "a list": (200, [], "token endpoint answers with status 200"),
    "no token": (200, {}, "sends no ID token"),
    "a number": (200, {"id_token": 5}, "sends no ID token"),
    "no JWT": (200, {"id_token": "x"}, "not a signed JSON Web Token"),
    "a failure": (500, {}, "token endpoint answers with status 500"),
    "a redirect": (302, {}, "token endpoint answers with status 302"),
    "a large body": (200, b"x" * (2 << 20), "does not respond"),
}


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize("answer", ANSWERS)
async def test_an_answer_of_the_token_endpoint_that_is_no_token_signs_nobody_in(
    client: Client, rogue: RogueProvider, answer: str
) -> None:
    status, document, reason = ANSWERS[answer]
    rogue.answers["/token"] = lambda _: (status, document)
    response = await sign_in(client, rogue)
    assert response.code in (400, 503)
    assert reason in response.body.decode()


@pytest.mark.gen_test
async def test_claims_of_somebody_else_at_userinfo_are_refused(
    client: Client, rogue: RogueProvider
) -> None:
    rogue.metadata["userinfo_endpoint"] = f"{rogue.issuer}/userinfo"
    rogue.answers["/token"] = lambda _: (
        200,
        {
            "access_token": "a",
            "id_token": rogue.token(aud=CLIENT_ID, groups=None, **rogue.claims),
        },
    )
    stated: dict[str, Any] = {"groups": ["ops"]}
    rogue.answers["/userinfo"] = lambda _: (200, stated)
    for subject, code in (("2", 400), (None, 400), ("1", 303)):
        stated["sub"] = subject
        assert (await sign_in(client, rogue)).code == code
    rogue.answers["/userinfo"] = lambda _: (401, {})
    assert (await sign_in(client, rogue)).code == 503


@pytest.mark.gen_test
async def test_a_session_is_renewed_only_for_the_same_person(
    client: Client, rogue: RogueProvider
) -> None:
    tokens: dict[str, Any] = {"refresh_token": "first"}
    given: list[str | None] = []

    def answer(fields: dict[str, str]) -> tuple[int, Any]:
        given.append(fields.get("refresh_token"))
        return 200, {"id_token": rogue.token(aud=CLIENT_ID, **rogue.claims), **tokens}

    rogue.answers["/token"] = answer
    renewal = cookies(await sign_in(client, rogue))[RENEWAL_COOKIE]
    headers = {"Sec-Fetch-Site": "same-origin", "Cookie": f"{RENEWAL_COOKIE}={renewal}"}
    rogue.claims["sub"] = "2"
    read(await client.fetch("/ui/sign-in/renew", headers=headers, **RENEW), 401)
    rogue.claims["sub"], rogue.claims["groups"] = "1", ["others"]
    del tokens["refresh_token"]  # so the old one stays
    who = read(await client.fetch("/ui/sign-in/renew", headers=headers, **RENEW), 200)
    assert (who["name"], who["role"]) == ("oidc:ann", "read")
    assert given == [None, "first", "first"]
    rogue.answers["/token"] = lambda _: (500, {})
    problem = read(await client.fetch("/ui/sign-in/renew", headers=headers, **RENEW), 503)
    assert problem["code"] == "provider_unavailable"


@pytest.mark.gen_test
async def test_a_refresh_token_that_fits_into_no_cookie_is_left_out(
    client: Client, rogue: RogueProvider
) -> None:
    tokens: dict[str, str] = {}
    rogue.answers["/token"] = lambda _: (
        200,
        {"id_token": rogue.token(aud=CLIENT_ID, **rogue.claims), **tokens},
    )
    for size, is_kept in ((2500, True), (4000, False)):
        tokens["refresh_token"] = "x" * size
        found = cookies(await sign_in(client, rogue))
        assert COOKIE in found
        assert (RENEWAL_COOKIE in found) is is_kept
        assert all(len(value) < 4000 for value in found.values())

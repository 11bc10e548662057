"""Tokens of a provider as credentials for the API: which ones count, and when keys are loaded."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.ioloop import IOLoop

from server.auth.sign_in import provider as provider_module
from server.auth.sign_in.jwt_checks import InvalidJwt, check, read_keys
from server.start.app import App
from tests.support.api import Client, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.servers.rogue_provider import METADATA, RogueProvider
from tests.support.stores import Bench

pytestmark = pytest.mark.sqlite

JOBS = "/jobs/01a21054-ecc3-7788-9e49-c6d97d1c0c65"  # a request for the fast path
SLEEP = json.dumps({"type": "sleep", "payload": {"seconds": 5}})


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, rogue: RogueProvider) -> Iterator[App]:
    """A listener that knows this provider, and the usual tokens."""
    with open_app(bench, io_loop, api_tokens=API_TOKENS, **rogue.settings) as application:
        yield application


async def status(client: Client, token: str, path: str = JOBS) -> int:
    """The status of a request with a token; 404 if it is accepted: there is no such job."""
    response = await client.fetch(path, headers={"Authorization": f"Bearer {token}"})
    assert response.code < 500, response.body
    return response.code


async def problem(client: Client, token: str, code: int = 401) -> str:
    """The detail of the problem that a request with a token gets."""
    response = await client.fetch(JOBS, headers={"Authorization": f"Bearer {token}"})
    if code == 401:
        assert response.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    return str(read(response, code)["detail"])


@pytest.mark.gen_test
async def test_a_valid_token_authenticates_its_caller(client: Client, rogue: RogueProvider) -> None:
    headers = {"Authorization": f"Bearer {rogue.token()}", "Content-Type": "application/json"}
    who = await client.get("/session", headers=headers)
    assert (who["name"], who["role"], who["method"]) == ("oidc:ann", "admin", "oidc")
    job = read(await client.fetch("/jobs", method="POST", headers=headers, body=SLEEP), 202)
    found = await client.get(f"/jobs/{job['job_id']}", headers=headers)
    assert found["submitted_by"] == "oidc:ann"
    headers = {**headers, "Authorization": f"Bearer {rogue.token(groups=['others'])}"}
    read(await client.fetch("/jobs", method="POST", headers=headers, body=SLEEP), 403)
    assert await status(client, rogue.token(groups="ops")) == 404
    assert await status(client, rogue.token(typ="at+jwt")) == 404
    assert (await client.get("/session", headers=bearer("ann")))["name"] == "ann"


def unsigned(claims: dict[str, Any], algorithm: str) -> str:
    """A token without a signature."""
    parts = [{"alg": algorithm, "typ": "JWT", "kid": "first"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode() for each in parts]
    return ".".join(each.rstrip("=") for each in encoded) + "."


def signed_with_the_public_key(rogue: RogueProvider) -> str:
    """A token whose HMAC has the public key as its secret."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = rogue.keys["first"].public_key()
    secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = unsigned(decoded(rogue.token()), "HS256").rstrip(".")
    digest = hmac.digest(secret, head.encode(), hashlib.sha256)
    return f"{head}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def decoded(token: str) -> dict[str, Any]:
    """The claims of a token, unchecked."""
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


FORGED: dict[str, tuple[Callable[[RogueProvider], str], str]] = {
    "expired": (lambda r: r.token(at=-400), "expired"),
    "too early": (lambda r: r.token(nbf=4e9), "not yet valid"),
    "issued later": (lambda r: r.token(at=100), "not yet valid"),
    "another audience": (lambda r: r.token(aud="others"), "audience 'urn:jobs'"),
    "the client as audience": (lambda r: r.token(aud="jobs"), "audience 'urn:jobs'"),
    "no audience": (lambda r: r.token(aud=None), '"aud"'),
    "another issuer": (lambda r: r.token(iss="https://evil.example"), "issuer"),
    "part of the issuer": (lambda r: r.token(iss=r.issuer[:-1]), "issuer"),
    "no end": (lambda r: r.token(exp=None), '"exp"'),
    "no subject": (lambda r: r.token(sub=None), '"sub"'),
    "an endless end": (lambda r: r.token(exp=float("inf")), ""),
    "a text as end": (lambda r: r.token(exp="soon"), ""),
    "a number as text": (lambda r: r.token(exp="4102444800"), "exp is not a number"),
    "another kind": (lambda r: r.token(typ="logout+jwt"), "of another kind"),
    "no signature": (lambda r: unsigned(decoded(r.token()), "none"), "algorithm"),
    "empty signature": (lambda r: unsigned(decoded(r.token()), "RS256"), "signature"),
    "an HMAC": (signed_with_the_public_key, "algorithm"),
    "another signature": (lambda r: r.token()[:-8] + "AAAAAAAA", "signature"),
    "an unknown key": (lambda r: r.token("hidden"), "no key"),
    "a key for encryption": (lambda r: r.token("encryption"), "no key"),
    "a short key": (lambda r: r.token("short"), ""),
    "another algorithm of the key": (lambda r: r.token("only-512"), "no key"),
    "no JSON": (lambda r: "eyJh.eyJh.x", "not a signed JSON Web Token"),
}


@pytest.mark.gen_test
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_forged_token_is_refused_with_a_reason(
    client: Client, rogue: RogueProvider
) -> None:
    rogue.add_key("hidden", shown=False)
    rogue.add_key("encryption", use="enc")
    rogue.add_key("short", bits=1024)
    rogue.add_key("only-512", alg="RS512")
    assert await status(client, rogue.token()) == 404
    assert await status(client, rogue.token("only-512", "RS512")) == 404
    for name, (forge, reason) in FORGED.items():
        assert reason in await problem(client, forge(rogue)), name
    assert await status(client, rogue.token()) == 404


@pytest.mark.gen_test
async def test_clocks_may_differ_by_a_minute(client: Client, rogue: RogueProvider) -> None:
    for at, expected in ((-290, 404), (-330, 404), (-361, 401), (59, 404), (90, 401)):
        assert await status(client, rogue.token(at=at)) == expected, at


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize("name", [None, "", " ann", "a\nb", "x" * 191, 5, ["ann"]])
async def test_a_token_without_a_usable_name_is_refused(
    client: Client, rogue: RogueProvider, name: Any
) -> None:
    await problem(client, rogue.token(preferred_username=name), 403)


@pytest.mark.gen_test
async def test_a_valid_token_never_counts_as_a_wrong_one(
    client: Client, rogue: RogueProvider
) -> None:
    for _ in range(15):
        assert await status(client, rogue.token(at=-400)) == 401
    assert await status(client, rogue.token()) == 404


@pytest.mark.gen_test
async def test_a_new_key_is_loaded_when_its_first_token_arrives(
    client: Client, rogue: RogueProvider
) -> None:
    with patch.object(provider_module, "PAUSE_SECONDS", 0.0):
        first = rogue.token()
        assert await status(client, first) == 404
        rogue.shown.clear()
        rogue.add_key("second")
        assert await status(client, rogue.token("second")) == 404
        # The first one is withdrawn, and so is what was checked with it.
        assert "no key" in await problem(client, first)
    assert rogue.requests.count(METADATA) == 1


@pytest.mark.gen_test
async def test_unknown_keys_make_the_listener_ask_only_once_in_a_while(
    client: Client, rogue: RogueProvider
) -> None:
    rogue.add_key("hidden", shown=False)
    tokens = [rogue.token("hidden", jti=str(at)) for at in range(20)]
    with patch.object(provider_module, "PAUSE_SECONDS", 600.0):
        found = await asyncio.gather(*(status(client, token) for token in tokens))
    assert set(found) == {401}
    assert rogue.requests.count("/jwks") == 1


@pytest.mark.gen_test
async def test_old_keys_are_loaded_again_while_they_are_used(
    client: Client, rogue: RogueProvider
) -> None:
    with (
        patch.object(provider_module, "PAUSE_SECONDS", 0.0),
        patch.object(provider_module._Cached, "is_fresh", False),
    ):
        rogue.answers["/jwks"] = lambda _: (200, {"keys": rogue.shown})
        assert await status(client, rogue.token()) == 404
        rogue.answers["/jwks"] = lambda _: (500, {})  # which changes nothing
        for _ in range(3):
            assert await status(client, rogue.token()) == 404


@pytest.mark.gen_test
async def test_a_provider_that_is_down_makes_tokens_wait_and_others_go_on(
    client: Client, rogue: RogueProvider
) -> None:
    rogue.answers[METADATA] = lambda _: (502, b"<html>")
    token = {"Authorization": f"Bearer {rogue.token()}"}
    response = await client.fetch(JOBS, headers=token)
    assert read(response, 503)["code"] == "provider_unavailable"
    assert response.headers["Retry-After"] == "10"
    assert (await client.get("/session", headers=bearer("ann")))["name"] == "ann"
    page = await client.fetch("/ui/sign-in", headers={"Accept": "text/html"})
    assert page.code == 503
    assert "answers with status 502" in page.body.decode()
    rogue.answers[METADATA] = lambda _: (200, rogue.metadata)
    with patch.object(provider_module, "PAUSE_SECONDS", 0.0):
        assert await status(client, rogue.token()) == 404


METADATA_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "another issuer": ({"issuer": "https://evil.example"}, "OIDC_ISSUER must be exactly that"),
    "no endpoint": ({"token_endpoint": None}, "no usable token_endpoint"),
    "a script": ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
    "a file": ({"jwks_uri": "file:///etc/passwd"}, "no usable jwks_uri"),
    "a number": ({"jwks_uri": 5}, "no usable jwks_uri"),
    "no keys": ({"jwks_uri": "{issuer}/nothing"}, "no usable key"),
    "a bad address": ({"jwks_uri": "http://["}, "no usable jwks_uri"),
}


@pytest.mark.heavy
@pytest.mark.gen_test
@pytest.mark.parametrize("fault", METADATA_FAULTS)
async def test_metadata_that_cannot_be_used_is_refused_with_a_reason(
    client: Client, rogue: RogueProvider, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    changed, reason = METADATA_FAULTS[fault]
    for name, value in changed.items():
        is_text = isinstance(value, str)
        rogue.metadata[name] = value.format(issuer=rogue.issuer) if is_text else value
    rogue.answers["/nothing"] = lambda _: (200, {"keys": [{}, 5, {"kty": "oct", "k": "AA"}]})
    await problem(client, rogue.token(), 503)
    assert any(reason in str(vars(record)) for record in caplog.records)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60), st.binary(max_size=60), st.integers(0, 2))
def test_no_text_makes_the_check_fail_in_another_way(text: str, data: bytes, place: int) -> None:
    part = base64.urlsafe_b64encode(data).decode().rstrip("=")
    parts = ["eyJhbGciOiJSUzI1NiJ9", "e30", "AA"]
    parts[place] = part
    for token in (text, ".".join(parts)):
        with pytest.raises(InvalidJwt):
            check(token, [], "https://id.example", "urn:jobs")


KEY_NAMES = st.sampled_from(["keys", "kty", "crv", "alg", "kid", "use", "n", "e", "x", "y", "k"])
KEY_VALUES = st.sampled_from(["RSA", "EC", "OKP", "P-256", "Ed25519", "sig", "AQAB", "ES256"])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | KEY_VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEY_NAMES, inner, max_size=5),
    max_leaves=8,
)


@pytest.mark.heavy
@settings(max_examples=300, deadline=None)
@given(DOCUMENTS)
def test_no_document_of_keys_makes_a_listener_fail(document: Any) -> None:
    assert isinstance(read_keys(document), list)
    assert isinstance(read_keys({"keys": [document, {"kty": "RSA", "n": document, "e": 3}]}), list)

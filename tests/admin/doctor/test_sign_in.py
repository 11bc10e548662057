"""The check of the OpenID Connect provider."""

import socket
from collections.abc import Iterator
from functools import partial
from threading import Event
from typing import Any

import pytest

from admin.doctor.checks import sign_in
from admin.doctor.findings.finding import Finding
from tests.admin.doctor.conftest import MakeSubject
from tests.support.servers.rogue_provider import METADATA, RogueProvider, running_rogue_provider


@pytest.fixture
def rogue() -> Iterator[RogueProvider]:
    with running_rogue_provider() as running:
        yield running


def found(subject: MakeSubject, issuer: str) -> list[Finding]:
    given = {"OIDC_CLIENT_ID": "jobs", "GROUP_ROLES": "*:read", "OIDC_ISSUER": issuer}
    return list(sign_in.check(subject(**given)))


def test_without_a_provider_nothing_is_asked(subject: MakeSubject) -> None:
    assert list(sign_in.check(subject())) == []


def test_a_provider_with_metadata_and_keys_is_fine(
    subject: MakeSubject, rogue: RogueProvider
) -> None:
    rogue.clock_ahead = 20
    (good,) = found(subject, rogue.issuer)
    assert (good.level, good.what) == ("ok", f"OIDC_ISSUER={rogue.issuer} has 1 usable key")
    assert rogue.requests == [METADATA, "/jwks"]


@pytest.mark.parametrize("ahead", [-95, 45, 95])
def test_a_clock_that_differs_is_reported(
    subject: MakeSubject, rogue: RogueProvider, ahead: int
) -> None:
    rogue.clock_ahead = ahead
    _, skew = found(subject, rogue.issuer)
    assert skew.level == ("error" if abs(ahead) > 60 else "warning")
    assert f"{ahead:+}"[:2] in skew.what


def test_another_issuer_and_missing_keys_are_errors(
    subject: MakeSubject, rogue: RogueProvider
) -> None:
    (other,) = found(subject, f"{rogue.issuer}/")
    assert (other.level, f"its issuer is '{rogue.issuer}'" in other.what) == ("error", True)
    rogue.shown.clear()
    (without,) = found(subject, rogue.issuer)
    assert (without.level, without.what.endswith("/jwks has no usable key")) == ("error", True)
    del rogue.metadata["token_endpoint"]
    assert "no usable token_endpoint" in found(subject, rogue.issuer)[0].what
    answers: tuple[tuple[int, Any, str], ...] = (
        (302, {}, "Found"),
        (500, {}, "Internal Server Error"),
        (200, b"<html>", "Expecting value"),
        (200, [], "has no JSON object"),
    )
    for status, body, message in answers:
        rogue.answers[METADATA] = partial(lambda answer, _fields: answer, (status, body))
        (bad,) = found(subject, rogue.issuer)
        assert (bad.level, message in bad.what) == ("error", True), bad


def test_a_provider_that_is_down_or_says_nothing_is_an_error_after_a_second(
    subject: MakeSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        issuer = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (late,) = found(subject, issuer)
        assert "it does not respond within 1 s" in late.what or "timed out" in late.what
    (down,) = found(subject, issuer)
    assert "Connection refused" in down.what
    stop = Event()
    with monkeypatch.context() as patch:  # a name server that says nothing
        patch.setattr(socket, "getaddrinfo", lambda *_args, **_more: stop.wait(30) and [])
        assert "does not respond within 1 s" in found(subject, "http://id")[0].what
    stop.set()

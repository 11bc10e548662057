"""Event streams end with the session or the token that opened them."""

import time
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from tornado.ioloop import IOLoop

from server.auth import authenticate
from server.auth.sessions import COOKIE
from server.start.app import App
from tests.support.api import Client, open_app
from tests.support.event_clients import Followers
from tests.support.servers.rogue_provider import RogueProvider
from tests.support.stores import Bench

pytestmark = [pytest.mark.sqlite, pytest.mark.tornado]


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, rogue: RogueProvider) -> Iterator[App]:
    """A listener that knows this provider."""
    with open_app(bench, io_loop, **rogue.settings) as application:
        yield application


@pytest.mark.gen_test
async def test_a_stream_ends_with_the_session_that_opened_it(
    app: App, client: Client, follow: Followers
) -> None:
    assert app.sign_in
    openid = app.sign_in.openid
    _, value = openid.new_session("ann", ["ops"])
    cookie = {"Cookie": f"{COOKIE}={value}"}
    with patch.object(authenticate, "STREAM_SECONDS", 0.05):
        stream = await follow(client.base_url, "/events", headers=cookie)
        assert stream.status == 200
        await stream.begun()
        with patch.object(openid.seal, "clock", lambda: time.time() + openid.seconds):
            await stream.rest()
            again = await follow(client.base_url, "/events", headers=cookie)
            assert again.status == 401

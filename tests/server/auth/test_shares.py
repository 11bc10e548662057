"""Each caller has a share of what the service allows all of them together."""

import json
import os
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.events import shared_feed
from server.jobs.uploads import resumable_uploads
from server.start.app import App
from storage.jobs import pattern_sets
from storage.records.resumable_upload import UPLOAD_KEEP_SECONDS
from storage.schedules import schedules
from tests.support.api import Client, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.event_clients import Followers
from tests.support.stores import Bench

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]
SCHEDULE = {"type": "sleep", "payload": {"seconds": 0}, "cron": "@yearly"}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with tokens."""
    with (
        patch.object(shared_feed, "MAX_STREAMS", 4),
        open_app(bench, io_loop, api_tokens=API_TOKENS) as application,
    ):
        yield application


async def send(
    client: Client, caller: str, method: str, path: str, document: Any = None, **more: str
) -> HTTPResponse:
    body = json.dumps(document) if document else "" if method == "POST" else None
    headers = {**bearer(caller), **more}
    headers |= {"Content-Type": "application/json"} if document else {}
    return await client.fetch(path, method=method, body=body, headers=headers)


async def begin(client: Client, caller: str, size: int = 0) -> HTTPResponse:
    more = {"Upload-Length": str(size), "Upload-Metadata": "filename YS5sb2c="}
    return await send(client, caller, "POST", "/uploads", **more)


async def listed(client: Client, caller: str) -> list[str]:
    found = read(await send(client, caller, "GET", "/uploads"), 200)["items"]
    return [each["created_by"] for each in found]


async def test_no_caller_can_use_up_the_resumable_uploads_of_others(client: Client) -> None:
    with patch.object(resumable_uploads, "MAX_UPLOADS", 4):
        for _ in range(2):
            assert (await begin(client, "sue")).code == 201
        problem = read(await begin(client, "sue"), 409)
        assert problem["code"] == "too_many_uploads"
        assert problem["detail"].startswith("you have 2 of the 4 resumable uploads")
        for caller, status in (("ann", 201), ("ann", 409), ("ada", 201), ("ada", 409)):
            assert (await begin(client, caller)).code == status, caller


async def test_expired_uploads_count_no_more(client: Client, bench: Bench) -> None:
    with patch.object(resumable_uploads, "MAX_UPLOADS", 2):
        assert (await begin(client, "sue")).code == 201
        assert (await begin(client, "sue")).code == 409
        past = time.time() - UPLOAD_KEEP_SECONDS - 60
        (folder,) = (bench.store.settings.data_dir / "uploads" / "partial").iterdir()
        info = json.loads((folder / "info").read_bytes())
        (folder / "info").write_text(json.dumps({**info, "created_at": round(past * 1000)}))
        os.utime(folder / "data", (past, past))
        assert await listed(client, "sue") == []
        assert (await begin(client, "sue")).code == 201


async def test_callers_list_and_delete_their_uploads_and_admins_those_of_all(
    client: Client,
) -> None:
    paths = [(await begin(client, name, 5)).headers["Location"] for name in ("sue", "ann", "sue")]
    assert await listed(client, "sue") == ["sue", "sue"]
    assert await listed(client, "rob") == []
    assert await listed(client, "ada") == ["sue", "ann", "sue"]
    for caller, status in (("ann", 403), ("ada", 204)):
        assert (await send(client, caller, "DELETE", paths[0])).code == status
    assert await listed(client, "ada") == ["ann", "sue"]


@pytest.mark.parametrize(
    ("module", "limit", "path", "document"),
    [
        (pattern_sets, "MAX_PATTERN_SETS", "/pattern-sets", {"patterns": ["x"]}),
        (schedules, "MAX_SCHEDULES", "/schedules", SCHEDULE),
    ],
)
async def test_no_caller_can_use_up_what_is_saved_under_names(
    client: Client, module: Any, limit: str, path: str, document: Any
) -> None:
    callers = ("sue", "sue", "sue", "ann", "ann", "ada", "ada")
    with patch.object(module, limit, 4):
        statuses = [
            (await send(client, caller, "PUT", f"{path}/s{number}", document)).code
            for number, caller in enumerate(callers)
        ]
    assert statuses == [201, 201, 409, 201, 409, 201, 409]


async def test_no_caller_can_use_up_the_event_streams(follow: Followers, client: Client) -> None:
    for caller, status in (
        ("rob", 200),
        ("rob", 200),
        ("rob", 503),
        ("ann", 200),
        ("ann", 503),
        ("ada", 200),
        ("ada", 503),
    ):
        follower = await follow(client.base_url, "/events", headers=bearer(caller))
        assert follower.status == status, caller

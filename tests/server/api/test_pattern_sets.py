"""Pattern sets over HTTP: they are saved, listed, replaced and deleted by permitted callers."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from tornado.httpclient import HTTPResponse
from tornado.ioloop import IOLoop

from server.api.pattern_sets.documents import MAX_SET_BYTES, MAX_SET_PATTERNS
from server.api.pattern_sets.lookup import BUILT_IN
from server.start.app import App
from storage.jobs import pattern_sets
from tests.support.api import Client, fields, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.stores import Bench

pytestmark = pytest.mark.gen_test(timeout=50)
PATTERNS = ["ERROR", {"name": "slow", "pattern": "took [0-9]{4,}", "regex": True}]
BODY = {"patterns": PATTERNS, "description": "of the shop"}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with tokens."""
    with open_app(bench, io_loop, api_tokens=API_TOKENS) as application:
        yield application


async def put(
    client: Client, name: str, body: Any = BODY, caller: str = "ann", **headers: str
) -> HTTPResponse:
    """Save a set; bytes are sent as text. "_" in a header's name stands for "-"."""
    kind = "text/plain; charset=utf-8" if isinstance(body, bytes) else "application/json"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Content-Type": kind, **bearer(caller), **more}
    return await client.fetch(f"/pattern-sets/{name}", method="PUT", body=content, headers=sent)


async def get(client: Client, path: str = "", status: int = 200) -> Any:
    return await client.get(f"/pattern-sets{path}", status, headers=bearer("rob"))


async def delete(client: Client, name: str, caller: str = "ann", **more: str) -> HTTPResponse:
    headers = {**bearer(caller), **more}
    return await client.fetch(f"/pattern-sets/{name}", method="DELETE", headers=headers)


@pytest.mark.heavy
async def test_a_set_is_saved_read_replaced_and_deleted(client: Client) -> None:
    response = await put(client, "shop")
    made = read(response, 201)
    assert response.headers["Location"] == "/pattern-sets/shop"
    assert made == {
        "name": "shop",
        "built_in": False,
        "description": "of the shop",
        "pattern_count": 2,
        "created_by": "ann",
        "changed_by": "ann",
        "created_at": made["created_at"],
        "changed_at": made["created_at"],
        "version": 1,
        "patterns": PATTERNS,
    }
    assert await get(client, "/shop") == made
    changed = read(await put(client, "shop", {"patterns": ["x"]}, "ada"), 200)
    assert (changed["created_by"], changed["changed_by"], changed["version"]) == ("ann", "ada", 2)
    assert changed["created_at"] == made["created_at"] < changed["changed_at"]
    assert (changed["patterns"], changed["description"]) == (["x"], "")
    assert (await delete(client, "shop")).code == 204
    assert (await get(client, "/shop", 404))["code"] == "pattern_set_not_found"
    assert read(await delete(client, "shop"), 404)["code"] == "pattern_set_not_found"


@pytest.mark.heavy
async def test_the_list_has_saved_and_built_in_sets_without_their_patterns(client: Client) -> None:
    await put(client, "shop")
    listed = (await get(client))["items"]
    names = [each["name"] for each in listed]
    assert names == sorted([*BUILT_IN, "shop"])
    assert all("patterns" not in each for each in listed)
    by_name = {each["name"]: each for each in listed}
    assert (by_name["shop"]["built_in"], by_name["shop"]["pattern_count"]) == (False, 2)
    nginx = await get(client, "/nginx")
    assert nginx["built_in"]
    assert nginx["pattern_count"] == len(nginx["patterns"]) == len(BUILT_IN["nginx"].patterns)
    assert by_name["nginx"] == {key: nginx[key] for key in nginx if key != "patterns"}


async def test_a_text_has_one_pattern_on_each_line(client: Client) -> None:
    text = "\ufeffone\r\n\n  two words  \none\nnaïve (\n".encode()
    saved = read(await put(client, "shop", text), 201)
    assert saved["patterns"] == ["one", "  two words  ", "naïve ("]
    problem = read(await put(client, "shop", b"a\n\xff"), 422)
    assert fields(problem) == ["body"]
    assert "position 2" in problem["detail"]
    assert fields(read(await put(client, "shop", b"\n\n"), 422)) == ["patterns"]
    assert (await get(client, "/shop"))["version"] == 1


@pytest.mark.heavy
async def test_a_built_in_set_is_neither_replaced_nor_deleted(client: Client) -> None:
    for response in (await put(client, "nginx", caller="ada"), await delete(client, "nginx")):
        problem = read(response, 409)
        assert problem["code"] == "pattern_set_built_in"
        assert "save it under another name" in problem["detail"]
    assert (await get(client, "/nginx"))["built_in"]


@pytest.mark.heavy
async def test_a_saved_set_stays_when_a_later_release_has_one_of_its_name(client: Client) -> None:
    with patch.dict(BUILT_IN):
        nginx = BUILT_IN.pop("nginx")  # type: ignore[attr-defined]
        await put(client, "nginx")
        BUILT_IN["nginx"] = nginx  # type: ignore[index]
        assert (await get(client, "/nginx"))["patterns"] == PATTERNS
        assert [each["name"] for each in (await get(client))["items"]].count("nginx") == 1
        assert (await put(client, "nginx", {"patterns": ["x"]})).code == 200
        assert (await delete(client, "nginx")).code == 204
        assert (await get(client, "/nginx"))["built_in"]


@pytest.mark.heavy
async def test_only_admins_change_sets_of_others(client: Client) -> None:
    await put(client, "shop")
    for response in (await put(client, "shop", caller="sue"), await delete(client, "shop", "sue")):
        assert read(response, 403)["code"] == "not_your_pattern_set"
    assert (await put(client, "shop", caller="rob")).code == 403
    assert (await delete(client, "shop", "rob")).code == 403
    assert (await put(client, "shop", caller="ada")).code == 200
    assert (await put(client, "shop")).code == 200  # it is still the set of ann
    assert (await delete(client, "shop", "ada")).code == 204


@pytest.mark.heavy
async def test_a_set_is_changed_only_if_its_etag_matches(client: Client) -> None:
    assert (await put(client, "shop", If_Match="*")).code == 412
    assert (await put(client, "shop", If_None_Match="*")).code == 201
    assert (await put(client, "shop", If_None_Match="*")).code == 412
    response = await client.fetch("/pattern-sets/shop", headers=bearer("rob"))
    old = response.headers["Etag"]
    same = {**bearer("rob"), "If-None-Match": old}
    assert (await client.fetch("/pattern-sets/shop", headers=same)).code == 304
    assert (await put(client, "shop", If_Match=old)).code == 200
    assert read(await put(client, "shop", If_Match=old), 412)["code"] == "precondition_failed"
    assert read(await delete(client, "shop", **{"If-Match": old}), 412)
    assert (await delete(client, "none", **{"If-Match": old})).code == 404
    new = (await client.fetch("/pattern-sets/shop", headers=bearer("rob"))).headers["Etag"]
    assert (await delete(client, "shop", **{"If-Match": new})).code == 204


@pytest.mark.heavy
async def test_of_changes_at_once_with_one_etag_one_is_made(client: Client) -> None:
    made = await put(client, "shop")
    assert made.code == 201
    etag = (await client.fetch("/pattern-sets/shop", headers=bearer("rob"))).headers["Etag"]
    bodies = [{"patterns": [f"p{number}"]} for number in range(8)]
    answers = await asyncio.gather(*(put(client, "shop", b, If_Match=etag) for b in bodies))
    codes = [answer.code for answer in answers]
    assert sorted(codes) == [200] + [412] * 7
    saved = await get(client, "/shop")
    assert saved["patterns"] == bodies[codes.index(200)]["patterns"]
    assert saved["version"] == 2


@pytest.mark.heavy
@SQLITE
@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ([], ["body"]),
        ({}, ["patterns"]),
        ({"patterns": "auto"}, ["patterns"]),
        ({"patterns": []}, ["patterns"]),
        ({"patterns": ["x"] * (MAX_SET_PATTERNS + 1)}, ["patterns"]),
        ({"patterns": ["a", ""]}, ["patterns[1]"]),
        ({"patterns": [5]}, ["patterns[0]"]),
        ({"patterns": ["a", "b", "a"]}, ["patterns[2]"]),
        ({"patterns": ["a", {"pattern": "(", "regex": True}]}, ["patterns[1]"]),
        ({"patterns": [{"pattern": "x*", "regex": True}]}, ["patterns[0]"]),
        ({"patterns": [{"none": ["x"]}]}, ["patterns[0]"]),
        ({"patterns": ["x"], "description": "x" * 501}, ["description"]),
        ({"patterns": ["x"], "pattern_sets": ["nginx"]}, ["pattern_sets"]),
    ],
)
async def test_a_wrong_set_is_refused_with_the_field(
    client: Client, body: Any, wrong: list[str]
) -> None:
    assert fields(read(await put(client, "shop", body), 422)) == wrong
    await get(client, "/shop", 404)


@SQLITE
async def test_wrong_names_sizes_and_media_types_are_refused(client: Client) -> None:
    for name in ("Shop", "-a", "a" * 65, "%C3%A4", "a%20b", "a%00b"):
        assert fields(read(await put(client, name), 422)) == ["name"]
        await get(client, f"/{name}", 404)
        assert read(await delete(client, name), 404)
    large = {"patterns": ["x" * MAX_SET_BYTES]}
    assert read(await put(client, "shop", large), 413)["code"] == "body_too_large"
    assert (await put(client, "shop", Content_Type="text/csv")).code == 415


@pytest.mark.heavy
async def test_there_is_a_limit_of_sets(client: Client) -> None:
    with patch.object(pattern_sets, "MAX_PATTERN_SETS", 1):
        assert (await put(client, "a")).code == 201
        assert read(await put(client, "b"), 409)["code"] == "too_many_pattern_sets"
        assert (await put(client, "a")).code == 200


@pytest.mark.heavy
@SQLITE
async def test_changes_are_logged_with_their_caller(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "server.http.request_log")
    await put(client, "shop")
    await delete(client, "shop", "ada")
    lines = [vars(record) for record in caplog.records if record.message == "change"]
    assert [(line["caller"], line["action"], line["pattern_set"]) for line in lines] == [
        ("ann", "put pattern set", "shop"),
        ("ada", "delete pattern set", "shop"),
    ]

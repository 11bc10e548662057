"""Analyses that name pattern sets: by JSON, by forms and by `/analyze`."""

import json
from typing import Any
from uuid import uuid4

import pytest

from server.api.pattern_sets.lookup import BUILT_IN
from server.jobs.validation.submission import SMALL_BYTES
from storage.records.filters import Filters
from tests.server.api.jobs.test_reuse import end
from tests.support.api import Client, fields, form, read
from tests.support.stores import Bench

pytestmark = pytest.mark.gen_test(timeout=50)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NGINX = [dict(each.document()) for each in BUILT_IN["nginx"].patterns]
MINE = ["ERROR", {"name": "slow", "pattern": "took [0-9]{4,}", "regex": True}]
LOG = b"ERROR\nWARN\n"


async def save(client: Client, name: str, patterns: list[Any]) -> None:
    body = json.dumps({"patterns": patterns}).encode()
    headers = {"Content-Type": "application/json"}
    path = f"/pattern-sets/{name}"
    response = await client.fetch(path, method="PUT", body=body, headers=headers)
    assert response.code in (200, 201)


async def submit(client: Client, status: int = 202, key: str = "", **payload: Any) -> Any:
    """Submit a form with a file, and the payload before it."""
    parts = [("type", None, b"analyze"), ("payload", None, json.dumps(payload).encode())]
    body, content_type = form([*parts, ("filename", f"{uuid4()}.log", LOG)])
    headers = {"Content-Type": content_type, **({"Idempotency-Key": key} if key else {})}
    return read(await client.fetch("/jobs", method="POST", body=body, headers=headers), status)


async def payload_of(client: Client, submitted: Any) -> Any:
    return (await client.get(f"/jobs/{submitted['job_id']}"))["payload"]


@pytest.mark.heavy
async def test_the_job_has_the_names_and_all_patterns(client: Client) -> None:
    await save(client, "mine", MINE)
    submitted = await submit(client, patterns=["WARN"], pattern_sets=["mine", "nginx"])
    expected = {"patterns": ["WARN", *MINE, *NGINX], "pattern_sets": ["mine", "nginx"]}
    assert await payload_of(client, submitted) == expected
    submitted = await submit(client, pattern_sets=["mine"])
    assert await payload_of(client, submitted) == {"patterns": MINE, "pattern_sets": ["mine"]}


@pytest.mark.heavy
async def test_a_later_change_of_the_set_does_not_change_the_job(client: Client) -> None:
    await save(client, "mine", MINE)
    submitted = await submit(client, pattern_sets=["mine"])
    await save(client, "mine", ["other"])
    assert (await payload_of(client, submitted))["patterns"] == MINE
    await client.fetch("/pattern-sets/mine", method="DELETE")
    assert (await payload_of(client, submitted))["patterns"] == MINE
    assert fields(await submit(client, 422, pattern_sets=["mine"])) == ["payload.pattern_sets[0]"]


@pytest.mark.heavy
@SQLITE
@pytest.mark.parametrize("padding", [b"", b" " * SMALL_BYTES], ids=["small", "large"])
@pytest.mark.parametrize("slow", [{}, {"X-Plain": "no"}], ids=["fast path", "handler"])
async def test_json_with_a_source_names_sets_on_both_paths(
    client: Client, padding: bytes, slow: dict[str, str]
) -> None:
    await save(client, "mine", MINE)
    source = {"job_id": (await submit(client, patterns=["x"]))["job_id"]}
    payload = {"source": source, "pattern_sets": ["mine"], "patterns": ["WARN"]}
    body = json.dumps({"type": "analyze", "payload": payload}).encode() + padding
    headers = {"Content-Type": "application/json", **slow}
    response = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    stored = await payload_of(client, read(response, 202))
    assert stored == {**payload, "patterns": ["WARN", *MINE]}
    payload["pattern_sets"] = ["mine", "ngnix"]
    body = json.dumps({"type": "analyze", "payload": payload}).encode() + padding
    problem = read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 422)
    assert fields(problem) == ["payload.pattern_sets[1]"]
    assert "did you mean nginx?" in problem["detail"]


@SQLITE
async def test_the_payload_may_follow_the_file(client: Client) -> None:
    file = ("filename", "app.log", LOG)
    parts = [("type", None, b"analyze"), file, ("payload", None, b'{"pattern_sets": ["nginx"]}')]
    submitted = await client.post_form(parts)
    assert (await payload_of(client, submitted))["patterns"] == NGINX
    parts[2] = ("payload", None, b'{"pattern_sets": ["none"]}')
    assert fields(await client.post_form(parts, 422)) == ["payload.pattern_sets[0]"]


@pytest.mark.heavy
@SQLITE
async def test_analyze_takes_sets_as_parameters(client: Client, bench: Bench) -> None:
    await save(client, "mine", MINE)
    for path in ("/analyze?wait=0&set=mine&set=nginx&p=WARN", "/analyze/a.log?wait=0&set=mine"):
        assert (await client.fetch(path, method="PUT", body=LOG)).code == 202
    newest, older = bench.jobs.list(Filters(), 9).jobs
    assert newest.payload == {"patterns": MINE, "pattern_sets": ["mine"]}
    assert older.payload["patterns"] == ["WARN", *MINE, *NGINX]
    for query, field in (
        ("set=none", "set"),
        ("set=mine&set=none", "set[1]"),
        ("set=No", "set"),
        ("set=mine&p=&p=x", "p[0]"),
    ):
        response = await client.fetch(f"/analyze?wait=0&{query}", method="POST", body=LOG)
        assert fields(read(response, 422)) == [field], query
    assert len(bench.jobs.list(Filters(), 9).jobs) == 2


@pytest.mark.heavy
@SQLITE
@pytest.mark.parametrize(
    ("payload", "wrong"),
    [
        ({"pattern_sets": ["mine", "nope"]}, ["pattern_sets[1]"]),
        ({"pattern_sets": ["mine", "No"]}, ["pattern_sets[1]"]),
        ({"pattern_sets": ["a/b"]}, ["pattern_sets[0]"]),
        ({"pattern_sets": [5]}, ["pattern_sets[0]"]),
        ({"pattern_sets": "mine"}, ["pattern_sets"]),
        ({"pattern_sets": None}, ["pattern_sets"]),
        ({"pattern_sets": ["mine"] * 21}, ["pattern_sets"]),
        ({"pattern_sets": ["mine"], "patterns": 5}, ["patterns"]),
        ({"pattern_sets": ["mine"], "patterns": ["a", ""]}, ["patterns[1]"]),
        ({"pattern_sets": ["mine"], "patterns": []}, []),
        ({"pattern_sets": ["mine"], "patterns": [f"p{n}" for n in range(999)]}, ["patterns"]),
        ({"pattern_sets": ["mine", "other"]}, ["pattern_sets[1]"]),
    ],
)
async def test_wrong_sets_are_refused_with_the_field(
    client: Client, payload: Any, wrong: list[str]
) -> None:
    await save(client, "mine", MINE)
    await save(client, "other", [{"name": "slow", "pattern": "took"}])
    problem = await submit(client, 422 if wrong else 202, **payload)
    assert fields(problem) == [f"payload.{field}" for field in wrong]


@pytest.mark.heavy
@SQLITE
async def test_an_unknown_name_lists_near_names(client: Client) -> None:
    await save(client, "postgres-slow", MINE)
    problem = await submit(client, 422, pattern_sets=["postgre"])
    assert problem["errors"][0]["code"] == "unknown"
    assert "did you mean postgres or postgres-slow?" in problem["detail"]
    problem = await submit(client, 422, pattern_sets=["zzz"])
    assert "did you mean" not in problem["detail"]
    assert "GET /pattern-sets lists all" in problem["detail"]


@pytest.mark.heavy
async def test_reuse_compares_the_patterns_and_not_the_names(client: Client, bench: Bench) -> None:
    await save(client, "mine", MINE)
    first = await submit(client, pattern_sets=["mine"], reuse=True)
    end(bench)
    again = await submit(client, 200, pattern_sets=["mine"], reuse=True)
    assert again["reused_from"] == first["job_id"]
    listed = await submit(client, 200, patterns=MINE, reuse=True)
    assert listed["reused_from"] == first["job_id"]
    await save(client, "copy", MINE)
    copied = await submit(client, 200, pattern_sets=["copy"], reuse=True)
    assert copied["reused_from"] == first["job_id"]
    await save(client, "mine", [*MINE, "more"])
    assert "reused_from" not in await submit(client, pattern_sets=["mine"], reuse=True)


@pytest.mark.heavy
async def test_a_key_stands_for_its_job_also_after_the_set_was_changed(client: Client) -> None:
    await save(client, "mine", MINE)
    source = {"job_id": (await submit(client, patterns=["x"]))["job_id"]}
    job = {"type": "analyze", "payload": {"source": source, "pattern_sets": ["mine"]}}
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    body = json.dumps(job).encode()
    first = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    await save(client, "mine", ["other"])
    again = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert read(again, 202)["job_id"] == read(first, 202)["job_id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    job["payload"] = {"source": source, "pattern_sets": ["nginx"]}
    body = json.dumps(job).encode()
    other = await client.fetch("/jobs", method="POST", body=body, headers=headers)
    assert read(other, 422)["code"] == "key_reused"

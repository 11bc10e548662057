"""`GET /jobs/ID/range` over real sockets."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from loganalysis import analyze, read_request
from tests.support.api import Client
from tests.support.stores import RETURNED, Bench

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]


def log() -> bytes:
    """An hour with a line each second, and a minute in which one host fails."""
    lines = []
    for second in range(3600):
        at = f"2026-11-25T13:{second // 60:02}:{second % 60:02}Z"
        host = f"web-{second % 3}"
        lines.append(f'{{"time":"{at}","level":"INFO","host":"{host}","msg":"served {second}"}}')
        if 1800 <= second < 1860:
            lines += [f'{{"time":"{at}","level":"ERROR","host":"web-2","msg":"disk full"}}'] * 3
    return "\n".join(lines).encode()


async def analyzed(client: Client, bench: Bench, folder: Path, **payload: Any) -> str:
    """The id of a job that has analyzed the log."""
    (folder / "app.log").write_bytes(log())
    result = analyze(folder / "app.log", read_request(payload))
    parts = [("type", None, b"analyze"), ("payload", None, json.dumps(payload).encode())]
    accepted = await client.post_form([*parts, ("filename", "app.log", b"x\n")], 202)
    runner = bench.runner()
    with runner.claims.transaction():
        fence = runner.claim_one()
    with runner.claims.transaction():
        runner.claims.complete(fence, json.dumps(result), RETURNED)
    return str(accepted["job_id"])


async def test_a_range_is_explained_by_what_differs_in_it(
    client: Client, bench: Bench, tmp_path: Path
) -> None:
    job_id = await analyzed(client, bench, tmp_path, explain=True)
    query = "from=2026-11-25T13:30:00Z&to=2026-11-25T13:31:00Z"
    found = await client.get(f"/jobs/{job_id}/range?{query}")
    assert (found["from"], found["until"]) == (
        "2026-11-25T13:30:00.000Z",
        "2026-11-25T13:31:00.000Z",
    )
    assert found["lines"] == 240
    names = [(each["kind"], each["text"]) for each in found["causes"]]
    assert ("level", "ERROR") in names
    assert ("template", "disk full") in names
    host = next(each for each in found["causes"] if each["field"] == "host")
    assert (host["key"], host["inside"]) == ("web-2", 200)
    assert found["first"][0]["template"] == "disk full"
    job = await client.get(f"/jobs/{job_id}")
    (explanation,) = job["result"]["overview"]["explanations"]
    assert explanation == found


async def test_times_may_be_relative_to_the_end_of_the_log(
    client: Client, bench: Bench, tmp_path: Path
) -> None:
    job_id = await analyzed(client, bench, tmp_path, overview=True)
    found = await client.get(f"/jobs/{job_id}/range?from=-10m")
    assert found["until"] == "2026-11-25T14:00:00.000Z"
    assert found["causes"] == []
    assert found["reasons"] == []


@pytest.mark.parametrize(
    ("query", "field", "detail"),
    [
        ("", "from", ""),
        ("from=yesterday", "from", "it must be"),
        ("from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", "from", "no time in this range"),
        ("from=-1m&to=-10m", "from", "no time in this range"),
    ],
)
async def test_ranges_that_are_not_in_the_log_are_refused(
    client: Client, bench: Bench, tmp_path: Path, query: str, field: str, detail: str
) -> None:
    job_id = await analyzed(client, bench, tmp_path, overview=True)
    problem = await client.get(f"/jobs/{job_id}/range?{query}", 422)
    (error,) = problem["errors"]
    assert error["field"] == field
    assert detail in error["detail"]


async def test_only_analyses_with_a_timeline_have_ranges(
    client: Client, bench: Bench, tmp_path: Path
) -> None:
    job_id = await analyzed(client, bench, tmp_path, patterns=["ERROR"])
    problem = await client.get(f"/jobs/{job_id}/range?from=-1m", 409)
    assert "has no timeline" in problem["detail"]
    await client.get(f"/jobs/{uuid4()}/range?from=-1m", 404)

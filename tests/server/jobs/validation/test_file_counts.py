"""A job with more or fewer files than its type takes is refused when it is submitted."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from server.start.app import App
from tests.support.api import Client, fields, form, open_app, read
from tests.support.stores import Bench, upload_files

TYPES = "runner.job_types,tests.support.job_types.file_counts"
pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with functions that take files."""
    with open_app(bench, io_loop, job_types=TYPES) as application:
        yield application


async def send(client: Client, type: str, parts: list[Any], status: int, query: str = "") -> Any:
    head = [("type", None, type.encode()), ("payload", None, b"{}")]
    body, kind = form([*head, *parts])
    headers = {"Content-Type": kind}
    response = await client.fetch(f"/jobs{query}", method="POST", body=body, headers=headers)
    return read(response, status)


def several(count: int) -> list[Any]:
    return [("files", f"{number}.txt", b"text") for number in range(count)]


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
@pytest.mark.parametrize(
    ("type", "count", "detail"),
    [
        ("pair", 1, "it takes these files in this order: before, after; it got 1"),
        ("pair", 3, "it takes these files in this order: before, after; it got 3"),
        ("some", 3, "first, second (may be left out); it got 3"),
        ("trips", 1, "cannot check it: SystemExit: 2"),
    ],
)
async def test_a_wrong_number_of_files_is_refused(
    client: Client, bench: Bench, type: str, count: int, detail: str, query: str
) -> None:
    problem = await send(client, type, several(count), 422, query)
    assert fields(problem) == ["files"]
    assert detail in problem["errors"][0]["detail"]
    folder = bench.store.settings.data_dir / "uploads"
    assert not upload_files(folder)


async def test_one_file_of_two_is_refused_before_it_is_read(client: Client) -> None:
    problem = await send(client, "pair", [("file", "a.txt", b"text")], 422)
    assert fields(problem) == ["files"]


@pytest.mark.parametrize(
    ("type", "count"), [("pair", 2), ("some", 1), ("some", 2), ("many", 1), ("many", 5)]
)
async def test_the_right_number_of_files_is_accepted(client: Client, type: str, count: int) -> None:
    assert "job_id" in await send(client, type, several(count), 202)


async def test_an_archive_of_an_earlier_job_may_have_any_number_of_files(client: Client) -> None:
    accepted = await send(client, "pair", several(2), 202)
    archive = await client.fetch(f"/jobs/{accepted['job_id']}/upload")
    assert "job_id" in await send(client, "pair", [("file", "two.zip", archive.body)], 202)


async def test_fields_behind_several_files_are_checked_as_well(client: Client) -> None:
    late = [*several(2), ("timeout", None, json.dumps(-1).encode())]
    assert fields(await send(client, "pair", late, 422)) == ["timeout"]

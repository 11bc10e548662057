"""The ids of jobs tell which cell has them."""

import time
from collections.abc import Iterator
from uuid import UUID

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from server.settings.server import ServerSettings
from server.start.app import App
from storage.records.ids import MAX_CELLS, new_id
from storage.settings.settings import SettingsError
from tests.support.api import Client, analyze_form, open_app
from tests.support.stores import Bench

SLEEP = {"type": "sleep", "payload": {"seconds": 1}}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    with open_app(bench, io_loop, cell=0xABC) as application:
        yield application


@pytest.fixture
def client(app: App, http_client: AsyncHTTPClient, base_url: str) -> Client:
    return Client(http_client, base_url)


@pytest.mark.gen_test
async def test_all_job_ids_of_a_cell_contain_its_number(client: Client) -> None:
    answers = [
        await client.post("/jobs", SLEEP, status=202),
        await client.post_form(analyze_form(b"x"), status=202),
    ]
    for answer in answers:
        assert answer["job_id"][14:18] == "7abc"
        assert (await client.get(f"/jobs/{answer['job_id']}"))["status"] == "queued"


@pytest.mark.parametrize("cell", [None, 0, 1, MAX_CELLS - 1])
def test_ids_of_a_cell_are_distinct_and_of_version_7(cell: int | None) -> None:
    before = time.time_ns() // 10**6
    ids = [new_id(cell) for _ in range(1000)]
    assert len(set(ids)) == len(ids)
    for each in ids:
        assert each.version == 7
        assert each.variant == UUID(int=0x8 << 60).variant
        assert before <= each.int >> 80 <= time.time_ns() // 10**6
    cells = {each.int >> 64 & (MAX_CELLS - 1) for each in ids}
    assert cells == {cell} or cell is None


def test_a_cell_number_that_is_too_large_is_refused() -> None:
    assert ServerSettings.read({}).cell is None
    assert ServerSettings.read({"CELL": "4095"}).cell == 4095
    for wrong in ("4096", "-1", "a"):
        with pytest.raises(SettingsError, match="CELL"):
            ServerSettings.read({"CELL": wrong})

"""Near a full disk, new jobs are refused and everything else works."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

from server.http.problems import Problem
from server.jobs import admission
from server.jobs.admission import DiskWatermark
from server.start.app import App
from tests.support.api import Client, analyze_form, form, open_app
from tests.support.disk.small_disks import MIB, leave_free, small_disk
from tests.support.stores import Bench, open_bench, upload_files

WATERMARK = 4 * MIB
SLEEP = {"type": "sleep", "payload": {"seconds": 0}}


@pytest.fixture(autouse=True)
def read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "DISK_READ_SECONDS", 0.0)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "tmpfs", 16 * MIB) as folder:
        yield folder


@pytest.fixture
def database_url(request: pytest.FixtureRequest, disk: Path) -> Iterator[str]:
    """SQLite on the small disk, or PostgreSQL elsewhere, so that only uploads are on the disk."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield f"sqlite:///{disk / 'jobs.db'}"
    else:
        with request.getfixturevalue("postgres_server").new_database() as url:
            yield url


@pytest.fixture
def bench(database_url: str, disk: Path) -> Iterator[Bench]:
    with open_bench(database_url, disk) as bench:
        yield bench


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    with open_app(bench, io_loop, min_free_bytes=WATERMARK) as application:
        yield application


@pytest.fixture
def client(app: App, http_client: AsyncHTTPClient, base_url: str) -> Client:
    return Client(http_client, base_url)


def incoming(disk: Path) -> list[Path]:
    """The files of uploads, complete or not."""
    return upload_files(disk / "data/uploads")


@pytest.mark.gen_test
async def test_below_the_watermark_only_new_jobs_are_refused(client: Client, disk: Path) -> None:
    job_id = await client.sleep_job()
    with leave_free(disk, WATERMARK - 4096):
        for problem in (
            await client.post("/jobs", SLEEP, status=507),
            await client.post_form(analyze_form(), status=507),
        ):
            assert "MIN_FREE_BYTES" in problem["detail"]
            assert str(WATERMARK) in problem["detail"]
        assert (await client.get(f"/jobs/{job_id}"))["status"] == "queued"
        assert len((await client.get("/jobs"))["items"]) == 1
        assert (await client.get("/healthz"))["status"] == "ok"
        assert "MIN_FREE_BYTES" in (await client.get("/readyz", status=503))["detail"]
        answer = await client.fetch(f"/jobs/{job_id}/cancel", method="POST", body=b"")
        assert json.loads(answer.body)["status"] == "canceled"
    await client.post("/jobs", SLEEP)
    await client.post_form(analyze_form())


@pytest.mark.gen_test
@pytest.mark.parametrize("more", [{}, {"X-Plain": "no"}], ids=["plain", "not plain"])
async def test_a_refusal_says_when_to_try_again(
    client: Client, disk: Path, more: dict[str, str]
) -> None:
    with leave_free(disk, WATERMARK - 4096):
        headers = {"Content-Type": "application/json", **more}
        answer = await client.fetch("/jobs", method="POST", body=b"{}", headers=headers)
    assert (answer.code, answer.headers["Retry-After"]) == (507, "60")


@pytest.mark.gen_test
async def test_a_file_that_would_cross_the_watermark_is_refused_before_it_is_sent(
    client: Client, disk: Path
) -> None:
    host, port = client.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        "POST /jobs HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=cut\r\n"
        f"Expect: 100-continue\r\nContent-Length: {13 * MIB}\r\n\r\n"
    )
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 507 ")
    writer.close()
    assert incoming(disk) == []


@pytest.mark.gen_test
async def test_a_file_of_unknown_size_is_refused_and_removed_at_the_watermark(
    client: Client, disk: Path
) -> None:
    body, content_type = form(analyze_form(b"x" * 13 * MIB))
    pieces = (body[start : start + MIB] for start in range(0, len(body), MIB))

    async def send(write: Any) -> None:
        for piece in pieces:
            await write(piece)

    answer = await client.fetch(
        "/jobs", method="POST", headers={"Content-Type": content_type}, body_producer=send
    )
    assert answer.code == 507
    assert incoming(disk) == []
    assert (await client.get("/jobs"))["items"] == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.gen_test
async def test_with_postgresql_only_files_need_the_disk(client: Client, disk: Path) -> None:
    with leave_free(disk, WATERMARK - 4096):
        await client.post("/jobs", SLEEP)
        problem = await client.post_form(analyze_form(), status=507)
        assert "uploads" in problem["detail"]


def test_the_default_watermark_fits_a_small_disk(disk: Path) -> None:
    watermark = DiskWatermark(None, None, disk)
    watermark.admit_upload(0)
    with (
        leave_free(disk, 16 * MIB // admission.DEFAULT_DISK_FRACTION - 4096),
        pytest.raises(Problem),
    ):
        watermark.admit_upload(0)


def test_a_reading_of_the_free_space_serves_many_jobs(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []

    def read(folder: Path) -> Any:
        reads.append(folder)
        return disk_usage(folder)

    monkeypatch.setattr(admission, "DISK_READ_SECONDS", 60.0)
    monkeypatch.setattr(admission, "disk_usage", read)
    watermark = DiskWatermark(WATERMARK, disk, disk)
    for _ in range(9):
        watermark.admit(MIB)
    assert len(reads) == 1
    with leave_free(disk, WATERMARK - 4096):
        with pytest.raises(Problem):
            watermark.admit(4 * MIB)  # more than was free, less what the other jobs will need
        assert len(reads) == 2
    watermark.admit(4 * MIB)
    assert len(reads) == 3


def test_a_watermark_of_zero_is_off(disk: Path) -> None:
    with leave_free(disk, 0):
        DiskWatermark(0, disk, disk).admit_upload(0)


def test_crossing_the_watermark_is_logged_once_in_each_direction(
    disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    watermark = DiskWatermark(WATERMARK, disk, disk)
    with leave_free(disk, WATERMARK - 4096):
        for _ in range(3):
            with pytest.raises(Problem):
                watermark.admit(0)
    for _ in range(3):
        watermark.admit(0)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_missing_disk_is_a_503(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        DiskWatermark(0, tmp_path / "gone", tmp_path).admit(0)
    assert caught.value.status == 503

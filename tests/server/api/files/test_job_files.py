"""The files that jobs leave: their list, each of them, and all as one archive."""

import hashlib
import io
import zipfile
from urllib.parse import quote

import pytest
from tornado.httpclient import HTTPResponse

from server.api.files import downloads
from storage.files.artifacts import FolderArtifacts
from tests.support.api import Client, read
from tests.support.job_files import complete_with_files, stored_keys
from tests.support.stores import Bench

pytestmark = [pytest.mark.gen_test, pytest.mark.tornado]
FILES = {
    "a b.csv": b"1,2\n",
    "pages/index.html": b"<script>alert(1)</script>",
    "pages/größe #1?.txt": b"",
    "z.bin": bytes(range(256)) * 20_000,
}


async def job_with_files(client: Client, bench: Bench, files: dict[str, bytes]) -> str:
    """Submit a job, and let it succeed and leave files; returns its address."""
    job_id = await client.sleep_job()
    assert str(complete_with_files(bench, bench.runner(), files)) == job_id
    return f"/jobs/{job_id}"


async def fetch(client: Client, path: str, **headers: str) -> HTTPResponse:
    return await client.fetch(path, headers=headers)


async def test_all_files_are_listed_and_sent(client: Client, bench: Bench) -> None:
    job = await job_with_files(client, bench, FILES)
    assert (await client.get(job))["files"] == len(FILES)
    listed = (await client.get(f"{job}/files"))["files"]
    assert [each["name"] for each in listed] == sorted(FILES)
    for each in listed:
        content = FILES[each["name"]]
        assert (each["size"], each["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert each["url"] == f"{job}/files/{quote(each['name'])}"
        for path in (each["url"], f"{job}/files/{quote(each['name'], safe='')}"):
            response = await fetch(client, path)
            assert (response.code, response.body) == (200, content)
            assert response.headers["Etag"] == f'"{each["sha256"]}"'
            assert response.headers["Content-Disposition"].startswith("attachment; filename=")


@pytest.mark.sqlite
async def test_a_part_of_a_file_is_sent(client: Client, bench: Bench) -> None:
    job = await job_with_files(client, bench, FILES)
    response = await fetch(client, f"{job}/files/z.bin", Range="bytes=-3")
    assert (response.code, response.body) == (206, FILES["z.bin"][-3:])
    head = await client.fetch(f"{job}/files/z.bin", method="HEAD")
    assert (head.code, head.headers["Content-Length"]) == (200, str(len(FILES["z.bin"])))


@pytest.mark.sqlite
async def test_a_job_without_files_has_an_empty_list(client: Client) -> None:
    job_id = await client.sleep_job()
    assert await client.get(f"/jobs/{job_id}/files") == {"files": []}
    for path in ("files/a", "files.zip"):
        problem = await client.get(f"/jobs/{job_id}/{path}", 404)
        assert problem["code"] == "file_not_found"


@pytest.mark.sqlite
async def test_other_names_are_not_found(client: Client, bench: Bench) -> None:
    job = await job_with_files(client, bench, FILES)
    names = ("no", "Z.bin", "pages", "pages%2F", "..%2F..%2Fetc%2Fpasswd", "a%00b", "x" * 3000)
    for name in names:
        problem = await client.get(f"{job}/files/{name}", 404)
        assert problem["code"] == "file_not_found", name
        assert len(problem["detail"]) < 500
    assert (await client.get(f"{job}/files/%ff", 400))["code"] == "malformed_request"


async def test_all_files_are_one_archive(client: Client, bench: Bench) -> None:
    job = await job_with_files(client, bench, FILES)
    response = await fetch(client, f"{job}/files.zip")
    assert response.headers["Content-Type"] == "application/zip"
    assert response.headers["Content-Disposition"].endswith('.zip"')
    assert int(response.headers["Content-Length"]) == len(response.body)
    with zipfile.ZipFile(io.BytesIO(response.body)) as archive:
        assert archive.testzip() is None
        assert {each: archive.read(each) for each in archive.namelist()} == FILES
    etag = response.headers["Etag"]
    assert (await fetch(client, f"{job}/files.zip", **{"If-None-Match": etag})).code == 304
    refused = await fetch(client, f"{job}/files.zip", **{"If-Match": '"x"'})
    assert read(refused, 412)["code"] == "precondition_failed"
    head = await client.fetch(f"{job}/files.zip", method="HEAD")
    assert head.headers["Content-Length"] == response.headers["Content-Length"]
    assert head.body == b""


@pytest.mark.sqlite
async def test_a_file_that_is_gone_is_reported(client: Client, bench: Bench) -> None:
    job = await job_with_files(client, bench, {"a": b"1", "b": b"2"})
    artifacts = bench.store.artifacts
    assert isinstance(artifacts, FolderArtifacts)
    for key in stored_keys(bench):
        artifacts.path(key).unlink()
    for path in ("files/a", "files.zip"):
        assert (await client.get(f"{job}/{path}", 410))["code"] == "file_gone"


@pytest.mark.sqlite
async def test_files_are_gone_with_their_job(client: Client, bench: Bench) -> None:
    job = await job_with_files(client, bench, FILES)
    assert (await client.fetch(job, method="DELETE")).code == 204
    for path in ("files", "files/z.bin", "files.zip"):
        assert (await client.get(f"{job}/{path}", 404))["code"] == "job_not_found"
    assert stored_keys(bench) == set()


@pytest.mark.sqlite
async def test_too_many_archives_are_refused(
    client: Client, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_SLOW", 0)
    job = await job_with_files(client, bench, FILES)
    assert (await client.get(f"{job}/files.zip", 503))["code"] == "file_unavailable"
    assert (await fetch(client, f"{job}/files/z.bin")).body == FILES["z.bin"]

"""Submissions that name a file by its hash, and the question whether there is such a file."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
from tornado.ioloop import IOLoop

from server.jobs.uploads.stored_files import TRIES
from server.start.app import App
from storage.db.models import JobRow
from storage.records.job import StoreUnavailable
from tests.support.api import Client, open_app, read
from tests.support.callers import API_TOKENS, bearer
from tests.support.job_files import complete_with_files
from tests.support.stores import Bench, upload_files

pytestmark = [pytest.mark.gen_test, pytest.mark.tornado]
CONTENT = b"one ERROR\n" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


@pytest.fixture
def limits() -> dict[str, Any]:
    return {"min_free_bytes": 0}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop, limits: dict[str, Any]) -> Iterator[App]:
    with open_app(bench, io_loop, **limits) as application:
        yield application


def stored(bench: Bench) -> list[Path]:
    """All files of uploads."""
    folder = bench.store.settings.data_dir / "uploads"
    return sorted(upload_files(folder))


async def first_job(client: Client) -> str:
    """Submit a job with the file; return its id."""
    parts: list[tuple[str, str | None, bytes]] = [
        ("type", None, b"analyze"),
        ("payload", None, b'{"patterns": ["ERROR"]}'),
        ("filename", "first.log", CONTENT),
    ]
    return str((await client.post_form(parts))["job_id"])


async def submit(client: Client, sha256: Any = SHA256, status: int = 202, **more: Any) -> Any:
    document = {"type": "analyze", "payload": {"patterns": ["ERROR"]}}
    upload = {"sha256": sha256, "name": "again.log"}
    return await client.post("/jobs", {**document, "upload": upload, **more}, status)


async def status_of(client: Client, sha256: str, **headers: str) -> int:
    path = f"/files/sha256:{sha256}"
    return (await client.fetch(path, method="HEAD", headers=headers)).code


def field_of(problem: Any) -> tuple[str, str]:
    return problem["errors"][0]["field"], problem["errors"][0]["code"]


async def test_a_file_that_a_job_was_given_is_found_by_its_hash(client: Client) -> None:
    assert await status_of(client, SHA256) == 404
    job_id = await first_job(client)
    assert [await status_of(client, each) for each in (SHA256, SHA256.upper(), OTHER)] == [
        200,
        200,
        404,
    ]
    found = await client.get(f"/files/sha256:{SHA256}")
    assert found == {"sha256": SHA256, "size": len(CONTENT), "job_id": job_id}


@pytest.mark.parametrize("hash", [SHA256, "sha256:abc", f"md5:{SHA256}", f"sha256:{SHA256}0"])
@pytest.mark.sqlite
async def test_a_wrong_hash_in_a_path_is_404_and_an_example_is_told(
    client: Client, hash: str
) -> None:
    await first_job(client)
    problem = await client.get(f"/files/{hash}", 404)
    assert (problem["code"], "for example sha256:" in problem["detail"]) == ("file_not_found", True)


async def test_a_job_named_by_hash_has_a_file_of_its_own(client: Client, bench: Bench) -> None:
    first = await first_job(client)
    again = (await submit(client, SHA256.upper()))["job_id"]
    job = await client.get(f"/jobs/{again}")
    assert job["upload"] == {"name": "again.log", "size": len(CONTENT), "sha256": SHA256}
    files = stored(bench)
    assert [path.stat().st_nlink for path in files] == [2, 2]
    bench.store.uploads.delete([_upload_of(bench, first)])
    response = await client.fetch(f"/jobs/{again}/upload")
    assert (response.code, response.body) == (200, CONTENT)


def _upload_of(bench: Bench, job_id: str) -> Any:
    (row,) = bench.store.database.rows(JobRow.select(JobRow.upload_id).where(JobRow.id == job_id))
    return row["upload_id"]


async def test_a_file_that_a_job_has_left_is_used_by_its_hash(client: Client, bench: Bench) -> None:
    job_id = await client.sleep_job()
    complete_with_files(bench, bench.runner(), {"out/a.log": CONTENT, "b": b"b"})
    found = await client.get(f"/files/sha256:{SHA256}")
    assert found == {"sha256": SHA256, "size": len(CONTENT), "job_id": job_id}
    again = (await submit(client))["job_id"]
    assert (await client.fetch(f"/jobs/{job_id}", method="DELETE")).code == 204
    assert await status_of(client, SHA256) == 200
    response = await client.fetch(f"/jobs/{again}/upload")
    assert (response.code, response.body) == (200, CONTENT)


async def test_the_file_of_a_deleted_job_is_not_found(client: Client, bench: Bench) -> None:
    job_id = await client.sleep_job()
    complete_with_files(bench, bench.runner(), {"a.log": CONTENT})
    assert (await client.fetch(f"/jobs/{job_id}", method="DELETE")).code == 204
    assert await status_of(client, SHA256) == 404
    assert field_of(await submit(client, status=422)) == ("upload.sha256", "unknown")
    assert stored(bench) == []


async def test_a_file_that_is_deleted_meanwhile_is_refused_and_nothing_is_stored(
    client: Client, bench: Bench
) -> None:
    job_id = await first_job(client)
    bench.store.uploads.delete([_upload_of(bench, job_id)])
    problem = await submit(client, status=422)
    assert field_of(problem) == ("upload.sha256", "unknown")
    assert "it may have been deleted: send the file" in problem["errors"][0]["detail"]
    assert stored(bench) == []


async def test_another_equal_file_is_taken_if_one_is_gone(client: Client, bench: Bench) -> None:
    first = await first_job(client)
    await first_job(client)
    bench.store.uploads.delete([_upload_of(bench, first)])
    assert (await submit(client))["status"] == "queued"
    assert len(stored(bench)) == 2


@pytest.mark.sqlite
async def test_files_are_looked_for_again_if_all_that_were_found_are_gone(
    client: Client, bench: Bench
) -> None:
    await first_job(client)
    copy, tries = bench.store.uploads.copy, list[int]()

    def gone_at_first(*given: Any) -> Any:
        tries.append(1)
        return copy(*given) if len(tries) == TRIES else None

    with patch.object(bench.store.uploads, "copy", gone_at_first):
        assert (await submit(client))["status"] == "queued"


async def test_a_refused_or_known_job_leaves_no_copy(client: Client, bench: Bench) -> None:
    await first_job(client)
    problem = await submit(client, status=422, queue="nowhere")
    assert problem["errors"][0]["field"] == "queue"
    assert len(stored(bench)) == 1
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    body = (
        b'{"type": "analyze", "payload": {"patterns": ["x"]}, "upload": {"sha256": "%s"}}'
        % SHA256.encode()
    )
    ids = {
        read(await client.fetch("/jobs", method="POST", body=body, headers=headers), 202)["job_id"]
        for _ in range(2)
    }
    assert (len(ids), len(stored(bench))) == (1, 2)
    assert (await client.get(f"/jobs/{ids.pop()}"))["upload"]["name"] == "unnamed"


@pytest.mark.sqlite
async def test_a_failing_store_of_files_stores_no_job(client: Client, bench: Bench) -> None:
    await first_job(client)
    with patch.object(bench.store.uploads, "copy", side_effect=StoreUnavailable("no disk")):
        problem = await submit(client, status=503)
    assert problem["code"] == "store_unavailable"
    assert len((await client.get("/jobs"))["items"]) == 1


@pytest.mark.sqlite
async def test_a_dry_run_copies_nothing(client: Client, bench: Bench) -> None:
    await first_job(client)
    document = {"type": "analyze", "payload": {"patterns": ["ERROR"]}}
    upload = {"sha256": SHA256, "name": "a.log"}
    found = await client.post("/jobs?dry_run=true", {**document, "upload": upload}, 200)
    assert found["upload"] == {"name": "a.log", "size": len(CONTENT), "sha256": SHA256}
    upload = {"sha256": OTHER, "name": "a.log"}
    problem = await client.post("/jobs?dry_run=true", {**document, "upload": upload}, 422)
    assert field_of(problem) == ("upload.sha256", "unknown")
    assert len(stored(bench)) == 1


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("upload", "field", "text"),
    [
        ({"sha256": "abc"}, "upload.sha256", "64 hexadecimal digits, for example"),
        ({"sha256": 5}, "upload.sha256", "64 hexadecimal digits"),
        ({"sha256": None}, "upload.sha256", "64 hexadecimal digits"),
        ({"sha256": SHA256, "name": 5}, "upload.name", "text"),
        ({"sha256": SHA256, "name": "a" * 256}, "upload.name", "255"),
        ({"sha256": SHA256, "id": str(uuid4())}, "upload", "give either"),
        ({"name": "a.log"}, "upload", "give either"),
    ],
)
async def test_a_wrong_reference_is_named(
    client: Client, upload: dict[str, Any], field: str, text: str
) -> None:
    problem = await submit(client, status=422, upload=upload)
    error = problem["errors"][0]
    assert (error["field"], text in error["detail"]) == (field, True), problem


class TestSizes:
    @pytest.fixture
    def limits(self) -> dict[str, Any]:
        return {"max_upload_bytes": len(CONTENT) - 1, "min_free_bytes": 0}

    @pytest.mark.sqlite
    async def test_a_file_above_the_limit_of_uploads_is_refused(
        self, client: Client, bench: Bench
    ) -> None:
        await client.sleep_job()
        complete_with_files(bench, bench.runner(), {"a.log": CONTENT})
        count = len(stored(bench))
        assert (await submit(client, status=413))["code"] == "file_too_large"
        assert len(stored(bench)) == count


@pytest.mark.sqlite
class TestCallers:
    @pytest.fixture
    def limits(self) -> dict[str, Any]:
        return {"api_tokens": API_TOKENS, "min_free_bytes": 0}

    async def test_who_may_read_jobs_may_ask_and_who_may_submit_may_use(
        self, client: Client, bench: Bench
    ) -> None:
        body = b'{"type": "sleep", "payload": {"seconds": 5}}'
        headers = {"Content-Type": "application/json"}
        ann = headers | bearer("ann")
        read(await client.fetch("/jobs", method="POST", body=body, headers=ann), 202)
        complete_with_files(bench, bench.runner(), {"a.log": CONTENT})
        callers = (None, "rob", "sue", "ann", "ada")
        found = [await status_of(client, SHA256, **bearer(each)) for each in callers]
        assert found == [401, 200, 200, 200, 200]
        body = (
            b'{"type": "analyze", "payload": {"patterns": ["x"]}, "upload": {"sha256": "%s"}}'
            % SHA256.encode()
        )
        used = [
            await client.fetch("/jobs", method="POST", body=body, headers=headers | bearer(each))
            for each in callers
        ]
        assert [response.code for response in used] == [401, 403, 202, 202, 202]

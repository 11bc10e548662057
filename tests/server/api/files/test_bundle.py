"""`GET /jobs/ID/bundle`: all that is stored about a job, as a zip archive."""

import io
import json
import zipfile
from uuid import UUID

import pytest
from tornado.httpclient import HTTPResponse

from storage.records.job import Outcome
from tests.support.api import Client, analyze_form, listener_client, read
from tests.support.job_files import complete_with_files
from tests.support.stores import RAISED, Bench, id_at

pytestmark = [pytest.mark.gen_test, pytest.mark.tornado]
FILES = {"a b.csv": b"1,2\n", "pages/größe.txt": b""}


def members(response: HTTPResponse) -> dict[str, bytes]:
    """The files of a bundle, by their names."""
    assert response.code == 200
    assert response.headers["Content-Type"] == "application/zip"
    assert int(response.headers["Content-Length"]) == len(response.body)
    with zipfile.ZipFile(io.BytesIO(response.body)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


async def test_a_bundle_has_the_job_with_its_events(client: Client, bench: Bench) -> None:
    job_id = await client.sleep_job(tags=["x"])
    runner = bench.runner()
    runner.claims.fail(runner.claim_one(), RAISED)
    response = await client.fetch(f"/jobs/{job_id}/bundle")
    assert f'filename="{job_id}.bundle.zip"' in response.headers["Content-Disposition"]
    found = members(response)
    assert list(found) == ["bundle.json", "job.json", "events.json"]
    job = json.loads(found["job.json"])
    assert job == await client.get(f"/jobs/{job_id}?view=full")
    assert job["attempts"][0]["outcome"] == Outcome.RAISED
    about = json.loads(found["bundle.json"])
    assert (about["format"], about["job_id"], about["files"]) == (1, job_id, False)
    statuses = [each["status"] for each in json.loads(found["events.json"])]
    assert statuses == ["queued", "running", "failed"]


async def test_a_bundle_has_files_only_if_they_are_asked_for(client: Client, bench: Bench) -> None:
    job_id = (await client.post_form(analyze_form(b"one ERROR\n")))["job_id"]
    complete_with_files(bench, bench.runner(), FILES)
    assert len(members(await client.fetch(f"/jobs/{job_id}/bundle?files=false"))) == 3
    response = await client.fetch(f"/jobs/{job_id}/bundle?files=true")
    found = members(response)
    assert found["upload/data"] == b"one ERROR\n"
    left = {name.removeprefix("files/"): found[name] for name in found if name.startswith("files/")}
    assert left == FILES
    again = await client.fetch(
        f"/jobs/{job_id}/bundle?files=true", headers={"If-None-Match": response.headers["Etag"]}
    )
    assert again.code == 304
    head = await client.fetch(f"/jobs/{job_id}/bundle?files=true", method="HEAD")
    assert (head.code, head.headers["Content-Length"]) == (200, str(len(response.body)))


async def test_only_the_bundle_of_a_job_that_exists_is_sent(client: Client) -> None:
    read(await client.fetch(f"/jobs/{id_at(1)}/bundle"), 404)
    read(await client.fetch("/jobs/x/bundle"), 404)
    job_id = await client.sleep_job()
    problem = read(await client.fetch(f"/jobs/{job_id}/bundle?files=2"), 422)
    assert problem["errors"][0]["field"] == "files"


async def test_a_file_that_is_gone_breaks_the_bundle_off(client: Client, bench: Bench) -> None:
    job_id = (await client.post_form(analyze_form(b"one ERROR\n")))["job_id"]
    upload = bench.job(UUID(job_id)).upload
    assert upload is not None
    bench.store.uploads.delete([upload.id])
    read(await client.fetch(f"/jobs/{job_id}/bundle?files=true"), 410)


@pytest.mark.sqlite
async def test_a_caller_who_sees_only_its_own_jobs_gets_only_their_bundles(bench: Bench) -> None:
    tokens = {name: f"jst_{name}-0123456789" for name in ("bob", "eve")}
    entries = ",".join(f"{name}:read-own:{token}" for name, token in tokens.items())
    async with listener_client(bench, api_tokens=entries) as client:
        headers = {n: {"Authorization": f"Bearer {token}"} for n, token in tokens.items()}
        job_id = bench.enqueue(submitted_by="bob")
        for path in (f"/jobs/{job_id}/bundle", f"/jobs/{job_id}/bundle?files=true"):
            assert members(await client.fetch(path, headers=headers["bob"]))["job.json"]
            read(await client.fetch(path, headers=headers["eve"]), 404)
        for path in ("/audit", "/scale"):
            read(await client.fetch(path, headers=headers["bob"]), 403)

"""A job type's declarations decide what a submission can leave out: options, and a file."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from tornado.ioloop import IOLoop

from server.documents.field_errors import unknown_name
from server.start.app import App
from storage.records.job import Job
from tests.support.api import Client, fields, open_app
from tests.support.stores import Bench

TYPES = "runner.job_types,tests.support.job_types.declared"
pytestmark = pytest.mark.sqlite
DEFAULTS = {
    "timeout": 45,
    "max_retries": 4,
    "backoff": {"base": 2, "factor": 2, "max": 3600},
    "queue": "notes",
    "priority": 7,
    "keep_ms": 3_600_000,
}
NOTE = {"type": "note", "payload": {}}
LARGE = {"type": "note", "payload": {"text": "x" * 20_000}}
FILE = ("filename", "a.txt", b"text")


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application, with a job type that declares defaults, and their queue."""
    with open_app(bench, io_loop, job_types=TYPES) as application:
        application.queues.put("notes")
        yield application


def stored(bench: Bench, answer: Any) -> Job:
    job = bench.jobs.get(UUID(answer["job_id"]))
    assert job
    return job


def options(job: Job) -> dict[str, Any]:
    return {name: getattr(job, name) for name in DEFAULTS}


def form(document: dict[str, Any], *files: Any) -> list[Any]:
    texts = {name: json.dumps(value) for name, value in document.items()} | {"type": "note"}
    return [*((name, None, text.encode()) for name, text in texts.items()), *files]


@pytest.mark.heavy
@pytest.mark.parametrize("document", [NOTE, LARGE], ids=["small", "large"])
@pytest.mark.gen_test
async def test_a_submission_gets_the_defaults_of_its_job_type(
    client: Client, bench: Bench, document: dict[str, Any]
) -> None:
    assert options(stored(bench, await client.post("/jobs", document))) == DEFAULTS


@pytest.mark.gen_test
async def test_an_option_of_the_submission_replaces_the_default(
    client: Client, bench: Bench
) -> None:
    given = {"timeout": None, "priority": 0, "queue": "default", "keep_for": 5, "backoff": None}
    job = stored(bench, await client.post("/jobs", NOTE | given))
    assert (job.timeout, job.priority, job.queue, job.keep_ms) == (None, 0, "default", 5000)
    assert (job.backoff, job.max_retries) == (None, 4)


@pytest.mark.gen_test
async def test_other_job_types_keep_the_defaults_of_the_service(
    client: Client, bench: Bench
) -> None:
    job = stored(bench, await client.post("/jobs", {"type": "sleep", "payload": {"seconds": 0}}))
    assert (job.timeout, job.max_retries, job.queue, job.priority) == (None, 1, "default", 0)


@pytest.mark.gen_test
async def test_jobs_of_forms_and_batches_get_the_defaults(client: Client, bench: Bench) -> None:
    by_form = await client.post_form([*form(NOTE), FILE])
    assert options(stored(bench, by_form)) == DEFAULTS
    batch = await client.post("/jobs/batch", [NOTE, NOTE | {"priority": 1}])
    jobs = [stored(bench, {"job_id": job_id}) for job_id in batch["job_ids"]]
    found = [(job.priority, job.queue, job.timeout) for job in jobs]
    assert found == [(7, "notes", 45), (1, "notes", 45)]


@pytest.mark.gen_test
async def test_jobs_of_schedules_get_the_defaults(client: Client, bench: Bench) -> None:
    body = json.dumps(NOTE | {"every": 3600})
    headers = {"Content-Type": "application/json"}
    await client.fetch("/schedules/hourly", method="PUT", body=body, headers=headers)
    assert options(stored(bench, await client.post("/schedules/hourly/run", b""))) == DEFAULTS


@pytest.mark.gen_test
async def test_a_default_queue_that_does_not_exist_is_named(
    client: Client, app: App, bench: Bench
) -> None:
    app.queues.delete("notes")
    problem = await client.post("/jobs", NOTE, 422)
    assert fields(problem) == ["queue"]
    assert "there is no such queue, notes;" in problem["errors"][0]["detail"]


@pytest.mark.gen_test
async def test_a_file_can_be_optional(client: Client, bench: Bench) -> None:
    assert stored(bench, await client.post("/jobs", NOTE)).upload is None
    upload = stored(bench, await client.post_form([*form(NOTE), FILE])).upload
    assert upload
    assert (upload.name, upload.size) == ("a.txt", 4)


@pytest.mark.gen_test
async def test_the_index_and_the_description_say_that_a_file_is_optional(client: Client) -> None:
    headers = {"Accept": "application/json"}
    assert (await client.get("/", headers=headers))["job_types"]["note"]["upload"] == "optional"
    schemas = (await client.get("/openapi.json"))["components"]["schemas"]
    assert schemas["JobForm"]["properties"]["type"]["enum"] == ["analyze", "note"]
    assert "NoteJobRequest" in schemas


def test_the_error_of_an_unknown_type_lists_only_some_of_many_names() -> None:
    names = [f"type{number:03}" for number in range(100)]
    text = unknown_name("job type", "type0000", names)
    assert "did you mean type000?" in text
    assert text.endswith("type058, type059 and 40 more")

"""`/types`: the job types of a listener."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from tornado.ioloop import IOLoop

from runner.job_types.registry.broken import BrokenType
from server.auth.callers import Caller, Role
from server.start.app import App
from tests.support.api import Client, open_app
from tests.support.stores import Bench

TYPES = "runner.job_types,tests.support.job_types.declared"
BROKEN = BrokenType("folder", "crop.py", 3, "ValueError: no", "correct this line")
pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    """The application with a job type that declares all, and a file that does not work."""
    with open_app(bench, io_loop, job_types=TYPES) as application:
        application.job_types.broken.append(BROKEN)
        yield application


async def test_all_job_types_are_listed_by_name(client: Client) -> None:
    document = await client.get("/types")
    assert [each["name"] for each in document["types"]] == ["analyze", "note", "sleep"]
    origins = {each["name"]: (each["origin"], each["upload"]) for each in document["types"]}
    assert origins == {
        "analyze": ("built-in", "required"),
        "note": ("package", "optional"),
        "sleep": ("built-in", "none"),
    }


async def test_a_job_type_shows_what_it_declares(client: Client) -> None:
    document = await client.get("/types/note")
    schema = document.pop("payload_schema")
    assert schema["properties"]["text"]["type"] == "string"
    assert document == {
        "name": "note",
        "summary": "Keeps a note, and says what it got.",
        "version": "2.1",
        "origin": "package",
        "file": None,
        "upload": "optional",
        "defaults": {
            "timeout": 45,
            "max_retries": 4,
            "backoff": {"base": 2},
            "queue": "notes",
            "priority": 7,
            "keep_for": 3600,
        },
        "isolation": "caller",
        "network": True,
    }


async def test_an_unchanged_list_is_not_sent_again(client: Client) -> None:
    etag = (await client.fetch("/types")).headers["Etag"]
    answer = await client.fetch("/types", headers={"If-None-Match": etag})
    assert (answer.code, answer.body) == (304, b"")


async def test_what_does_not_work_is_listed_with_the_remedy(client: Client) -> None:
    assert (await client.get("/types"))["broken"] == [
        {
            "origin": "folder",
            "file": "crop.py",
            "line": 3,
            "reason": "ValueError: no",
            "remedy": "correct this line",
        }
    ]


async def test_a_job_type_that_does_not_exist_or_work_is_not_found(client: Client) -> None:
    unknown = await client.get("/types/nope", 404)
    assert unknown["code"] == "type_not_found"
    assert (
        unknown["detail"]
        == "unknown job type; did you mean note?; the known ones are analyze, note, sleep"
    )
    broken = await client.get("/types/crop", 404)
    assert broken["detail"].startswith("this job type does not work: crop.py:3: ValueError: no;")


async def test_callers_that_may_not_submit_jobs_do_not_see_what_does_not_work(
    client: Client, app: App
) -> None:
    with patch.object(app.authenticator, "admit", lambda *_: Caller("viewer", Role.READ)):
        assert (await client.get("/types"))["broken"] == []
        assert "crop" not in (await client.get("/types/crop", 404))["detail"]

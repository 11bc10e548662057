"""Callbacks for all jobs: sent over real sockets, and the file that names them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httputil import HTTPServerRequest

from server.events import callback_sender
from server.settings.callbacks_file import MAX_BYTES, MAX_CALLBACKS, read_callbacks
from server.settings.server import ServerSettings
from storage.db.models import CallbackPositionRow, ServiceCallbackRow
from storage.records.service_callback import ServiceCallback
from storage.settings.settings import SettingsError
from tests.server.events.test_callbacks import SECRET, receiving
from tests.support.api import opened_app
from tests.support.stores import Bench

URL = "https://hooks.example.org/jobs"


def written(folder: Path, document: Any) -> Path:
    """A file with this document."""
    file = folder / "callbacks.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def said(request: HTTPServerRequest) -> tuple[str, str]:
    """The type and the job of a callback."""
    document = json.loads(request.body)
    return document["type"], document["data"]["job_id"]


async def begun(bench: Bench, count: int = 1) -> None:
    """Wait until this number of callbacks has a position."""
    async with asyncio.timeout(20):
        while len(await asyncio.to_thread(bench.store.database.rows, POSITIONS)) < count:
            await asyncio.sleep(0.01)


POSITIONS = CallbackPositionRow.select()


@pytest.mark.gen_test
async def test_callbacks_for_all_jobs_are_sent_to_each_receiver(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http_client: AsyncHTTPClient
) -> None:
    monkeypatch.setattr(callback_sender, "retry_delay", lambda tries: 0.0)
    async with receiving() as all_jobs, receiving() as tagged:
        all_jobs.statuses = [500]
        callbacks = {"all": {"url": all_jobs.url}, "x": {"url": tagged.url, "tag": "x"}}
        file = str(written(tmp_path, callbacks))
        async with opened_app(bench, callbacks_file=file, callback_secret=SECRET):
            await begun(bench, 2)
            with_tag, other = bench.enqueue(tags=("x",)), bench.enqueue()
            for job_id in (with_tag, other):
                await asyncio.to_thread(bench.jobs.cancel, job_id)
            requests = await all_jobs.some(3)  # one of them again
            assert {said(each) for each in requests} == {
                ("job.canceled", str(with_tag)),
                ("job.canceled", str(other)),
            }
            ids = [each.headers["webhook-id"] for each in requests]
            assert len({*ids}) == 2
            assert all(each.endswith("-all") for each in ids)
            (request,) = await tagged.some(1)
            assert said(request) == ("job.canceled", str(with_tag))
            assert request.headers["webhook-id"].endswith("-x")
            rows = ServiceCallbackRow.select()
            async with asyncio.timeout(20):
                while await asyncio.to_thread(bench.store.database.rows, rows):
                    await asyncio.sleep(0.01)
            assert len(tagged.requests) == 1


@pytest.mark.gen_test
async def test_a_job_may_have_a_callback_of_its_own_too(
    bench: Bench, tmp_path: Path, http_client: AsyncHTTPClient
) -> None:
    async with receiving() as receiver:
        file = str(written(tmp_path, {"all": {"url": receiver.url, "status": ["canceled"]}}))
        limits = {"callbacks_file": file, "callback_secret": SECRET, "callback_hosts": "127.0.0.1"}
        async with opened_app(bench, **limits):
            await begun(bench)
            bench.clock.now = bench.store.clock()  # its own callback is due at the end of the job
            job_id = bench.enqueue(callback_url=receiver.url)
            version = await asyncio.to_thread(bench.jobs.cancel, job_id)
            assert version
            requests = await receiver.some(2)
            name = f"{job_id}-{version.version}"
            assert {each.headers["webhook-id"] for each in requests} == {name, f"{name}-all"}


def test_a_file_has_filters_as_texts_or_lists(tmp_path: Path) -> None:
    document = {
        "ops": {"url": URL, "status": "failed", "type": ["a", "b"], "queue": "q", "tag": ["x"]},
        "all": {"url": "http://10.0.0.7:8443/"},
    }
    assert read_callbacks(written(tmp_path, document)) == {
        "ops": ServiceCallback(
            URL, frozenset({"failed"}), frozenset({"a", "b"}), frozenset({"q"}), frozenset({"x"})
        ),
        "all": ServiceCallback("http://10.0.0.7:8443/"),
    }
    assert read_callbacks(written(tmp_path, {})) == {}


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ("{", "callbacks.json: it is not JSON"),
        ("[]", "callbacks.json: it must be an object of callbacks by their names, for example {"),
        ('{"a": {}, "a": {}}', "callbacks.json: a: given twice"),
        (" " * (MAX_BYTES + 1), f"has more than {MAX_BYTES} bytes"),
        ("[" * 100_000, "is nested deeper than 32 levels"),
        ({"A b": {"url": URL}}, "the name 'A b': it must be 1 to 64 of a-z"),
        ({"ops": URL}, "ops: it must be an object, for example"),
        ({"ops": {}}, "ops: url: it must be a URL such as https://"),
        ({"ops": {"url": "hooks.example.org"}}, "ops: url: it must be a URL"),
        ({"ops": {"url": "https://me@hooks.example.org/"}}, "ops: url: it must be a URL"),
        ({"ops": {"url": "https://hooks.example.org:x/"}}, "ops: url: it must be a URL"),
        ({"ops": {"url": "https://a/" + "b" * 2000}}, "ops: url: it has 2010 characters"),
        ({"ops": {"url": URL, "status": ["failed", "lost"]}}, "ops: status: 'lost' is none of"),
        ({"ops": {"url": URL, "status": "running"}}, "canceled, failed, succeeded"),
        ({"ops": {"url": URL, "type": 5}}, "ops: type: it must be a text or a list of texts"),
        ({"ops": {"url": URL, "tag": []}}, "ops: tag: it has 0 values, 1 to 50 are allowed"),
        ({"ops": {"url": URL, "queue": [""]}}, "ops: queue: each value must have 1 to 200"),
        ({"ops": {"url": URL, "tags": ["x"]}}, "ops: tags: unknown field; the known ones are url"),
        ({f"n{number}": {} for number in range(MAX_CALLBACKS + 1)}, "at most 100 are allowed"),
        ({f"n{number}": {} for number in range(20)}, "and 10 more"),
    ],
)
def test_a_wrong_file_is_refused_with_the_name_and_the_field(
    tmp_path: Path, document: Any, wrong: str
) -> None:
    file = written(tmp_path, document)
    given = {"DATA_DIR": str(tmp_path), "CALLBACKS_FILE": str(file), "CALLBACK_SECRET": SECRET}
    with pytest.raises(SettingsError) as caught:
        ServerSettings.read(given)
    assert "CALLBACKS_FILE" in str(caught.value)
    assert wrong in str(caught.value)


def test_the_file_needs_a_secret_and_must_exist(tmp_path: Path) -> None:
    given = {"DATA_DIR": str(tmp_path), "CALLBACKS_FILE": str(written(tmp_path, {}))}
    with pytest.raises(SettingsError, match="it needs CALLBACK_SECRET"):
        ServerSettings.read(given)
    given |= {"CALLBACKS_FILE": str(tmp_path / "none")}
    with pytest.raises(SettingsError, match=r"it needs CALLBACK_SECRET; .*none: it cannot be read"):
        ServerSettings.read(given)
    given |= {"CALLBACK_SECRET": SECRET}
    with pytest.raises(SettingsError, match="none: it cannot be read: No such file"):
        ServerSettings.read(given)


def test_a_wrong_secret_is_the_only_problem_of_what_needs_it(tmp_path: Path) -> None:
    given = {"DATA_DIR": str(tmp_path), "CALLBACKS_FILE": str(written(tmp_path, {}))}
    given |= {"CALLBACK_SECRET": "short", "CALLBACK_HOSTS": "hooks.example.org"}
    with pytest.raises(SettingsError) as caught:
        ServerSettings.read(given)
    assert str(caught.value) == "CALLBACK_SECRET: it must have at least 16 characters"

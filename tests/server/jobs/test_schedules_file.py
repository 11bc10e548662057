"""SCHEDULES_FILE: loaded at the start, checked as a whole, and again without a change."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.ioloop import IOLoop

from server.jobs.schedules_file import load_schedules
from server.start.app import App
from storage.records.job import StoreUnusable
from storage.schedules.schedules import Schedules
from tests.support.api import open_app
from tests.support.stores import Bench
from tests.support.warm_start import run_program

pytestmark = [pytest.mark.gen_test(timeout=50), pytest.mark.tornado, pytest.mark.sqlite]
NIGHTLY = {"type": "sleep", "payload": {"seconds": 5}, "cron": "30 2 * * *"}


@pytest.fixture
def app(bench: Bench, io_loop: IOLoop) -> Iterator[App]:
    with open_app(bench, io_loop) as application:
        yield application


@pytest.fixture
def schedules(bench: Bench) -> Schedules:
    return Schedules(bench.store.database, bench.store.wakeup, bench.store.clock, bench.jobs.add)


async def load(app: App, folder: Path, documents: Any) -> None:
    file = folder / "schedules.json"
    file.write_text(documents if isinstance(documents, str) else json.dumps(documents))
    await load_schedules(file, app.schedules, app.queues, app.threads)


async def refusal(app: App, folder: Path, documents: Any) -> str:
    with pytest.raises(StoreUnusable) as caught:
        await load(app, folder, documents)
    return str(caught.value)


async def test_a_file_creates_replaces_and_deletes_schedules(
    app: App, schedules: Schedules, bench: Bench, tmp_path: Path
) -> None:
    given = {"nightly": {**NIGHTLY, "options": {"queue": "new"}}, "hourly": {**NIGHTLY}}
    await load(app, tmp_path, given)
    first = schedules.page(9)
    assert [(each.name, each.version) for each in first] == [("hourly", 1), ("nightly", 1)]
    assert bench.queues.get("new")
    await load(app, tmp_path, given)
    assert schedules.page(9) == first
    await load(app, tmp_path, {"nightly": {**NIGHTLY, "cron": "@daily"}, "hourly": None})
    (only,) = schedules.page(9)
    assert (only.name, only.version, only.settings.timing.cron) == ("nightly", 2, "@daily")
    await load(app, tmp_path, {"hourly": None})
    assert schedules.page(9) == [only]


async def test_a_schedule_that_was_paused_stays_so_unless_the_file_says_otherwise(
    app: App, schedules: Schedules, tmp_path: Path
) -> None:
    await load(app, tmp_path, {"nightly": {**NIGHTLY, "paused": True}})
    for document, paused in (
        (NIGHTLY, True),
        ({**NIGHTLY, "cron": "@hourly"}, True),
        ({**NIGHTLY, "paused": False}, False),
    ):
        await load(app, tmp_path, {"nightly": document})
        (only,) = schedules.page(9)
        assert only.settings.paused is paused


async def test_a_wrong_file_is_refused_as_a_whole(
    app: App, schedules: Schedules, tmp_path: Path
) -> None:
    wrong = {**NIGHTLY, "cron": "30 2 * *", "payload": {}}
    said = await refusal(app, tmp_path, {"good": NIGHTLY, "bad": wrong, "Upper": NIGHTLY})
    assert "bad: cron: cron has 4 fields, expected 5, for example 30 2 * * *" in said
    assert "bad: payload.seconds: it is required" in said
    assert "the name 'Upper': it must be 1 to 64" in said
    assert schedules.page(9) == []
    assert ".json: it is not JSON: " in (said := await refusal(app, tmp_path, "{x}"))
    assert "line 1, column 2" in said
    said = await refusal(app, tmp_path, '{"a": null, "a": null}')
    assert said.endswith(".json: a: given twice")
    said = await refusal(app, tmp_path, {"a": 5, "b": [], "c": {"cron": "@daily"}})
    assert 'a: it must be an object such as {"type": ' in said
    assert "b: it must be an object such as " in said
    assert "c: type: it is required" in said
    assert "body" not in said
    assert "must be an object" in await refusal(app, tmp_path, [])
    many = await refusal(app, tmp_path, {f"s{n}": {} for n in range(20)})
    assert "more" in many.splitlines()[-1]
    with pytest.raises(StoreUnusable, match=r"cannot be read: No such file"):
        await load_schedules(tmp_path / "none", app.schedules, app.queues, app.threads)


async def test_a_source_job_need_not_exist(app: App, schedules: Schedules, tmp_path: Path) -> None:
    source = {"job_id": "01a2107d-08cc-73f5-a3eb-bdc8e70382e5"}
    payload = {"patterns": ["ERROR"], "source": source}
    await load(app, tmp_path, {"s": {"type": "analyze", "payload": payload, "every": 60}})
    assert len(schedules.page(9)) == 1


def test_a_listener_with_a_wrong_file_does_not_start(tmp_path: Path) -> None:
    file = tmp_path / "schedules.json"
    file.write_text('{"s": {"type": "sleep", "payload": {"seconds": 1}, "cron": "x"}}')
    environ = {"DATA_DIR": str(tmp_path / "data"), "PORT": "0", "HOST": "127.0.0.1"}
    environ |= {"LOG_LEVEL": "WARNING", "LOG_FORMAT": "text", "SCHEDULES_FILE": str(file)}
    answer = run_program("server", **environ)
    assert answer.returncode == 1, answer.stderr
    assert "Traceback" not in answer.stderr
    said = f"cannot start: SCHEDULES_FILE={file}: s: cron: cron has 1 field, expected 5"
    assert said in answer.stderr

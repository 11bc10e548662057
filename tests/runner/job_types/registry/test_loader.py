"""Finding job types, and running one as a job process does."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runner.job_types.base import Context, JobError, NotRetryable, UploadFile
from runner.job_types.registry.loader import PACKAGES, JobTypesError, find, load
from runner.job_types.sleep import Sleep, SleepPayload

HEADER = """
from runner.job_types.base import Context, JobError, JobType, NotRetryable, Payload

class Anything(Payload):
    value: object = None
"""
ECHO = """
class {cls}(JobType[Anything]):
    name = "{name}"
    Payload = Anything
    upload = "{upload}"

    def run(self, payload, context):
        {body}
"""

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a package of job types, with a module for each keyword; returns its name."""
    package = f"job_types_of_{tmp_path.name}"
    monkeypatch.syspath_prepend(tmp_path)

    def files(**modules: str) -> str:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        for name, text in modules.items():
            (tmp_path / package / f"{name}.py").write_text(HEADER + text)
        return package

    yield files
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def echo(
    name: str = "echo", body: str = "return payload.value", cls: str = "Echo", upload: str = "none"
) -> str:
    return ECHO.format(name=name, body=body, cls=cls, upload=upload)


def ask(type: str = "echo", upload: dict[str, Any] | None = None, **payload: Any) -> str:
    return json.dumps(
        {"job_id": "j1", "attempt": 2, "type": type, "payload": payload, "upload": upload}
    )


def test_the_built_in_job_types_are_found() -> None:
    assert {name: job_type.upload for name, job_type in find().items()} == {
        "sleep": "none",
        "analyze": "required",
    }


def test_job_types_are_found_in_every_module_of_a_package(write: Write) -> None:
    package = write(one=echo("a") + echo("b", cls="Second"), two=echo("c"), no_job_type="")
    assert sorted(find([package])) == ["a", "b", "c"]


def test_job_types_are_found_in_a_single_module(write: Write) -> None:
    package = write(one=echo("a"), two=echo("b"))
    assert list(find([f"{package}.two"])) == ["b"]


def test_a_package_named_twice_is_found_once(write: Write) -> None:
    package = write(one=echo("a"))
    assert list(find([package, f"{package}.one"])) == ["a"]


def test_a_job_type_that_a_module_only_imports_is_not_found(write: Write) -> None:
    package = write(one="from runner.job_types.sleep import Sleep\n" + echo("a"))
    assert list(find([package])) == ["a"]


def test_the_error_for_a_duplicate_name_names_both_job_types(write: Write) -> None:
    package = write(one=echo("a"), two=echo("a", cls="Other"))
    with pytest.raises(JobTypesError) as caught:
        find([package])
    both = f"{package}.one.Echo and {package}.two.Other"
    assert str(caught.value) == f"two job types are named 'a': {both}"


def test_own_job_types_are_added_to_the_built_in_ones(write: Write) -> None:
    assert sorted(find([*PACKAGES, write(one=echo("a"))])) == ["a", "analyze", "sleep"]


def test_the_error_for_the_name_of_a_built_in_job_type_says_how_to_leave_it_out(
    write: Write,
) -> None:
    package = write(one=echo("sleep"))
    hint = "named 'sleep': runner.job_types.sleep.Sleep and .*; add -sleep to JOB_TYPES to leave"
    with pytest.raises(JobTypesError, match=hint):
        find([*PACKAGES, package])
    replaced = find([*PACKAGES, package, "-sleep"])
    assert sorted(replaced) == ["analyze", "sleep"]
    assert type(replaced["sleep"]).__module__ == f"{package}.one"


def test_built_in_job_types_can_be_left_out() -> None:
    assert list(find([*PACKAGES, "-sleep"])) == ["analyze"]
    with pytest.raises(JobTypesError, match="no job types are left"):
        find([*PACKAGES, "-sleep", "-analyze"])


@pytest.mark.parametrize("name", ["nope", "a", "Sleep", ""])
def test_only_built_in_job_types_can_be_left_out(write: Write, name: str) -> None:
    expected = f"-{name}: the built-in job types are analyze, sleep"
    with pytest.raises(JobTypesError, match=f"^{expected}$"):
        find([*PACKAGES, write(one=echo("a")), f"-{name}"])


def test_a_module_that_cannot_be_imported_is_named(write: Write) -> None:
    package = write(broken="import there_is_no_such_module")
    with pytest.raises(JobTypesError, match=rf"cannot import {package}\.broken: ModuleNotFound"):
        find([package])


def test_a_package_that_does_not_exist_is_named() -> None:
    with pytest.raises(JobTypesError, match="cannot import no_such_package: ModuleNotFoundError"):
        find(["no_such_package"])


@pytest.mark.parametrize(
    ("part", "instead", "message"),
    [
        ('name = "echo"', "", "name must be a non-empty string"),
        ('name = "echo"', 'name = ""', "name must be a non-empty string"),
        ("Payload = Anything", "Payload = dict", "Payload must be a subclass"),
        ("Payload = Anything", "", "Payload must be a subclass"),
        ('upload = "none"', 'upload = "maybe"', "upload must be 'none', 'required' or 'optional'"),
    ],
)
def test_a_job_type_that_breaks_the_contract_is_refused(
    write: Write, part: str, instead: str, message: str
) -> None:
    package = write(one=echo().replace(part, instead))
    with pytest.raises(JobTypesError, match=rf"{package}\.one\.Echo: {message}"):
        find([package])


def test_a_job_runs_and_its_result_is_json_text(write: Write) -> None:
    entry = load([write(one=echo())])
    assert json.loads(entry(ask(value={"é": [1, None]}), print)) == {"é": [1, None]}


LOADS = """
    def load(self):
        {load}
        self.loaded = "once"
"""


def test_load_is_called_once_for_all_jobs_and_not_by_find(
    write: Write,
) -> None:
    package = write(one=echo(body="return self.loaded") + LOADS.format(load="pass"))
    assert not hasattr(find([package])["echo"], "loaded")
    entry = load([package])
    assert [entry(ask(), print) for _ in range(2)] == ['"once"'] * 2


def test_a_job_type_that_cannot_be_loaded_is_named(write: Write) -> None:
    package = write(one=echo() + LOADS.format(load='raise OSError("no model")'))
    with pytest.raises(JobTypesError, match="cannot load job type 'echo': OSError: no model"):
        load([package])


def test_a_job_gets_its_id_attempt_and_upload(write: Write) -> None:
    body = "return [context.job_id, context.attempt, context.upload.name, context.upload.size]"
    entry = load([write(one=echo(body=body, upload="required"))])
    upload = {"path": "/x", "name": "a.log", "size": 3}
    assert json.loads(entry(ask(upload=upload), print)) == ["j1", 2, "a.log", 3]


def test_progress_is_reported_as_json_text(write: Write) -> None:
    entry = load([write(one=echo(body="context.report({'done': 1})"))])
    reports: list[str] = []
    assert entry(ask(), reports.append) == "null"
    assert reports == ['{"done":1}']


def test_an_unknown_job_type_is_not_retried(write: Write) -> None:
    entry = load([write(one=echo())])
    with pytest.raises(NotRetryable, match="there is no job type 'sleep'"):
        entry(ask("sleep"), print)


def test_an_invalid_payload_is_not_retried(write: Write) -> None:
    entry = load([write(one=echo())])
    with pytest.raises(NotRetryable, match=r"payload is not valid: more: unknown field"):
        entry(ask(more=1), print)


@pytest.mark.parametrize(
    ("takes", "upload", "message"),
    [
        ("required", None, "'echo' needs an upload"),
        ("none", {"path": "/x", "name": "a", "size": 1}, "'echo' takes no upload"),
    ],
)
def test_a_missing_or_unexpected_upload_is_not_retried(
    write: Write, takes: str, upload: dict[str, Any] | None, message: str
) -> None:
    entry = load([write(one=echo(upload=takes))])
    with pytest.raises(NotRetryable, match=message):
        entry(ask(upload=upload), print)


@pytest.mark.parametrize(
    "value", ["float('nan')", "float('inf')", "{1, 2}", "b'x'", "'\\ud800'", "{(1, 2): 3}"]
)
def test_a_result_that_is_not_json_is_not_retried(write: Write, value: str) -> None:
    entry = load([write(one=echo(body=f"return {value}"))])
    with pytest.raises(NotRetryable, match="result is not JSON"):
        entry(ask(), print)


def test_progress_that_is_not_json_fails_the_job(write: Write) -> None:
    entry = load([write(one=echo(body="context.report({'done': float('nan')})"))])
    with pytest.raises(NotRetryable, match="progress is not JSON"):
        entry(ask(), print)


def test_an_error_of_a_job_type_is_raised_unchanged(write: Write) -> None:
    entry = load([write(one=echo(body="raise JobError('no luck')"))])
    with pytest.raises(JobError, match="no luck") as caught:
        entry(ask(), print)
    assert caught.value.retryable
    assert not NotRetryable.retryable


def test_at_most_ten_reports_a_second_are_sent() -> None:
    times = [n / 1000 for n in range(1000)]
    clock = iter(times)
    sent: list[str] = []
    context = Context("j", 1, None, sent.append, clock=lambda: next(clock))
    for time in times:
        context.report({"time": time})
    assert [json.loads(text)["time"] for text in sent] == pytest.approx(
        [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], abs=0.01
    )


def test_the_last_report_is_sent_when_the_job_ends(write: Write) -> None:
    body = "[context.report({'step': n}) for n in range(5)]"
    entry = load([write(one=echo(body=body))])
    sent: list[str] = []
    entry(ask(), sent.append)
    assert sent == ['{"step":0}', '{"step":4}']


def test_an_upload_opens_as_an_unbuffered_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    with UploadFile(path, "a.log", 3).open() as file:
        window = bytearray(8)
        assert (file.readinto(window), bytes(window[:3])) == (3, b"abc")


class FakeTime:
    """A clock that advances only during sleep, each time by a little too much."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds + 0.01

    def run(self, seconds: float, reports: list[str]) -> Any:
        context = Context("j", 1, None, reports.append, clock=lambda: self.now)
        job_type = Sleep(clock=lambda: self.now, sleep=self.sleep)
        return job_type.run(SleepPayload(seconds=seconds), context)


@pytest.mark.parametrize("seconds", [0, 0.25, 5, 12.5])
def test_sleep_ends_in_time_even_if_each_second_takes_too_long(seconds: float) -> None:
    fake = FakeTime()
    assert fake.run(seconds, []) == {"slept": seconds}
    assert seconds <= fake.now - 1000 < seconds + 0.02


def test_sleep_reports_about_once_a_second() -> None:
    reports: list[str] = []
    FakeTime().run(3, reports)
    assert [json.loads(report) for report in reports] == [
        {"seconds_done": 0.0, "seconds_total": 3.0},
        {"seconds_done": 1.01, "seconds_total": 3.0},
        {"seconds_done": 2.01, "seconds_total": 3.0},
    ]


def test_sleep_returns_the_number_that_it_got() -> None:
    entry = load()
    assert entry(ask("sleep", seconds=0), print) == '{"slept":0}'
    assert entry(ask("sleep", seconds=0.001), print) == '{"slept":0.001}'


@pytest.mark.parametrize("seconds", [0, 1, 0.5, -0.0, 31_536_000])
def test_valid_seconds_are_accepted(seconds: float) -> None:
    SleepPayload.model_validate({"seconds": seconds})


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"seconds": None},
        {"seconds": True},
        {"seconds": "5"},
        {"seconds": [5]},
        {"seconds": -0.001},
        {"seconds": 31_536_001},
        {"seconds": 10**400},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": 1, "minutes": 2},
    ],
    ids=lambda payload: str(payload)[:40],
)
def test_invalid_seconds_are_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SleepPayload.model_validate(payload)

"""Tracebacks of jobs that raise an exception: bounded text, with the frames of the job only."""

import concurrent.futures
import sys
from collections.abc import Callable, Iterator

import pytest

from runner.job_types.registry import loader
from runner.pool.job_process.results import describe_traceback
from runner.pool.protocol.answers import TRACEBACK_BYTES
from tests.support.pool import calls
from tests.support.pool.pools import Owner, open_pool


@pytest.fixture(scope="module")
def owner() -> Iterator[Owner]:
    with open_pool(1) as owner:
        yield owner


def of(raises: Callable[[], object]) -> str | None:
    """The traceback of the exception that a function raises."""
    try:
        raises()
    except BaseException as error:
        traceback = describe_traceback(error)
        return None if traceback is None else traceback.decode()
    raise AssertionError("it raised nothing")


def fail() -> None:
    password = "s3cret from " + "a variable"
    raise ValueError("fails" if password else "")


def fail_with_cause() -> None:
    try:
        fail()
    except ValueError as error:
        raise RuntimeError("because of it") from error


def fail_while_handling() -> None:
    try:
        fail()
    except ValueError:
        dict[str, int]()["missing"]


def fail_in_group() -> None:
    try:
        fail()
    except ValueError as error:
        raise ExceptionGroup("several", [error, KeyError("x")]) from None


def fail_in_a_pool() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(fail).result()


def fail_in_the_loader() -> None:
    request = '{"type": "unknown", "upload": null, "payload": {}}'
    loader.load()(request, print)


def test_it_has_the_frames_and_source_lines_of_the_job() -> None:
    text = of(fail) or ""
    first, *_, last = text.splitlines()
    assert (first, last) == ("Traceback (most recent call last):", "ValueError: fails")
    assert "in fail\n    raise ValueError(" in text
    assert __file__ in text


def test_it_has_no_values_of_variables() -> None:
    assert "s3cret from a variable" not in (of(fail) or "")


@pytest.mark.parametrize(
    ("raises", "parts"),
    [
        (fail_with_cause, ["ValueError: fails", "direct cause", "RuntimeError: because of it"]),
        (fail_while_handling, ["ValueError: fails", "During handling", "KeyError: 'missing'"]),
        (fail_in_group, ["ExceptionGroup: several", "ValueError: fails", "KeyError: 'x'"]),
    ],
)
def test_it_includes_chained_exceptions(raises: Callable[[], object], parts: list[str]) -> None:
    text = of(raises) or ""
    positions = [text.index(part) for part in parts]
    assert positions == sorted(positions)


def test_it_leaves_out_frames_of_executors() -> None:
    text = of(fail_in_a_pool) or ""
    assert "in fail\n" in text
    assert "concurrent" not in text


def test_it_leaves_out_frames_of_the_loader_and_its_helpers() -> None:
    text = of(fail_in_the_loader) or ""
    assert "in fail_in_the_loader\n" in text
    assert "runner/job_types/registry/loader.py" not in text


def test_an_error_of_the_service_alone_has_none(owner: Owner) -> None:
    outcome = owner.outcome(owner.submit_raw("NaN"))
    assert (outcome.error_type, outcome.traceback) == ("InvalidResult", None)


def test_the_service_has_no_frames_in_it(owner: Owner) -> None:
    outcome = owner.run("raise_error", name="plain")
    traceback = outcome.traceback or ""
    assert traceback.splitlines()[-1] == "ValueError: plain words"
    assert "runner/pool" not in traceback
    assert f'File "{calls.__file__}"' in traceback.splitlines()[1]


@pytest.mark.parametrize("name", calls.ERRORS)
def test_every_exception_has_one(owner: Owner, name: str) -> None:
    outcome = owner.run("raise_error", name=name)
    assert outcome.kind == ("out_of_memory" if name == "memory" else "raised")
    assert "in raise_error" in (outcome.traceback or "")
    assert len((outcome.traceback or "").encode()) <= TRACEBACK_BYTES


def test_only_a_job_that_raised_has_one(owner: Owner) -> None:
    assert owner.run("echo", value=1).traceback is None
    assert owner.run("exit_with_code", code=3).traceback is None
    assert owner.run("sleep", 0.01, seconds=60).traceback is None


def recurse(depth: int) -> None:
    if depth % 2:
        recurse(depth + 1)
    else:
        recurse_too(depth + 1)


def recurse_too(depth: int) -> None:
    recurse_more(depth + 1) if depth % 3 else recurse(depth + 1)


def recurse_more(depth: int) -> None:
    recurse_too(depth + 1) if depth % 5 else recurse(depth + 1)


def chain(length: int = 300) -> None:
    for number in range(length):
        if sys.exc_info()[0] is None and number:
            raise AssertionError
        try:
            raise ValueError(f"exception {number} {'ä' * 1000}") from sys.exc_info()[1]
        except ValueError:
            if number == length - 1:
                raise
            chain(length - 1)


class Endless(Exception):
    """Its text is long, and so are its notes."""

    def __str__(self) -> str:
        return "\U0001f600\0\udcff" * 10**6


def fail_with_long_text() -> None:
    raise Endless


def fail_with_notes() -> None:
    error = ValueError("noted")
    for number in range(1000):
        error.add_note(f"note {number}")
    raise error


class Hostile(Exception):
    """Its text cannot be made."""

    def __str__(self) -> str:
        raise SystemExit

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        raise KeyboardInterrupt


def fail_hostile() -> None:
    raise Hostile


def fail_in_a_cycle() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first


@pytest.mark.parametrize(
    "raises",
    [lambda: recurse(1), chain, fail_with_long_text, fail_with_notes, fail_in_a_cycle],
)
def test_it_is_bounded_and_can_be_stored(raises: Callable[[], object]) -> None:
    text = of(raises) or ""
    assert len(text.encode()) <= TRACEBACK_BYTES
    assert "\0" not in text
    assert "Traceback (most recent call last):\n" in text
    assert __file__ in text


def test_a_long_one_keeps_its_start_and_its_end() -> None:
    text = of(lambda: recurse(1)) or ""
    assert "… lines are left out …" in text
    assert text.splitlines()[-1].startswith("RecursionError: maximum recursion depth")


def test_an_exception_that_cannot_be_formatted_has_none_or_a_part() -> None:
    text = of(fail_hostile)
    assert text is None or "fail_hostile" in text

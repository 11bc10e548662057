"""Commands whose programs say how far they are."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from runner.job_types.base import Context
from runner.job_types.commands.command import command_type
from runner.job_types.commands.definition import Definition
from runner.job_types.commands.progress import LineProgress, progress_pattern

STEPS = r"frame=(?P<done>\d+)/(?P<total>\d+)"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(script: str, pattern: str = STEPS, **definition: Any) -> tuple[Any, list[str]]:
    """Run a shell script as a command; returns its result, and the progress as it was sent."""
    fields = {"argv": ["sh", "-c", script], "progress": pattern, **definition}
    made = command_type("a", Definition.model_validate(fields))
    sent: list[str] = []
    times = iter(range(1000))
    context = Context("j1", 1, None, sent.append, clock=lambda: float(next(times)))
    result = made().run(made.Payload(), context)
    context.flush()
    return result, sent


def found_in(*pieces: bytes, pattern: str = STEPS) -> list[Any]:
    """The progress that is found in a stream, which arrives in pieces."""
    reports: list[Any] = []
    reader = LineProgress(progress_pattern(pattern), reports.append)
    for piece in pieces:
        reader(piece)
    return reports


@pytest.mark.parametrize("stdout", ["log", "text", "json"])
@pytest.mark.parametrize("target", ["1", "2"])
def test_a_program_reports_progress_on_either_output(stdout: str, target: str) -> None:
    script = f"echo frame=3/8 >&{target}; echo [] >&1"
    if stdout == "json":
        script = f"echo frame=3/8 >&2; test {target}; echo []"
    assert run(script, stdout=stdout)[1] == ['{"steps_done":3,"steps_total":8}']


def test_what_a_program_writes_stays_its_output(capfd: pytest.CaptureFixture[str]) -> None:
    result, sent = run("echo one; printf 'frame=1/2\\rframe=2/2\\r' >&2; echo two")
    assert (result, sent) == ({"exit_code": 0}, ['{"steps_done":2,"steps_total":2}'])
    assert capfd.readouterr() == ("one\ntwo\n", "frame=1/2\rframe=2/2\r")


def test_the_newest_line_of_a_piece_counts() -> None:
    pieces = b"frame=1/9\nframe=2/9\r\nother\nfra", b"me=3/9", b"\rframe=4/9"
    assert [each["steps_done"] for each in found_in(*pieces)] == [2, 3]


def test_a_line_without_an_end_takes_no_memory() -> None:
    reports = found_in(*[b"x" * 100_000] * 20, b" frame=5/9\n")
    assert reports == [{"steps_done": 5, "steps_total": 9}]


@pytest.mark.parametrize(
    ("pattern", "line", "progress"),
    [
        (r"(?P<percent>[\d.]+)%", b"at 42.5%\n", {"percent_done": 42.5, "percent_total": 100}),
        (r"(?P<percent>\d+)%", b"at 7%\n", {"percent_done": 7, "percent_total": 100}),
        (r"(?P<bytes_done>\d+) of", b"12 of 90\n", {"bytes_done": 12}),
        (r"phase (?P<phase>\w+)( (?P<done>\d+))?", b"phase two\n", {"phase": "two"}),
        (r"(?P<done>\d+)", b"9" * 400 + b"\n", {"steps_done": "9" * 200}),
        (r"(?P<phase>.+)", b"\xff\0\n", {"phase": "\ufffd\ufffd"}),
    ],
)
def test_groups_become_fields(pattern: str, line: bytes, progress: Any) -> None:
    assert found_in(line, pattern=pattern) == [progress]


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [("(", "no regex of Python"), (r"\d+", "needs groups with names, as in frame=")],
)
def test_a_wrong_pattern_is_refused(pattern: str, reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Definition.model_validate({"argv": ["true"], "progress": pattern})

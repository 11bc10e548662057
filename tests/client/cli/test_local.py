"""`jobservice analyze --local`: the same as with a service, in the command's own process."""

import gzip
import io
import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from jobservice.cli import local
from loganalysis.scan import ranges
from tests.support.jobs_command import INTERRUPTIBLE, JobsCommand
from tests.support.named_pipes import make_named_pipe

LOG = """\
2030-01-31T12:00:01Z ERROR disk full
2030-01-31T12:00:02Z WARN disk slow
2030-01-31T12:01:03Z ERROR ERROR twice
"""
FASTER = re.compile(r"in [\d.]+ m?s")
NOWHERE = "http://127.0.0.1:9"
"""A service that does not answer."""


@pytest.fixture
def alone(tmp_path: Path) -> JobsCommand:
    """The command, without a service, in a folder with the file app.log."""
    (tmp_path / "app.log").write_text(LOG)
    return JobsCommand(NOWHERE, tmp_path)


@pytest.fixture
def log(alone: JobsCommand) -> str:
    """The path of app.log."""
    return str(alone.folder / "app.log")


ANALYSES: tuple[list[str], ...] = (
    [],
    ["-p", "ERROR", "-e", "disk (full|slow)", "-i", "--samples", "2", "-C", "1"],
    ["-p", "WARN", "--histogram", "auto", "--overview", "--from=-1h"],
    ["--all", "ERROR", "--none", "twice", "--records", "multi_line", "--histogram", "minute"],
    ["--set", "nginx", "--field", "word=(disk|twice)", "--over-time", "--top", "1"],
)


@pytest.mark.parametrize("arguments", ANALYSES, ids=lambda each: " ".join(each[:2]))
def test_the_output_is_that_of_a_service(jobs: JobsCommand, log: str, arguments: list[str]) -> None:
    here = jobs.run("analyze", "--local", log, *arguments)
    there = jobs.run("analyze", log, *arguments)
    assert (here.code, here.err) == (there.code, there.err) == (0, "")
    assert FASTER.sub("", here.out) == FASTER.sub("", there.out)


def test_the_json_has_the_fields_of_a_job(jobs: JobsCommand, log: str) -> None:
    def document(*arguments: str) -> Any:
        done = jobs.run("analyze", log, "-p", "ERROR", "--set", "sshd", "--json", *arguments)
        for measured in ("seconds", "bytes_per_second"):
            assert done.document["result"]["file"][measured] > 0
        return json.loads(re.sub(r'("(?:seconds|bytes_per_second)"): [\d.e-]+', r"\1: 0", done.out))

    here, there = document("--local"), document()
    assert here == {**{name: there[name] for name in here}, "upload": here["upload"]}
    assert here["upload"] == {name: there["upload"][name] for name in ("name", "size")}


def test_pipes_compressed_files_and_archives_are_read(alone: JobsCommand, log: str) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(log, "var/app.log")
        archive.add(log, "var/other.txt")
    run = ("analyze", "--local", "-", "-p", "ERROR", "--json")
    for data in (LOG.encode(), gzip.compress(LOG.encode())):
        assert alone.run(*run, stdin=data).document["result"]["counts"] == {"ERROR": 3}
    found = alone.run(*run, "-m", "*.log", stdin=packed.getvalue()).document["result"]
    assert [member["name"] for member in found["members"]] == ["var/app.log"]


def test_several_files_are_shown_one_after_the_other(alone: JobsCommand, log: str) -> None:
    broken = alone.folder / "broken.gz"
    broken.write_bytes(gzip.compress(LOG.encode())[:-9])
    done = alone.run("analyze", "--local", str(broken), log, "-p", "ERROR")
    assert done.code == 1
    assert done.err.startswith(f"jobservice: {broken}: ")
    assert f"{log}:\nPATTERN" in done.out
    failed, succeeded = alone.run(
        "analyze", "--local", str(broken), log, "-p", "ERROR", "--json"
    ).items
    assert (failed["status"], failed["error"]["type"], failed["result"]) == (
        *("failed", "SourceError", None),
    )
    assert succeeded["status"] == "succeeded"


def test_several_files_are_analyzed_together(alone: JobsCommand, log: str) -> None:
    other = alone.folder / "other" / "app.log"
    other.parent.mkdir()
    other.write_text("ERROR\n")
    run = (
        "analyze",
        "--local",
        "-t",
        log,
        str(other),
        "-",
        "-p",
        "ERROR",
        "--name",
        "in",
        "--json",
    )
    result = alone.run(*run, stdin="no\n").document["result"]
    assert result["counts"] == {"ERROR": 4}
    assert [each["name"] for each in result["members"]] == ["app.log", "app (2).log", "in"]
    assert [each["lines"] for each in result["members"]] == [3, 1, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--queue", "q"], "--queue needs a service: leave it out, or leave out --local"),
        (["--tag", "a"], "--tag needs a service: "),
        (["--compare", "6af1"], "--compare needs a service: compare jobs of a service with "),
        (["--reuse"], "--reuse needs a service: "),
        (["--by-hash"], "--by-hash needs a service: "),
        (["--wait-timeout", "5m"], "--wait-timeout needs a service: run `timeout 5m "),
        (["--set", "mine"], "--set: there is no built-in set mine; the built-in ones are java-"),
        (["--samples", "99"], "--samples: it must be at most 20"),
        (["--from", "noon"], "--from: it must be a time with a zone"),
        (["--field", "a", "--field", "a"], "--field: two fields are named a"),
        (["-e", "("], "patterns[0]: it is not a valid regex: ( is not closed"),
    ],
)
def test_what_cannot_be_done_is_refused(
    alone: JobsCommand, log: str, arguments: list[str], said: str
) -> None:
    done = alone.run("analyze", "--local", log, *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"jobservice: {said}")


def test_a_page_is_written(alone: JobsCommand, log: str) -> None:
    page = alone.folder / "report.html"
    assert alone.run("analyze", "--local", log, "-p", "<b>", "--html", str(page)).code == 0
    text = page.read_text()
    assert "<h1>app.log</h1>" in text
    assert "&lt;b&gt;" in text
    assert "<script" not in text


def test_without_the_engine_the_error_says_how_to_install_it(alone: JobsCommand, log: str) -> None:
    with patch.dict(sys.modules, {"loganalysis": None}):
        done = alone.run("analyze", "--local", log)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jobservice: --local needs the extra `analyze` (")
    assert done.err.endswith(f": {local.INSTALL}\n")


def test_an_older_python_is_named(alone: JobsCommand, log: str) -> None:
    with patch.object(sys, "version_info", (3, 10, 4)):
        assert "--local needs Python 3.11 or newer" in alone.run("analyze", "--local", log).err


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_the_code_for_other_systems_gives_the_same_result(
    alone: JobsCommand, log: str, system: str
) -> None:
    arguments = ("analyze", "--local", "--json", log, "-p", "ERROR")
    expected = json.loads(alone.run(*arguments).out)["result"]["counts"]
    with patch.object(sys, "platform", system):
        assert json.loads(alone.run(*arguments).out)["result"]["counts"] == expected


def test_a_large_file_is_scanned_by_all_processors(
    alone: JobsCommand, log: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int] = []
    real = ranges.scan_ranges
    monkeypatch.setattr(ranges, "MIN_BYTES", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2})

    def scan(*arguments: Any) -> Any:
        used.append(arguments[4])
        return real(*arguments)

    monkeypatch.setattr(ranges, "scan_ranges", scan)
    assert alone.run("analyze", "--local", log, "-p", "ERROR").out.count("ERROR") == 1
    assert used == [3]


def test_ctrl_c_ends_it_quietly(alone: JobsCommand) -> None:
    pipe = alone.folder / "pipe"
    make_named_pipe(pipe)
    command = [*INTERRUPTIBLE, "analyze", "--local", str(pipe)]
    with (
        subprocess.Popen(
            command, env={**os.environ, **alone.environ}, stdout=-1, stderr=-1, text=True
        ) as process,
        pipe.open("w"),
    ):  # the command reads it from now on
        process.send_signal(2)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "")


def test_bursts_are_explained_before_everything_else(alone: JobsCommand) -> None:
    lines = [f"2026-11-25T13:{second // 60:02}:{second % 60:02}Z INFO ok" for second in range(3600)]
    lines[1800:1860] = [each.replace("INFO ok", "ERROR lost") for each in lines[1800:1860]]
    log = alone.folder / "burst.log"
    log.write_text("\n".join(lines))
    done = alone.run("analyze", "--local", "--explain", str(log))
    assert done.out.startswith("What explains 2026-11-25 13:30:00 to ")
    assert "  template lost: " in done.out
    assert done.out.count("OVER TIME") == 1, "of all lines; nobody asked for curves of fields"

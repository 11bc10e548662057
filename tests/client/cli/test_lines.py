"""`jobservice lines`: lines of the file of a job."""

from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service

LOG = """\
2030-01-31T12:00:01Z ERROR disk full
2030-01-31T12:00:02Z WARN disk slow
2030-01-31T12:01:03Z ERROR ERROR twice
"""


def analyzed(jobs: JobsCommand) -> str:
    """Analyze the log; return the id of the job."""
    (job,) = jobs.run("analyze", "-", "-p", "ERROR", "--json", stdin=LOG).items
    return str(job["job_id"])


@pytest.mark.heavy
def test_lines_are_printed_with_their_numbers(jobs: JobsCommand, service: Service) -> None:
    job_id, lines = analyzed(jobs), LOG.splitlines()
    assert jobs.run("lines", job_id).out.splitlines() == [
        *(f"1:{lines[0]}", f"2:{lines[1]}", f"3:{lines[2]}"),
    ]
    done = jobs.run("lines", job_id, "-m", "warn", "-i", "-B", "1")
    assert (done.code, done.out.splitlines()) == (0, [f"1-{lines[0]}", f"2:{lines[1]}"])
    done = jobs.run("lines", job_id, "--from", "-1s", "--text")
    assert done.out.splitlines() == lines[2:]
    assert jobs.run("lines", job_id, "--line", "2", "-n", "1").out == f"2:{lines[1]}\n"
    assert jobs.run("lines", job_id, "--to", "2030-01-31T12:00:02Z").out == f"1:{lines[0]}\n"


def test_records_are_printed_as_a_whole(jobs: JobsCommand, service: Service) -> None:
    log = "2030-01-31 12:00:01 ERROR a\nValueError: b\n2030-01-31 12:00:02 INFO c\n"
    first, second, third = log.splitlines()
    arguments = ("analyze", "-", "-p", "ERROR", "--records", "multi_line", "--json")
    (job,) = jobs.run(*arguments, stdin=log).items
    asked = ("lines", str(job["job_id"]), "-m", "b")
    assert jobs.run(*asked).out.splitlines() == [f"1:{first}", f"2-{second}"]
    assert jobs.run(*asked, "--records", "lines").out == f"2:{second}\n"
    assert jobs.run("lines", asked[1], "-n", "2").out.splitlines()[2] == f"3:{third}"
    assert jobs.run(*asked, "--records", "some").code


def test_lines_of_several_files_begin_with_their_file(
    jobs: JobsCommand, service: Service, tmp_path: Path
) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_text(f"one\ntwo of {name}\n")
    files = [str(tmp_path / name) for name in ("a.log", "b.log")]
    (job,) = jobs.run("analyze", *files, "--together", "-p", "two", "--json").items
    done = jobs.run("lines", str(job["job_id"]), "-m", "two", "-B", "1")
    assert done.out.splitlines() == [
        *("a.log-1-one", "a.log:2:two of a.log", "b.log-1-one", "b.log:2:two of b.log"),
    ]
    done = jobs.run("lines", str(job["job_id"]), "--member", "b.log")
    assert done.out.splitlines() == ["1:one", "2:two of b.log"]


def test_lines_are_printed_as_json(jobs: JobsCommand, service: Service) -> None:
    items = jobs.run("lines", analyzed(jobs), "--regex", "ERROR", "--json").items
    assert [(each["line"], each["matches"]) for each in items] == [
        *((1, [[21, 26]]), (3, [[21, 26], [27, 32]])),
    ]


def test_matches_are_in_color_on_a_terminal(jobs: JobsCommand, service: Service) -> None:
    job_id = analyzed(jobs)
    with jobs.terminal("lines", job_id, "--match", "WARN") as terminal:
        assert terminal.end() == 0
        assert "\x1b[1;31mWARN" in terminal.raw


def test_a_wrong_regex_is_reported(jobs: JobsCommand, service: Service) -> None:
    done = jobs.run("lines", analyzed(jobs), "--regex", "a(")
    assert done.code == 2
    assert "regex" in done.err

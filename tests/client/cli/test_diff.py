"""`jobservice diff`, and `jobservice analyze --compare`."""

from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service


def analyzed(service: Service, errors: int) -> str:
    """The id of an analysis of a log with 1,000 lines."""
    log = b"2030-01-31T12:00:00Z ERROR disk\n" * errors + b"2030-01-31T13:00:00Z ok\n" * (
        1000 - errors
    )
    job_id = service.upload(log, {"patterns": ["ERROR", "WARN"]})
    assert service.result(job_id)["status"] == "succeeded"
    return job_id


@pytest.fixture(scope="module")
def two(service: Service) -> tuple[str, str]:
    """Two analyses; the second log has more errors."""
    return analyzed(service, 5), analyzed(service, 90)


@pytest.mark.heavy
def test_changes_are_shown_and_give_an_exit_code(jobs: JobsCommand, two: tuple[str, str]) -> None:
    done = jobs.run("diff", *two)
    assert (done.code, done.err) == (5, "")
    heads, row, _, summary = done.out.splitlines()
    assert heads.split() == ["CHANGE", "KIND", "NAME", "BEFORE", "AFTER", "RATE", *HOUR, "P"]
    assert row.split()[:7] == ["more", "pattern", "ERROR", "5", "90", "x18", "x18"]
    assert summary == "1 more frequent among 2 counts of 1,000 lines, before 1,000 lines"


HOUR = ["PER", "HOUR"]


def test_the_exit_code_is_0_without_a_change_that_matters(
    jobs: JobsCommand, two: tuple[str, str]
) -> None:
    before, after = two
    assert jobs.run("diff", after, before).code == 0
    assert jobs.run("diff", after, before, "--fail-on", "less").code == 5
    assert jobs.run("diff", before, after, "--fail-on", "none").code == 0
    assert jobs.run("diff", before, after, "--min-ratio", "20").code == 0
    same = jobs.run("diff", before[-8:], before)
    assert (same.code, same.out) == (
        0,
        "no significant change among 2 counts of 1,000 lines, before 1,000 lines\n",
    )


def test_all_counts_are_shown_on_request(jobs: JobsCommand, two: tuple[str, str]) -> None:
    rows = jobs.run("diff", *two, "--all").out.splitlines()[1:3]
    assert [row.split()[:3] for row in rows] == [
        ["more", "pattern", "ERROR"],
        ["(same)", "pattern", "WARN"],
    ]
    document = jobs.run("diff", *two, "--json").document
    assert document["changes"]["more"] == 1
    assert len(document["counts"]) == 2


def test_wrong_arguments_are_usage_errors(
    jobs: JobsCommand, service: Service, two: tuple[str, str]
) -> None:
    done = jobs.run("diff", *two, "--fail-on", "new,worse")
    assert (done.code, "'worse' is no change" in done.err) == (2, True)
    assert jobs.run("diff", *two, "--alpha", "2").code == 2
    sleeping = service.submit("sleep", {"seconds": 0})
    assert "no_analysis" in jobs.run("diff", two[0], sleeping).err


def test_an_analysis_shows_the_changes_since_an_earlier_job(
    jobs: JobsCommand, two: tuple[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"ERROR\n" * 300 + b"ok\n" * 700)
    done = jobs.run("analyze", str(log), "-p", "ERROR", "--compare", two[0])
    assert done.code == 0
    assert "1 more frequent among 1 count of" in done.out

"""`jobservice report`, and `jobservice analyze --report`."""

from pathlib import Path

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service


@pytest.fixture
def analysis(service: Service) -> str:
    """The id of an analysis that has succeeded."""
    job_id = service.upload(b"one ERROR\n", {"patterns": ["ERROR"]})
    service.result(job_id)
    return job_id


def test_a_page_is_printed_or_written_to_a_file(
    jobs: JobsCommand, analysis: str, tmp_path: Path
) -> None:
    done = jobs.run("report", analysis)
    assert done.code == 0
    assert done.out.startswith("<!doctype html>")
    file = tmp_path / "report.html"
    quiet = jobs.run("report", analysis, "-o", str(file), "--before", analysis)
    assert (quiet.code, quiet.out) == (0, "")
    assert "conditional test" in file.read_text()
    assert jobs.run("report", analysis, "--json").document["report"] == done.out


def test_a_table_is_printed_as_csv(jobs: JobsCommand, analysis: str, tmp_path: Path) -> None:
    file = tmp_path / "patterns.csv"
    assert jobs.run("report", analysis, "--csv", "patterns", "-o", str(file)).code == 0
    assert file.read_bytes().splitlines(keepends=True)[1] == b"ERROR,1,1,1,1\r\n"
    done = jobs.run("report", analysis, "--csv", "nothing")
    assert done.code == 2
    assert "table" in done.err


def test_an_analysis_writes_its_report(jobs: JobsCommand, tmp_path: Path) -> None:
    log, file = tmp_path / "app.log", tmp_path / "report.html"
    log.write_bytes(b"one ERROR\n")
    done = jobs.run("analyze", str(log), "-p", "ERROR", "--html", str(file))
    assert (done.code, "ERROR" in done.out) == (0, True)
    assert "<title>Analysis of app.log</title>" in file.read_text()
    several = jobs.run("analyze", str(log), str(log), "-p", "ERROR", "--html", str(file))
    assert several.code == 2
    assert "--html takes one FILE" in several.err

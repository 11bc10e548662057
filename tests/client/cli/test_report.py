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


def test_a_range_of_an_analysis_is_explained(jobs: JobsCommand, service: Service) -> None:
    lines = [f"2026-11-25T13:{second // 60:02}:{second % 60:02}Z INFO ok" for second in range(3600)]
    lines[1800:1860] = [each.replace("INFO ok", "ERROR lost") for each in lines[1800:1860]]
    job_id = service.upload("\n".join(lines).encode(), {"explain": True})
    service.result(job_id)
    range_ = ("range", job_id, "--from", "2026-11-25T13:30:00Z", "--to", "2026-11-25T13:31:00Z")
    done = jobs.run(*range_)
    assert done.code == 0
    head, *reasons = done.out.splitlines()
    assert head == "What explains 2026-11-25 13:30:00 to 2026-11-25 13:31:00 (UTC), 60 lines:"
    assert "  level ERROR: 60 of 60 lines, none elsewhere" in reasons
    assert jobs.run(*range_, "--json").document["lines"] == 60
    quiet = jobs.run("range", job_id, "--from", "-10m")
    assert quiet.out.endswith("  nothing differs from the rest of the log\n")
    assert jobs.run("range", job_id).code == 2

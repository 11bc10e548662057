"""`jobservice analyze`: what is counted, and how it is shown."""

import gzip
import json
import re
import zipfile
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.support.jobs_command import JobsCommand
from tests.support.programs import Service

LOG = """\
2030-01-31T12:00:01Z ERROR disk full
2030-01-31T12:00:02Z WARN disk slow
2030-01-31T12:01:03Z ERROR ERROR twice
"""


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A log file."""
    file = tmp_path / "app.log"
    file.write_text(LOG)
    return str(file)


def test_counts_are_shown_as_a_table_with_bars(jobs: JobsCommand, log: str) -> None:
    done = jobs.run("analyze", log, "-p", "ERROR", "-p", "WARN")
    heading, errors, warnings, empty, about = done.out.splitlines()
    assert (done.code, done.err, empty) == (0, "", "")
    assert heading.split() == ["PATTERN", "COUNT", "LINES", "FIRST", "LAST"]
    assert errors.split() == ["ERROR", "3", "2", "1", "3", "█" * 20]
    assert warnings.split() == ["WARN", "1", "1", "2", "2", "██████▊"]
    assert about.startswith("3 lines, 112 B in ")


def test_without_lines_only_counts_are_shown(jobs: JobsCommand, log: str) -> None:
    done = jobs.run("analyze", log, "-p", "ERROR", "--no-lines")
    assert done.out.splitlines()[0].split() == ["PATTERN", "COUNT"]


def test_patterns_come_from_files_and_regexes(jobs: JobsCommand, log: str, tmp_path: Path) -> None:
    (tmp_path / "patterns.txt").write_text("error\n\nwarn\n")
    arguments = ["-f", str(tmp_path / "patterns.txt"), "-e", r"disk (full|slow)", "-i", "--json"]
    result = jobs.run("analyze", log, *arguments).document["result"]
    assert result["counts"] == {"error": 3, "warn": 1, "disk (full|slow)": 2}


def test_fields_are_shown_as_tables(jobs: JobsCommand, tmp_path: Path) -> None:
    file = tmp_path / "app.jsonl"
    file.write_text("".join(f'{{"user":"u{n % 2}","ms":{n}}}\n' for n in range(5)))
    arguments = ["-p", "user", "--field", "user", "--field", 'took="ms":([0-9]+)', "--top", "1"]
    out = jobs.run("analyze", str(file), *arguments).out
    assert "\nuser: 2 different values in 5 lines\n" in out
    assert "\ntook: 5 different values in 5 lines\n  min 0, mean 2, p50 2.0" in out
    assert [line.split()[:2] for line in out.splitlines() if line.startswith("u0")] == [["u0", "3"]]


def test_fields_over_time_are_shown_as_curves(jobs: JobsCommand, tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    lines = [f"2030-01-31T12:00:0{n}Z {'get' if n % 2 else 'put'} took {n} ms\n" for n in range(9)]
    file.write_text("".join(lines))
    arguments = ["-p", "ms", "--field", "ms=took ([0-9]+)", "--field", "verb=(get|put)"]
    out = jobs.run("analyze", str(file), *arguments, "--over-time").out.splitlines()
    words = [line.split() for line in out if line.startswith(("p50", "get", "lines"))]
    curves = {first: others for first, *others in words}
    assert curves["p50"] == ["8", "▁▃▄▅▆▇██"]
    assert curves["get"] == ["1", "█", "█", "█", "█"]
    assert curves["lines"] == ["1", "█████████"]


def test_samples_and_a_histogram_are_shown(jobs: JobsCommand, log: str) -> None:
    arguments = ["-p", "ERROR", "-p", "WARN", "--samples", "1", "--histogram", "minute"]
    out = jobs.run("analyze", log, *arguments).out
    assert "\nERROR\n  2030-01-31T12:00:01Z ERROR disk full\n" in out
    rows = [line.split() for line in out.splitlines() if line.startswith("2030")]
    assert [row[:4] for row in rows] == [
        ["2030-01-31", "12:00:00", "1", "1"],
        ["2030-01-31", "12:01:00", "1", "0"],
    ]


def test_curves_of_all_lines_and_of_patterns_are_shown(
    jobs: JobsCommand, log: str, tmp_path: Path
) -> None:
    out = jobs.run("analyze", log, "-p", "WARN", "--histogram", "auto").out
    heading, total, warnings = out.splitlines()[3:6]
    assert heading.split() == [
        "OVER",
        "TIME",
        "MOST",
        "1.0",
        "s",
        "each,",
        "from",
        "2030-01-31",
        "12:00:01",
        "UTC",
    ]
    assert total.endswith(f"██{' ' * 60}█")
    assert warnings.split() == ["WARN", "1", "█"]
    undated = tmp_path / "undated.log"
    undated.write_text("WARN\n")
    out = jobs.run("analyze", str(undated), "-p", "WARN", "--histogram", "auto").out
    assert "no line has a time" in out


def test_lines_that_the_time_axis_leaves_out_are_counted(jobs: JobsCommand, tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    file.write_text(LOG * 10 + "1970-01-02T00:00:00Z ERROR no clock\n")
    out = jobs.run("analyze", str(file), "-p", "WARN", "--histogram", "auto").out
    assert "\nfar away from these times: 1 line before, 0 after\n" in out


def test_samples_are_shown_with_the_lines_around_them(jobs: JobsCommand, log: str) -> None:
    out = jobs.run("analyze", log, "-p", "WARN", "--samples", "1", "-C", "1").out
    before, sample, after = LOG.splitlines()
    assert f"\nWARN\n    {before}\n  2: {sample}\n    {after}\n" in out


def test_records_of_several_lines_are_counted(jobs: JobsCommand, tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    file.write_text(LOG.replace("full", "full\n\tat a.Disk\nCaused by: b.Timeout"))
    found = ["--all", "full", "--all", "Timeout", "--samples", "1", "-C", "0"]
    out = jobs.run("analyze", str(file), *found, "--records", "multi_line").out
    assert re.search(r"PATTERN +COUNT +RECORDS +FIRST", out)
    assert re.search(r"full AND Timeout +1 +1 +1 +1", out)
    assert "\n     \tat a.Disk\n     Caused by: b.Timeout\n" in out
    assert "5 lines, 3 records, " in out
    start = jobs.run("analyze", str(file), *found, "--records", "start=2030", "--json").document
    assert (start["payload"]["records"], start["result"]["records"]) == ({"start": "2030"}, 3)
    assert jobs.run("analyze", str(file), *found, "--records", "all").code == 2


def test_lines_that_meet_several_conditions_are_counted(jobs: JobsCommand, log: str) -> None:
    arguments = ["--all", "disk", "--any", "full", "--any", "slow", "--none", "WARN", "--json"]
    result = jobs.run("analyze", log, *arguments).document["result"]
    assert result["counts"] == {"disk AND full OR slow NOT WARN": 1}
    done = jobs.run("analyze", log, "--none", "WARN")
    assert (done.code, "needs a text in all or any" in done.err) == (2, True)


def test_lines_between_two_times_are_counted(jobs: JobsCommand, log: str) -> None:
    arguments = ["analyze", log, "-p", "ERROR", "--json"]
    result = jobs.run(*arguments, "--from=-1m").document["result"]
    assert (result["counts"], result["selected"]["lines"]) == ({"ERROR": 2}, 1)
    result = jobs.run(*arguments, "--until", "2030-01-31T12:00:02Z").document["result"]
    assert (result["counts"], result["selected"]["lines"]) == ({"ERROR": 1}, 1)
    done = jobs.run(*arguments, "--from", "yesterday")
    assert (done.code, "payload.from" in done.err) == (2, True)


def test_several_files_are_shown_one_after_the_other(
    jobs: JobsCommand, log: str, tmp_path: Path
) -> None:
    packed = tmp_path / "old.log.gz"
    packed.write_bytes(gzip.compress(b"ERROR\n" * 7))
    done = jobs.run("analyze", log, str(packed), "-p", "ERROR")
    assert f"{packed}:\n" in done.out
    assert "gzip, " in done.out
    items = jobs.run("analyze", log, str(packed), "-p", "ERROR", "--json").items
    assert [item["result"]["counts"]["ERROR"] for item in items] == [3, 7]


def test_an_archive_has_a_table_of_its_members(jobs: JobsCommand, log: str, tmp_path: Path) -> None:
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(log, "app.log")
        archive.writestr("old/app.log", b"ERROR\n" * 7)
        archive.writestr("core", b"\x7fELF" + bytes(100))
    done = jobs.run("analyze", str(packed), "-p", "ERROR")
    assert "MEMBER" in done.out
    assert re.search(r"^old/app\.log +7 +7$", done.out, re.MULTILINE)
    assert re.search(r"^core +it is a program \(ELF\)$", done.out, re.MULTILINE)
    assert "1 of 3 members was not analyzed" in done.err
    done = jobs.run("analyze", str(packed), "-p", "ERROR", "-m", "old/*", "--json")
    (document,) = done.items
    assert document["result"]["counts"] == {"ERROR": 7}
    done = jobs.run("analyze", str(packed), "-p", "ERROR", "-m", "none*")
    assert done.code == 1
    assert "no member of the archive matches none*; it has app.log" in done.err


def test_files_are_analyzed_together_if_that_is_asked_for(
    jobs: JobsCommand, log: str, tmp_path: Path
) -> None:
    other = tmp_path / "other.log"
    other.write_text("ERROR\n")
    (document,) = jobs.run("analyze", "-t", log, str(other), "-p", "ERROR", "--json").items
    assert document["result"]["counts"] == {"ERROR": 4}
    assert [each["name"] for each in document["result"]["members"]] == ["app.log", "other.log"]
    assert "MEMBER" in jobs.run("analyze", log, str(other), "--together", "-p", "ERROR").out


def test_several_files_can_be_submitted(jobs: JobsCommand, log: str) -> None:
    payload = 'patterns=["ERROR"]'
    done = jobs.run("submit", "analyze", payload, "--file", log, "--file", log, "--wait", "--json")
    assert done.items[0]["result"]["counts"] == {"ERROR": 6}
    names = [each["name"] for each in done.items[0]["result"]["members"]]
    assert names == ["app.log", "app (2).log"]


def test_standard_input_is_streamed(jobs: JobsCommand) -> None:
    done = jobs.process("analyze", "-", "-p", "ERROR", "--json", stdin=LOG * 1000)
    assert json.loads(done.out)["result"]["counts"] == {"ERROR": 3000}
    assert json.loads(done.out)["upload"]["name"] == "stdin"


def test_without_patterns_an_overview_is_shown(jobs: JobsCommand, log: str) -> None:
    done = jobs.run("analyze", log)
    assert done.code == 0
    assert "TEMPLATE" in done.out
    assert "PATTERN" not in done.out
    both = jobs.run("analyze", log, "-p", "ERROR", "--overview").out
    assert "TEMPLATE" in both
    assert "PATTERN" in both
    assert jobs.run("analyze", log, "--no-overview").code == 2


def test_a_result_is_reused(jobs: JobsCommand, log: str) -> None:
    command = ("analyze", log, "-p", "reused", "--reuse", "--json")
    first, second = (jobs.run(*command).document for _ in range(2))
    assert second["job_id"] == second["reused_from"] == first["job_id"]
    assert "reused_from" not in first


def test_a_file_that_the_service_has_is_not_sent_again(jobs: JobsCommand, tmp_path: Path) -> None:
    log = tmp_path / "known.log"
    log.write_bytes(b"ERROR by hash\n" * 5)
    first = jobs.run("analyze", str(log), "-p", "ERROR", "--by-hash", "--json").document
    with patch("jobservice.uploads.Form.__init__", side_effect=AssertionError("it was sent")):
        second = jobs.run("analyze", str(log), "-p", "ERROR", "--by-hash", "--json").document
    assert first["job_id"] != second["job_id"]
    assert first["upload"]["sha256"] == second["upload"]["sha256"]
    for files in (["-"], ["--together", str(log), str(log)]):
        refused = jobs.run("analyze", "--by-hash", "-p", "x", *files)
        assert (refused.code, "--by-hash needs files" in refused.err) == (2, True)


def test_a_wrong_regex_is_refused_with_its_field(jobs: JobsCommand, log: str) -> None:
    done = jobs.run("analyze", log, "-e", "(")
    assert done.code == 2
    assert "payload.patterns[0]" in done.err


def test_a_file_that_cannot_be_analyzed_fails(jobs: JobsCommand, tmp_path: Path) -> None:
    archive = tmp_path / "logs.zip"
    archive.write_bytes(b"PK\x03\x04" + b"\0" * 100)
    done = jobs.run("analyze", str(archive), "-p", "ERROR")
    assert (done.code, done.out) == (1, "")
    assert "zip" in done.err


def test_all_files_are_checked_before_one_is_uploaded(
    jobs: JobsCommand, log: str, tmp_path: Path
) -> None:
    done = jobs.run("analyze", log, str(tmp_path / "none.log"), "-p", "ERROR")
    assert (done.code, done.out) == (2, "")


def test_only_whole_words_are_counted(jobs: JobsCommand, log: str) -> None:
    counts = {}
    for options in ([], ["--word"]):
        done = jobs.run("analyze", log, "-p", "ERRO", "-e", "ERR.R", *options, "--json")
        counts[bool(options)] = done.document["result"]["counts"]
    assert counts[False]["ERRO"] > 0
    assert counts[True]["ERRO"] == 0
    assert counts[True]["ERR.R"] == counts[False]["ERR.R"] > 0


def test_standard_input_has_a_name(jobs: JobsCommand) -> None:
    done = jobs.run("analyze", "-", "-p", "a", "--name", "app.log", "--json", stdin="a\n")
    assert done.document["upload"]["name"] == "app.log"


def test_a_wait_for_an_analysis_ends_after_its_timeout(jobs: JobsCommand, service: Service) -> None:
    service.call("PUT", "/queues/resting", {"paused": True})
    done = jobs.run(
        "analyze", "-", "-p", "a", "-q", "resting", "--wait-timeout", "0.1", stdin="a\n"
    )
    assert done.code == 124
    assert "is still queued after 0.1 s" in done.err


def test_a_blank_line_separates_the_files(jobs: JobsCommand, log: str) -> None:
    blocks = jobs.run("analyze", log, log, "-p", "ERROR").out.split(f"{log}:\n")
    assert len(blocks) == 3
    assert blocks[1].endswith("\n\n")
    assert not blocks[2].endswith("\n\n")

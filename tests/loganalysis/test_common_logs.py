"""Logs as people have them: the levels, the times and the format of samples from common tools."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loganalysis.formats import detect
from loganalysis.match.patterns import Pattern
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json

LEVELS = ["INFO", "INFO", "WARN", "ERROR"]
NUMBERS = {"INFO": (30, 6), "WARN": (40, 4), "ERROR": (50, 3)}
"""Of pino, and of syslog."""
COUNTS = {"INFO": 100, "WARN": 50, "ERROR": 50}
UPLOADED = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()


def result_of(folder: Path, lines: list[str], *patterns: Pattern) -> dict[str, Any]:
    path, options = folder / "file", AnalysisOptions(timeline=True, overview=True)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())
    os.utime(path, (UPLOADED, UPLOADED))
    return to_json(analyze(path, patterns, options, lambda progress: None), options)


def log(form: str) -> list[str]:
    """Lines of 200 s, with the date, clock, level and number at their places."""
    return [
        form.format(
            **{"date": "2026-11-25", "clock": f"01:{n // 60:02}:{n % 60:02}"},
            **{"level": LEVELS[n % 4], "color": 31 + n % 4, "n": n, "letter": LEVELS[n % 4][0]},
            **{"lower": LEVELS[n % 4].lower()},
            **{"number": NUMBERS[LEVELS[n % 4]][0], "priority": NUMBERS[LEVELS[n % 4]][1]},
        )
        for n in range(200)
    ]


ISO = "{date}T{clock}Z"
WITH_LEVELS = {
    "Kubernetes (CRI)": "{date}T{clock}.123456789Z stdout F {level} request {n}",
    "colors": "\x1b[2m" + ISO + "\x1b[0m \x1b[{color}m{level}\x1b[0m request {n}",
    "colored level": ISO + " \x1b[1;{color}m{level}\x1b[0m request {n}",
    "colored level in brackets": ISO + " [\x1b[{color}m{lower}\x1b[39m] request {n}",
    "winston in color": ISO + " \x1b[{color}m{lower}\x1b[39m: request {n}",
    "docker compose": "web-1  | " + ISO + " {level} request {n}",
    "docker compose in color": "\x1b[36mweb-1  | \x1b[0m" + ISO + " {level} request {n}",
    "kubectl --prefix": "[pod/web-5d9f7b6c4-abcde/app] " + ISO + " {level} request {n}",
    "stern": "web-5d9f7b6c4-abcde app " + ISO + " {level} request {n}",
    "grep -H": "/var/log/app.log:" + ISO + " {level} request {n}",
    "grep -Hn": "app.log:{n}:" + ISO + " {level} request {n}",
    "GitHub Actions": "build\tRun tests\t{date}T{clock}.1234567Z {level} request {n}",
    "RFC 1123": "Wed, 25 Nov 2026 {clock} GMT {level} request {n}",
    "RFC 1123 in docker compose": "web-1  | Wed, 25 Nov 2026 {clock} GMT {level} request {n}",
    "byte order mark": "\ufeffweb-1  | " + ISO + " {level} request {n}",
    "JSON in stern": 'web-5d9f7b6c4-abcde app {{"ts":"' + ISO + '","level":"{level}"}}',
    "klog in kubectl --prefix": "[pod/web-0/app] {letter}1125 {clock}.000001  1 main.go:7] x {n}",
    "klog in Kubernetes (CRI)": "{date}T{clock}.1Z stderr F {letter}1125 {clock}.1  1 main.go:7] x",
    "Celery": "[{date} {clock},123: {level}/ForkPoolWorker-2] Slow task {n}",
    "Laravel": "[{date} {clock}] production.{level}: Slow task {n}",
    "pino": '{{"level":{number},"time":"' + ISO + '","pid":7,"msg":"x {n}"}}',
    "journal": '{{"__CURSOR":"{n}","PRIORITY":"{priority}","time":"' + ISO + '"}}',
    "MongoDB": '{{"t":{{"$date":"' + ISO + '"}},"s":"{letter}",  "c":"NETWORK","msg":"x {n}"}}',
    "Serilog": '{{"@t":"' + ISO + '","@mt":"x","@l":"{level}"}}',
    "Elasticsearch": "[{date}T{clock},123][{level} ][o.e.n.Node     ] [node-1] request {n}",
    "Elasticsearch in kubectl --prefix": "[pod/es-0/es] [{date}T{clock},123][{level} ][o.e.n] {n}",
    "Kubernetes (CRI) and a byte order mark": "\ufeff" + ISO + " stdout F {level} request {n}",
    "Windows": "{level},11/25/2026 {clock},Service Control Manager,7031,None",
}
WITHOUT_LEVELS = {
    "load balancer": 'https {date}T{clock}.123456Z app/my 192.0.2.7:28 "GET https://e.com/" -',
    "load balancer in grep -H": "a.log:https {date}T{clock}.123456Z app/my 192.0.2.7:28 -",
    "HAProxy": "192.0.2.7:28 [25/Nov/2026:{clock}.655] http-in web/srv 10/0/30/69/109 {n}",
    "CloudFront": "{date}\t{clock}\tFRA2-C1\t2390\t192.0.2.7\tGET\td111.cloudfront.net\t/x\t200",
    "MySQL slow log": "# Time: {date}T{clock}.123456Z\nSELECT {n};",
}


@pytest.mark.parametrize("name", [*WITH_LEVELS, *WITHOUT_LEVELS])
def test_lines_within_those_of_other_tools_have_times_and_levels(tmp_path: Path, name: str) -> None:
    found = result_of(tmp_path, log((WITH_LEVELS | WITHOUT_LEVELS)[name]))
    timeline = found["timeline"]
    assert (timeline["start"], timeline["bins"]) == ("2026-11-25T01:00:00.000Z", 200)
    assert timeline["undated"] == 0
    assert found["overview"]["levels"] == (COUNTS if name in WITH_LEVELS else {})
    assert found["warnings"] == []


@pytest.mark.parametrize(
    "wrapper", ["web-1  | ", "2026-11-25T01:02:03.5Z stdout F ", "\x1b[36mdb_1 | \x1b[0m"]
)
def test_the_format_is_that_of_the_lines_in_the_wrapper(wrapper: str) -> None:
    inner = '{"time":"2026-11-25T01:02:03.5Z","level":"warn","msg":"slow"}'
    form = detect([f"{wrapper}{inner}".encode()] * 10)
    assert form.name == "json_lines"
    parts = form.split(f"{wrapper}{inner}".encode())
    assert parts
    assert (parts.level, parts.message, parts.time) == ("WARN", b"slow", 1795568523.5)


@pytest.mark.parametrize("days", [range(1, 21), range(13, 14), range(1, 32, 15)])
def test_a_day_above_twelve_proves_that_dates_begin_with_it(tmp_path: Path, days: range) -> None:
    lines = [f"{day:02}/10/2026 01:02:03 x" for day in days for _ in range(40)]
    timeline = result_of(tmp_path, lines)["timeline"]
    assert timeline["start"].startswith(f"2026-10-{days[0]:02}")
    assert sum(timeline["total"]) == len(lines)
    lines = [f"10/{day:02}/2026 01:02:03 x" for day in days for _ in range(40)]
    assert result_of(tmp_path, lines)["timeline"]["start"].startswith(f"2026-10-{days[0]:02}")


@pytest.mark.parametrize(
    ("days", "first"),
    [
        (["Nov 20", "Nov 25", "Nov 30", "Dec  5"], "2025-11-20"),  # the day of upload within
        (["Feb 27", "Feb 28", "Feb 29", "Mar  1"], "2024-02-27"),
        (["Dec 30", "Dec 31", "Jan  1", "Jan  2"], "2025-12-30"),
        (["Nov 20", "Nov 25", "Nov 26"], "2026-11-20"),
    ],
)
def test_times_without_a_year_do_not_go_back(tmp_path: Path, days: list[str], first: str) -> None:
    lines = [f"{day} 01:02:03 host app: x {'y' * 300}" for day in days for _ in range(200)]
    timeline = result_of(tmp_path, lines)["timeline"]
    assert timeline["start"].startswith(first)
    assert timeline["bins"] * timeline["bin_seconds"] < 20 * 86_400
    assert sum(timeline["total"]) == len(lines)


def test_lines_of_a_clock_that_was_never_set_do_not_stretch_the_axis(tmp_path: Path) -> None:
    unset = [f"1970-01-01T00:00:{n:02}Z x" for n in range(30)]
    timeline = result_of(tmp_path, [*unset, *log(ISO + " {n}") * 5])["timeline"]
    assert timeline["start"] == "2026-11-25T01:00:00.000Z"
    assert timeline["before"] == 30


@pytest.mark.parametrize("ending", ["", "\r"])
@pytest.mark.parametrize("regex", ["slow$", "(fast|slow)$", "^a.*w$", r"slow\$?$"])
def test_the_end_of_a_line_is_before_its_carriage_return(
    tmp_path: Path, ending: str, regex: str
) -> None:
    lines = [f"a slow{ending}", f"slow a{ending}", f"a [$]{ending}"]
    assert result_of(tmp_path, lines, Pattern(regex, regex=True))["counts"][regex] == 1
    assert result_of(tmp_path, lines, Pattern("[$]", regex=True))["counts"]["[$]"] == 1


@pytest.mark.parametrize("ending", ["", "\r"])
@pytest.mark.parametrize(
    "regex", ["slow$", "(fast|slow)$", "fast|slow$", "slow$|fast", "(?i)SLOW$", r"a s.*\w$"]
)
def test_a_whole_word_at_the_end_of_a_line_is_before_its_carriage_return(
    tmp_path: Path, ending: str, regex: str
) -> None:
    lines = [f"a slow{ending}", f"slow a{ending}", f"a slowly{ending}", f"aslow{ending}"]
    pattern = Pattern(regex, regex=True, word=True)
    expected = 2 if regex.startswith("a s") else 1
    assert result_of(tmp_path, lines, pattern)["counts"][regex] == expected


@pytest.mark.parametrize(
    ("zone", "utc"), [("CET", "00"), ("CEST", "23"), ("EST", "06"), ("", "01")]
)
def test_zones_have_names(tmp_path: Path, zone: str, utc: str) -> None:
    lines = log("{date} {clock} " + zone + " [7] LOG:  {n}")
    assert result_of(tmp_path, lines)["timeline"]["start"][11:13] == utc


def test_a_file_without_times_has_a_warning(tmp_path: Path) -> None:
    assert [each["code"] for each in result_of(tmp_path, ["a", "b"])["warnings"]] == ["no_times"]

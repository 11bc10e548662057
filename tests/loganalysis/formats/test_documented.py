"""The samples in docs/log-formats.md: every format is detected, and gives its fields and parts."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from loganalysis.formats import detect
from loganalysis.formats.layouts import LAYOUTS
from loganalysis.index.line_clock import LineClock
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from loganalysis.times.time_limits import TimeLimit, TimeLimits
from tests.support.paths import ROOT

MODIFIED = 1_796_000_000.0
"""A time of the file some days after that of the samples."""
AT = 1_795_612_322
"""13:12:02 UTC on 25 November 2026, which most samples have."""


@dataclass(frozen=True)
class Sample:
    """A section of the page: the name of a format, lines, and its fields."""

    name: str
    lines: list[bytes]
    fields: list[str]


def samples() -> Iterator[Sample]:
    page = (ROOT / "docs/log-formats.md").read_text()
    section = re.compile(r"^### (\w+)\n.*?^```\n(.*?)^```\nFields: ([^\n]*)", re.M | re.S)
    for name, lines, fields in section.findall(page):
        yield Sample(name, lines.encode().splitlines(), re.findall(r"[\w]+", fields))


SAMPLES = list(samples())
BY_NAME = {sample.name: sample for sample in SAMPLES}
UNDATED = {"python_basic", "unknown"}
"""Formats whose lines have no time. Some lines of other formats have none, either."""
WITHOUT_TIME = {"python_basic", "unknown", "journal_export"}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_lines_of_a_documented_format_have_times_and_a_timeline(
    sample: Sample, tmp_path: Path
) -> None:
    clock, form = LineClock(MODIFIED), detect(sample.lines, MODIFIED)
    own = [clock.own(line, 0) for line in sample.lines]
    parts = [form.split(line) for line in sample.lines]
    for time, each in zip(own, parts, strict=True):
        assert time is None or each is None or each.time is None or time == each.time
    if sample.name in UNDATED:
        assert own == [None] * len(own)
        return
    dated = [time for time in own if time is not None]
    (log := tmp_path / "log").write_bytes(b"\n".join(sample.lines))
    os.utime(log, (MODIFIED, MODIFIED))
    since, last = TimeLimit(dated[-1] // 1), dated[-1] // 1
    for limits in (TimeLimits(), TimeLimits(since=since), TimeLimits(until=TimeLimit(last + 1))):
        options = AnalysisOptions(timeline=True, overview=True, limits=limits)
        found = to_json(analyze(log, [], options, lambda report: None), options)
        assert found["timeline"]["bins"]
        if limits.are_given:
            assert found["selected"]["lines"]
            assert sum(found["timeline"]["total"]) == found["selected"]["lines"]


def test_every_layout_is_documented() -> None:
    assert {name for name, *_ in LAYOUTS} - BY_NAME.keys() == set()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_documented_format_is_detected_with_its_fields(sample: Sample) -> None:
    form = detect(sample.lines, MODIFIED)
    assert form.name == sample.name
    heading = sample.name == "windows_csv"
    lines = len(sample.lines)
    assert form.share == (0 if form.name == "unknown" else (lines - heading) / lines)
    if "file" in sample.fields:
        assert form.fields
    elif sample.name != "unknown":
        assert list(form.fields) == sample.fields
    parts = [form.split(line) for line in sample.lines[heading:]]
    assert None not in parts
    found = {name for each in parts if each for name in each.fields}
    # An object that contains other fields is none of the fields of a format.
    found -= {name for name in found if any(each.startswith(f"{name}.") for each in form.fields)}
    assert found <= set(form.fields)
    assert sample.name == "unknown" or found == set(form.fields)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_the_time_of_every_documented_line_is_read(sample: Sample) -> None:
    if sample.name in WITHOUT_TIME:
        return
    form = detect(sample.lines, MODIFIED)
    times = [parts.time for line in sample.lines if (parts := form.split(line))]
    if sample.name in ("logback", "header"):  # a time without a day, or another day
        times = times[1:]
    assert all(time is not None for time in times)
    if sample.name != "header":
        assert all(abs(time - AT) <= 3601 or time < AT for time in times if time is not None)


@pytest.mark.parametrize(
    ("name", "line", "level", "message"),
    [
        ("nginx_error", 0, "ERROR", b"connect() failed"),
        ("apache_error", 1, "NOTICE", b"caught SIGTERM"),
        ("syslog_rfc3164", 0, "CRITICAL", b"'su root' failed for"),
        ("syslog_rfc3164", 1, None, b"Failed password for root from"),
        ("syslog_iso", 0, "ERROR", b"error: kex_exchange"),
        ("syslog_rfc5424", 0, "NOTICE", b"An application event"),
        ("journal_json", 0, "ERROR", b"Failed password"),
        ("journal_export", 1, "ERROR", b"PRIORITY=3"),
        ("journal_export", 3, None, b"Failed password"),
        ("klog", 0, "ERROR", b"Failed to bind"),
        ("docker_json", 0, "ERROR", b"[error] no route to host"),
        ("windows_csv", 1, "ERROR", b"The Spooler service"),
        ("windows_cbs", 0, "INFO", b"Loaded Servicing"),
        ("json_lines", 1, "ERROR", "café closed".encode()),
        ("logfmt", 0, "WARN", b"slow query"),
        ("log4j", 0, "ERROR", b"Cannot reach"),
        ("log4j", 1, "INFO", b"Started"),
        ("logback", 1, "DEBUG", b"Waiting"),
        ("spring_boot", 0, "WARN", b"Slow answer"),
        ("python_logging", 0, "ERROR", b"Cannot reach"),
        ("python_basic", 0, "WARN", b"Slow answer"),
        ("gunicorn", 0, "ERROR", b"Worker timeout"),
        ("celery", 0, "WARN", b"Slow task"),
        ("level_logger", 0, "INFO", b"Emptied"),
        ("postgresql", 1, "INFO", b"checkpoint starting"),
        ("header", 1, "WARN", b"blockMap updated"),
        ("unknown", 0, None, b"Hello"),
    ],
)
def test_a_line_has_its_level_and_its_message(
    name: str, line: int, level: str | None, message: bytes
) -> None:
    sample = BY_NAME[name]
    parts = detect(sample.lines, MODIFIED).split(sample.lines[line])
    assert parts is not None
    assert parts.level == level
    if name != "windows_csv":
        assert parts.message.startswith(message)
    if parts.message_at is not None:
        assert sample.lines[line][parts.message_at :] == parts.message


def test_the_fields_of_an_access_log_are_read() -> None:
    sample = BY_NAME["access_combined"]
    form = detect(sample.lines, MODIFIED)
    first, second, scanner = (form.split(line) for line in sample.lines)
    assert first
    assert second
    assert scanner
    assert first.fields["client"] == b"203.0.113.7"
    assert first.fields["path"] == b"/orders?id=7"
    assert first.fields["agent"] == b"Mozilla/5.0 (X11; Linux x86_64)"
    assert second.fields["seconds"] == b"0.204"
    assert second.fields["user"] == b"ann"
    assert "path" not in scanner.fields
    assert scanner.fields["status"] == b"400"


def test_values_of_json_are_text_or_the_json_of_the_line() -> None:
    sample = BY_NAME["json_lines"]
    parts = detect(sample.lines, MODIFIED).split(sample.lines[0])
    assert parts is not None
    assert parts.fields["ms"] == b"812.5"
    assert parts.fields["db"] == b'{"table":"orders"}'

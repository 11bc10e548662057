"""The fields of whole files: in windows and ranges, by formats and by regexes."""

import gzip
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loganalysis.count.scanner import ScanOptions
from loganalysis.formats import detect
from loganalysis.match.patterns import Pattern, prepare
from loganalysis.read.stored import modified_at, next_line_start
from loganalysis.scan import ranges
from loganalysis.scan.analyze import analyze
from loganalysis.scan.field_choice import WantedField, plan_fields
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from loganalysis.scan.scan import scan_range
from tests.support.loganalysis.plain_fields import check_counts, check_numbers, values_in

ACCESS = (
    b'10.0.%d.%d - - [25/Nov/2026:13:%02d:01 +0000] "GET /a%d HTTP/1.1" %d %d "-" "curl" "-" 0.%03d'
)
NAMES = ("client", "status", "bytes", "seconds")
WANTED = (*(WantedField(name) for name in NAMES), WantedField("page", r"/a(\d+) HTTP"))
PATTERN = [Pattern("never")]

quick = settings(
    database=None,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def access_log(lines: int, seed: int = 1) -> bytes:
    """A log with some lines of another kind."""
    rng = random.Random(seed)
    made = []
    for number in range(lines):
        values = (number % 3, rng.randrange(200), number % 60, rng.randrange(50))
        line = ACCESS % (*values, rng.choice((200, 404, 502)), rng.randrange(9999), number % 1000)
        made.append(line if number % 7 else b"\tat noise " + bytes([number % 200 + 32]))
    return b"\n".join(made) + b"\n"


def ignore(*_: Any) -> None:
    """Ignore progress."""


def fields_of(file: Path, wanted: Sequence[WantedField], top: int = 1000) -> dict[str, Any]:
    options = AnalysisOptions(fields=tuple(wanted), top=top)
    found = to_json(analyze(file, PATTERN, options, ignore), options)
    assert isinstance(found["fields"], dict)
    return found["fields"]


def check(found: dict[str, Any], values: Sequence[bytes]) -> None:
    check_counts(found, values)
    check_numbers(found["number"], values)


def test_fields_of_a_file_are_those_of_a_plain_implementation(tmp_path: Path) -> None:
    file, data = tmp_path / "access.log", access_log(500)
    file.write_bytes(data)
    found = fields_of(file, WANTED)
    assert list(found) == [*NAMES, "page"]
    form = detect(data.splitlines())
    for name in NAMES:
        check(found[name], values_in(data, form, name))
    check(found["page"], re.findall(rb"/a(\d+) HTTP", data))


@pytest.mark.parametrize("size", [40, 97, 1000])
def test_windows_of_any_size_give_the_same_fields(tmp_path: Path, size: int) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(access_log(60))
    planned = plan_fields(file, WANTED, modified_at(file))
    results = []
    for window_bytes in (0, size):
        options = ScanOptions(window_bytes=window_bytes, fields=planned.plan)
        whole = (0, file.stat().st_size)
        results.append(scan_range(file, whole, prepare(PATTERN), options, ignore).fields)
    if size == 1000:  # shorter windows cut lines, whose ends are then left out
        assert results[0] == results[1]
    assert results[0] is not None


def test_only_the_start_of_a_long_line_gives_fields(tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    file.write_bytes(b"x" * 90 + b" took 5 ms" + b"x" * 400 + b" took 7 ms\ntook 9 ms\n")
    planned = plan_fields(file, [WantedField("ms", r"took (\d+) ms")], modified_at(file))
    assert planned.plan
    whole = (0, file.stat().st_size)
    for window_bytes in (0, 64):
        for line_bytes, values in ((50, [b"9"]), (200, [b"5", b"9"])):
            plan = replace(planned.plan, line_bytes=line_bytes)
            options = ScanOptions(window_bytes=window_bytes, fields=plan)
            found = scan_range(file, whole, [], options, ignore).fields
            assert found
            counted = [value for value, _ in found.fields[0].counts]
            assert counted == (values if not window_bytes else [b"9"])


@pytest.mark.heavy
@quick
@given(st.integers(0, 6000))
def test_two_parts_cut_anywhere_have_the_fields_of_the_whole(tmp_path: Path, cut: int) -> None:
    file, data = tmp_path / "access.log", access_log(60)
    file.write_bytes(data)
    planned = plan_fields(file, WANTED, modified_at(file))
    options, size = ScanOptions(fields=planned.plan), len(data)
    at = next_line_start(file, min(cut, size - 1), size)
    found = [
        scan_range(file, each, prepare(PATTERN), options, ignore)
        for each in ((0, at), (at, size), (0, size))
    ]
    first, second, whole = (each.fields for each in found)
    assert first
    assert second
    first.merge(second)
    assert first == whole


def test_ranges_in_helper_processes_have_the_fields_of_the_whole(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(access_log(400))
    planned = plan_fields(file, WANTED, modified_at(file))
    options, prepared = ScanOptions(fields=planned.plan), prepare(PATTERN)
    whole = scan_range(file, (0, file.stat().st_size), prepared, options, ignore)
    split = ranges.scan_ranges(file, prepared, options, ignore, 2, 5000)
    assert split.fields == whole.fields


def test_compressed_files_have_fields_too(tmp_path: Path) -> None:
    plain, packed = tmp_path / "access.log", tmp_path / "access.log.gz"
    plain.write_bytes(access_log(300))
    packed.write_bytes(gzip.compress(access_log(300)))
    assert fields_of(packed, WANTED) == fields_of(plain, WANTED)


def test_a_regex_may_end_at_the_end_of_a_file_without_a_newline(tmp_path: Path) -> None:
    file = tmp_path / "app.log.gz"
    file.write_bytes(gzip.compress(b"it took 3 ms\nit took 4 ms"))
    assert fields_of(file, [WantedField("ms", r"(\d+) ms$")])["ms"]["count"] == 2


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        (r"\d+ ms$", {"3 ms", "4 ms"}),
        (r"(\d+ \w+)$", {"3 ms", "4 ms"}),
        (r"took (.+)", {"3 ms", "3 ms or more?", "4 ms"}),
    ],
)
def test_a_line_ends_before_its_carriage_return(
    tmp_path: Path, regex: str, expected: set[str]
) -> None:
    file = tmp_path / "app.log"
    file.write_bytes(b"it took 3 ms\r\nit took 3 ms or more?\r\nit took 4 ms")
    values = {each["value"] for each in fields_of(file, [WantedField("ms", regex)])["ms"]["top"]}
    assert values == expected


def test_a_format_that_only_python_reads_has_fields_too(tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    lines = [b"081125 2036%02d 148 INFO dfs.Node%d: Started" % (n % 60, n % 3) for n in range(50)]
    file.write_bytes(b"\n".join(lines))
    found = fields_of(file, [WantedField("component"), WantedField("number")])
    assert found["component"]["count"] == 50
    assert found["component"]["distinct"] == 3
    assert found["number"]["top"] == [{"value": "148", "count": 50, "error": 0}]


def test_a_mixed_file_has_the_fields_of_all_its_formats(tmp_path: Path) -> None:
    file = tmp_path / "mixed.log"
    lines = [b'{"status":"%d","ms":%d}' % (n % 2, n) for n in range(40)]
    file.write_bytes(access_log(60) + b"\n".join(lines))
    found = fields_of(file, [WantedField("status"), WantedField("ms")])
    assert found["ms"]["count"] == 40
    assert found["status"]["distinct"] == 5


@pytest.mark.parametrize(
    ("regex", "name", "names"),
    [
        (r"took (\d+) ms", "ms", ["ms"]),
        (r"took (?P<ms>\d+) (?P<unit>\w+)", "", ["ms", "unit"]),
        (r"took (?P<ms>\d+) (?P<unit>\w+)", "unit", ["unit"]),
        (r"\d+ ms", "duration", ["duration"]),
        (r"(?i)TOOK (?P<ms>\d+)", "", ["ms"]),
        (r"^(?P<word>\w+)", "", ["word"]),
    ],
)
def test_the_groups_of_the_first_match_in_a_line_are_fields(
    tmp_path: Path, regex: str, name: str, names: list[str]
) -> None:
    file = tmp_path / "app.log"
    data = b"".join(b"it took %d ms, then took 7 ms\nother\n" % n for n in range(30))
    file.write_bytes(data)
    found = fields_of(file, [WantedField(name, regex)])
    assert list(found) == names
    for field in names:
        pattern = re.compile(f"(?m){regex}".encode())
        matches = [match for line in data.splitlines() if (match := pattern.search(line))]
        group: str | int = field if field in pattern.groupindex else pattern.groups
        check(found[field], [match[group] for match in matches])


def test_a_field_that_no_line_has_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(access_log(20))
    options = AnalysisOptions(fields=(WantedField("clinet"), WantedField("x", "never(x)")))
    warnings = to_json(analyze(file, PATTERN, options, ignore), options)["warnings"]
    assert [each["code"] for each in warnings] == ["no_such_field"] * 2
    assert "client" in warnings[0]["message"]


def test_at_most_so_many_values_are_shown(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(access_log(200))
    assert len(fields_of(file, WANTED, top=2)["client"]["top"]) == 2
    assert fields_of(file, WANTED, top=0)["client"]["top"] == []

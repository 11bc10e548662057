"""Whole analyses of records: several processes, compressed files and archives agree."""

import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.match.patterns import Pattern
from loganalysis.records.rule import Records
from loganalysis.request.fields import FieldObject
from loganalysis.scan import ranges
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from tests.support.loganalysis.in_ranges import in_ranges, whole
from tests.support.loganalysis.oracle import temporary_log
from tests.support.loganalysis.plain_records import texts

# The test run may have threads, but they do not run the code that helpers run.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")

JAVA = """2026-11-25 01:02:{0:02} ERROR Request {0} failed
java.lang.IllegalStateException: connection {0} closed
\tat com.example.A.run(A.java:17)
Caused by: java.util.concurrent.TimeoutException: {0} s

\t... 12 more
2026-11-25 01:02:{0:02} INFO took {0} ms
"""
POSTGRES = """2026-11-25 01:02:{0:02}.001 UTC [7] ERROR:  duplicate key
2026-11-25 01:02:{0:02}.001 UTC [7] DETAIL:  Key (id)=({0}) already exists.
2026-11-25 01:02:{0:02}.001 UTC [7] STATEMENT:  INSERT INTO orders
\tVALUES ({0})
"""
UNDATED = """request {0} failed
Traceback (most recent call last):
  File "a.py", line {0}
ValueError: {0}
"""
PARTLY_DATED = JAVA + "request ERROR {0} took {0} ms\n" * 3 + UNDATED
LOGS = {"java": JAVA, "postgres": POSTGRES, "undated": UNDATED, "partly dated": PARTLY_DATED}
PATTERNS = [
    Pattern("ERROR"),
    Pattern(r"ms$", regex=True),
    Pattern(r"\(\d+\)|: \d+$", regex=True, name="number"),
    Pattern("", name="both", all=(Pattern("ERROR"), Pattern("TimeoutException"))),
    Pattern("", name="key", all=(Pattern("duplicate"), Pattern("insert", ignore_case=True))),
]
FIELD = FieldObject.model_validate({"name": "took", "regex": r"(?:took|line|: ) ?(\d+)"}).wanted(
    over_time=False
)
OPTIONS = (
    AnalysisOptions(samples=3, records=Records(), fields=(FIELD,)),
    AnalysisOptions(samples=3, context=1, timeline=True, overview=True, records=Records()),
    AnalysisOptions(records=Records(start=r"[12r][0e]"), overview=True, timeline=True, samples=2),
    AnalysisOptions(records=Records(), lines=False),
)


def log(kind: str, count: int = 40) -> bytes:
    return "".join(LOGS[kind].format(number) for number in range(count)).encode()


def result(path: Path, options: AnalysisOptions, processes: int = 1) -> Any:
    """The result of an analysis, without figures about time and storage."""
    found = to_json(analyze(path, PATTERNS, options, lambda _: None, processes), options)
    return comparable(found)


def comparable(found: Any) -> Any:
    kept = ("encoding", "bom", "not_text", "time_span")
    return json.loads(json.dumps({**found, "file": {name: found["file"][name] for name in kept}}))


@pytest.mark.heavy
@pytest.mark.parametrize("kind", LOGS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("range_bytes", [97, 1000])
def test_several_processes_find_the_same_records(
    kind: str,
    options: AnalysisOptions,
    range_bytes: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "log"
    path.write_bytes(log(kind, 12))
    expected = result(path, options)
    monkeypatch.setattr(ranges, "MIN_BYTES", 1)
    monkeypatch.setattr(ranges, "RANGE_BYTES", range_bytes)
    assert result(path, options, processes=2) == expected


@settings(database=None, deadline=None, max_examples=40)
@given(texts(8), st.sampled_from(OPTIONS), st.data())
def test_any_cut_gives_the_same_result(
    data: bytes, options: AnalysisOptions, choices: st.DataObject
) -> None:
    range_bytes = choices.draw(st.integers(1, len(data) or 1))
    with temporary_log(data) as path:
        assert in_ranges(path, range_bytes, PATTERNS, options) == whole(path, PATTERNS, options)


def tar(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for number in range(2):
            info = tarfile.TarInfo(f"{number}.log")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(2):
            archive.writestr(f"{number}.log", data)
    return buffer.getvalue()


def utf16(data: bytes) -> bytes:
    return data.decode().encode("utf-16")


@pytest.mark.parametrize("kind", LOGS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("encode", [gzip.compress, lzma.compress, utf16])
def test_other_forms_of_a_file_have_the_same_records(
    kind: str, options: AnalysisOptions, encode: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    plain, other = tmp_path / "plain", tmp_path / "other"
    plain.write_bytes(log(kind, 12))
    other.write_bytes(encode(log(kind, 12)))
    names = ("encoding", "bom")
    expected, found = result(plain, options), result(other, options)
    for each in (expected, found):
        for name in names:
            del each["file"][name]
    assert found == expected


@pytest.mark.parametrize("archive", [tar, zip_])
def test_each_member_of_an_archive_has_its_own_records(
    archive: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path, data = tmp_path / "log", log("java") + b"\n  the end"
    path.write_bytes(archive(data))
    found = to_json(analyze(path, PATTERNS, OPTIONS[0], lambda _: None), OPTIONS[0])
    assert (found["counted"], found["records"], found["lines"]) == ("records", 160, 2 * 282)
    assert found["matching_lines"]["both"] == 80
    assert found["last_line"]["both"] == 282 + 274


def test_windows_line_ends_are_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(log("java", 1).replace(b"\n", b"\r\n"))
    found = result(path, OPTIONS[1])
    (sample,) = found["samples"]["both"]
    assert sample["text"] == JAVA.format(0).partition("\n2026")[0]
    assert sample["after"] == ["2026-11-25 01:02:00 INFO took 0 ms"]


def test_a_record_is_one_line_of_the_overview_and_its_sample_shows_the_exception(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    path.write_bytes(log("java"))
    templates = result(path, OPTIONS[1])["overview"]["templates"]
    assert [(each["template"], each["count"]) for each in templates] == [
        ("Request <*> failed", 40),
        ("took <*> ms", 40),
    ]
    assert "\njava.lang.IllegalStateException: connection 0 closed\n" in templates[0]["sample"]
    assert templates[0]["last_line"] == 274


def test_details_of_postgresql_are_part_of_the_record(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(log("postgres"))
    found = result(path, OPTIONS[0])
    assert (found["records"], found["lines"]) == (40, 160)
    assert found["matching_lines"]["key"] == 40


def test_values_of_fields_are_counted_once_for_each_record(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(log("java") * 2)
    wanted = FieldObject.model_validate({"name": "class", "regex": r"\bat ([\w.]+)"}).wanted(
        over_time=False
    )
    message = FieldObject.model_validate({"name": "level"}).wanted(over_time=False)
    options = AnalysisOptions(records=Records(), fields=(wanted, message))
    fields = result(path, options)["fields"]
    assert fields["class"]["count"] == 80
    assert {each["value"]: each["count"] for each in fields["level"]["top"]} == {
        "ERROR": 80,
        "INFO": 80,
    }


def test_an_indented_time_has_a_template(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"  2026-11-25 01:02:03 ready\n" * 3)
    for records in (None, Records()):
        found = result(path, AnalysisOptions(overview=True, records=records))
        (template,) = found["overview"]["templates"]
        assert template["template"] == "ready"

"""Marks of lines: made by a scan, encoded, and used to read lines from the middle."""

import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from loganalysis.count import line_marks, scanner
from loganalysis.count.line_marks import LineMarks, MarksError, decode_marks, encode_marks
from loganalysis.index.marks import Marks
from loganalysis.match.patterns import Pattern
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from tests.loganalysis.test_index_pages import (
    COMPRESSORS,
    QUERIES,
    Reader,
    expected,
    log_lines,
    shown,
)
from tests.loganalysis.test_index_pages import closed_streams as closed_streams

PATTERNS = [Pattern("ERROR"), Pattern("req.est [0-9]+", regex=True)]
LINES = log_lines(5000)
DATA = "\n".join(LINES).encode()


@pytest.fixture(autouse=True)
def near_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let marks be a few lines apart."""
    monkeypatch.setattr(line_marks, "SPACING_BYTES", 2000)
    monkeypatch.setattr(scanner, "_MAPPED_BYTES", 4096)
    monkeypatch.setattr(scanner, "_READ_BYTES", 4096)


def index_of(path: Path, **options: Any) -> str:
    """The index in the result of an analysis."""
    asked = AnalysisOptions(**options)
    result = to_json(analyze(path, PATTERNS, asked, lambda progress: None), asked)
    return str(result["file"]["line_index"])


def require_right(index: str) -> None:
    """Compare all marks with the lines."""
    found = decode_marks(index)
    assert (found.size, found.lines) == (len(DATA), len(LINES))
    assert len(found.marks) > 50
    for offset, number, _ in found.marks:
        assert DATA[offset:].startswith(LINES[number - 1].encode() + b"\n")


@pytest.mark.parametrize("form", COMPRESSORS)
def test_a_scan_marks_lines_with_their_offset_number_and_time(tmp_path: Path, form: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(COMPRESSORS[form](DATA))
    require_right(index_of(path))
    with_index, without = Reader(path), Reader(path)
    with_index.file.adopt(index_of(path))
    assert with_index.page(line=4000, limit=5)[0] == without.page(line=4000, limit=5)[0]
    assert with_index.page(limit=1)[1].total_lines == len(LINES)


@pytest.mark.heavy
@pytest.mark.parametrize("form", ["plain", "gzip"])
@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_pages_by_an_index_have_the_lines_of_a_plain_implementation(
    tmp_path: Path, form: str, query: dict[str, Any]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(COMPRESSORS[form](DATA))
    reader = Reader(path)
    reader.file.adopt(index_of(path))
    assert reader.file.marks.is_complete
    assert shown(reader.all(limit=100, **query)) == expected(LINES, **query)


def test_counts_without_lines_have_no_index(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    assert index_of(path, lines=False) == "None"


def test_there_are_never_more_marks_than_a_result_has_room_for() -> None:
    marks = LineMarks(spacing=10)
    for number in range(10_000):
        marks.add(number * 10, number + 1, b"", lambda line: None)
    assert line_marks.MAX_MARKS // 2 <= len(marks.marks) <= line_marks.MAX_MARKS
    assert all(line == offset // 10 + 1 for offset, line, _ in marks.marks)
    assert len(encode_marks(marks, 100_000, 10_000, None)) < 4000


def _encoded(**changes: Any) -> str:
    document = {"size": 100, "lines": 10, "last_time": 5.0, "offsets": [0, 50], "numbers": [1, 4]}
    packed = json.dumps({**document, "times": [1, None], **changes}).encode()
    return base64.b64encode(zlib.compress(packed)).decode()


def test_sound_marks_are_decoded() -> None:
    assert decode_marks(_encoded()).marks == [(0, 1, 1), (50, 5, None)]


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "€", base64.b64encode(b"damaged").decode(), _encoded()[:-9]),
        base64.b64encode(zlib.compress(b"[" * 60_000)).decode(),
        base64.b64encode(zlib.compress(bytes(10_000_000))).decode(),
        *(_encoded(offsets=[0, 101]), _encoded(offsets=[0, 0]), _encoded(offsets=[0, "a"])),
        *(_encoded(numbers=[0, 1]), _encoded(numbers=[1, 99]), _encoded(numbers=[1])),
        *(
            _encoded(times=["x", 1]),
            _encoded(last_time=1e300),
            _encoded(size=-1),
            _encoded(lines=None),
        ),
    ],
)
def test_damaged_marks_are_refused_and_lines_are_read_without_them(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(MarksError):
        decode_marks(text)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(DATA))
    reader = Reader(path)
    reader.file.adopt(text)
    assert reader.page(line=4000, limit=1)[0][0]["text"] == LINES[3999]


def test_marks_of_another_file_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(DATA)
    reader = Reader(path)
    reader.file.adopt(_encoded())
    assert reader.file.marks == Marks()

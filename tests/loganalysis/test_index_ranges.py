"""Lines between two times in files whose times are in no order, compared with a plain reader.

Every file is random: its times jump, repeat, go back, or are wrong in single lines, some lines have
none. It is read with and without the index of an analysis, in pages of several sizes.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loganalysis.count import line_marks, scanner
from loganalysis.count.line_marks import decode_marks
from loganalysis.index import blocks, known_file, marks
from loganalysis.index.position import Position, to_cursor
from loganalysis.match.patterns import Pattern
from loganalysis.records.rule import Records
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from loganalysis.times.time_limits import TimeLimit, TimeLimits
from tests.loganalysis.test_index_pages import COMPRESSORS, Reader, expected, shown
from tests.loganalysis.test_index_pages import closed_streams as closed_streams

START = datetime(2026, 11, 25, 10, 0, tzinfo=UTC).timestamp()
YEAR_1970, YEAR_2099 = 86_400.0 * 3, datetime(2099, 1, 1, tzinfo=UTC).timestamp()
TIMED = AnalysisOptions(timeline=True)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a piece, a block and a probe have a few lines."""
    monkeypatch.setattr(line_marks, "SPACING_BYTES", 900)
    monkeypatch.setattr(scanner, "_READ_BYTES", 512)
    monkeypatch.setattr(marks, "SPACING_BYTES", 700)
    monkeypatch.setattr(known_file, "_PROBE_BYTES", 128)
    monkeypatch.setattr(blocks, "FIRST_BYTES", 64)
    monkeypatch.setattr(blocks, "MOST_BYTES", 256)


def moments(rng: random.Random, kind: str) -> Iterator[float]:
    """The times of lines, each a whole second."""
    now = START
    while True:
        now += rng.choice([0, 0, 1, 2, 30])
        if kind == "jumps" and rng.random() < 0.03:
            now += rng.choice([-900, -60, 600, 5000])
        if kind == "long requests" and rng.random() < 0.02:
            yield now - rng.randrange(3600)
        elif kind == "single wrong lines" and rng.random() < 0.01:
            yield rng.choice([YEAR_1970, YEAR_2099])
        else:
            yield now


def random_lines(rng: random.Random, kind: str, count: int) -> list[str]:
    """Lines of a log; up to half of them have no time."""
    undated, lines = rng.choice([0, 0.1, 0.5]), list[str]()
    for number, moment in zip(range(count), moments(rng, kind), strict=False):
        if rng.random() < undated:
            lines += [f"    at frame {number}"] * rng.choice([1, 1, 1, 40])
        stamp = f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
        lines.append(f"{stamp} {rng.choice(['INFO', 'ERROR'])} request {number}")
    return lines


def random_query(rng: random.Random, lines: list[str]) -> dict[str, Any]:
    """A range near the time of a line, open on one side or none, with other conditions."""
    dated = [line for line in lines if line[:1].isdigit()]
    start = datetime.fromisoformat(rng.choice(dated)[:20]).timestamp() + rng.choice([-1, 0, 1])
    query: dict[str, Any] = {}
    if rng.random() < 0.9:
        query["start"] = TimeLimit(start)
    if not query or rng.random() < 0.8:
        query["end"] = TimeLimit(start + rng.choice([1, 60, 3600]))
    for name, value in (
        ("match", "ERROR"),
        ("line", rng.randrange(1, len(lines))),
        ("before", rng.randrange(4)),
        ("after", rng.randrange(4)),
    ):
        if rng.random() < 0.3:
            query[name] = value
    return query


def index_of(path: Path, options: AnalysisOptions = TIMED) -> str:
    result = to_json(analyze(path, [Pattern("ERROR")], options, lambda progress: None), options)
    return str(result["file"]["line_index"])


KINDS = ("in order", "jumps", "long requests", "single wrong lines")


@pytest.mark.heavy
@pytest.mark.parametrize("form", ["plain", "gzip"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_no_line_of_a_range_is_left_out(tmp_path: Path, form: str, kind: str, seed: int) -> None:
    rng, path = random.Random(f"{kind}{seed}"), tmp_path / "file"
    lines = random_lines(rng, kind, 120)
    path.write_bytes(COMPRESSORS[form]("\n".join(lines).encode() + b"\n" * rng.randrange(2)))
    limited = TimeLimits(TimeLimit(START + 100), TimeLimit(START + 400))
    indexes = {
        "timed": index_of(path),
        "of a part of the times": index_of(path, AnalysisOptions(limits=limited)),
        "without times": index_of(path, AnalysisOptions()),
        "none": None,
    }
    readers = {name: Reader(path) for name in indexes}
    for name, index in indexes.items():
        if index:
            readers[name].file.adopt(index)
    for _ in range(6):
        query, limit = random_query(rng, lines), rng.choice([3, 50, 1000])
        for name, reader in readers.items():
            seconds = rng.choice([0, 60])
            found = shown(reader.all(limit=limit, seconds=seconds, **query))
            assert found == expected(lines, **query), (name, limit, seconds, query)


@pytest.mark.parametrize("outlier", [YEAR_1970, YEAR_2099])
def test_one_wrong_line_costs_only_its_piece(tmp_path: Path, outlier: float) -> None:
    """The lines of a minute are found near it, although a line elsewhere has a wrong time."""
    lines = [f"{datetime.fromtimestamp(START + n, UTC):%Y-%m-%dT%H:%M:%SZ} x" for n in range(2000)]
    lines[500] = f"{datetime.fromtimestamp(outlier, UTC):%Y-%m-%dT%H:%M:%SZ} wrong"
    path = tmp_path / "file"
    path.write_bytes("\n".join(lines).encode())
    reader = Reader(path)
    reader.file.adopt(index_of(path))
    size, read = len(lines[0]) + 1, []
    original = reader.file.clock.bounds_of
    reader.file.clock.bounds_of = lambda data: read.append(len(data)) or original(data)  # type: ignore[method-assign,func-returns-value]
    query = {"start": TimeLimit(START + 1500), "end": TimeLimit(START + 1510)}
    assert shown(reader.all(**query)) == expected(lines, **query)
    assert 10 * size <= sum(read) < 300 * size


def test_an_index_of_records_tells_nothing_of_lines(tmp_path: Path) -> None:
    """Lines within records have times that an analysis of records never saw."""
    lines = []
    for number in range(400):
        stamps = [
            f"{datetime.fromtimestamp(START + each, UTC):%Y-%m-%dT%H:%M:%SZ}"
            for each in (number, 9000 - number)
        ]
        lines += [f"{stamps[0]} BEGIN {number}", f"{stamps[1]} detail {number}"]
    path, records = tmp_path / "file", Records(r"\S+ BEGIN")
    path.write_bytes("\n".join(lines).encode())
    index = index_of(path, AnalysisOptions(timeline=True, records=records))
    assert decode_marks(index).records == records.start
    query = {"start": TimeLimit(START + 8000), "end": TimeLimit(START + 8900)}
    reader = Reader(path)
    reader.file.adopt(index)
    assert shown(reader.all(**query)) == expected(lines, **query)
    assert reader.all(records=records, **query) == []
    firsts = {"start": TimeLimit(START + 100), "end": TimeLimit(START + 110)}
    found = reader.all(records=records, **firsts)
    assert [each["line"] for each in found] == list(range(201, 221))


def test_damaged_bounds_are_refused() -> None:
    for wrong in ([[1], [2], [-1.0]], [[1], [2]], [[1, 2], [2, 3], [0, 0]], [[1.5], [2], [0]], 7):
        with pytest.raises(line_marks.MarksError):
            decode_marks(line_marks.pack({**DOCUMENT, "bounds": wrong}))


DOCUMENT: dict[str, Any] = {
    **{"size": 100, "lines": 10, "last_time": 5.0, "offsets": [0], "numbers": [1]},
    "times": [1],
}


def test_pieces_cover_the_file_without_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("\n".join(random_lines(random.Random(5), "jumps", 500)).encode())
    indexed, read = Reader(path), Reader(path)
    indexed.file.adopt(index_of(path))
    assert read.all(start=TimeLimit(0), limit=7)
    for reader in (indexed, read):
        pieces, is_all = reader.file.pieces(None)
        assert is_all
        assert pieces[0].start == 0
        assert pieces[-1].end == path.stat().st_size
        assert all(a.end == b.start for a, b in pairwise(pieces))
        assert len(pieces) > 10


def test_pages_from_any_cursor_teach_nothing_wrong(tmp_path: Path) -> None:
    """A client can begin anywhere, also behind lines that were never read."""
    lines = [f"{datetime.fromtimestamp(START + n, UTC):%Y-%m-%dT%H:%M:%SZ} x" for n in range(300)]
    path = tmp_path / "file"
    path.write_bytes("\n".join(lines).encode())
    reader = Reader(path)
    reader.page(start=TimeLimit(0), cursor=to_cursor(Position(23 * 200, 201)), limit=1000)
    query = {"start": TimeLimit(START + 50), "end": TimeLimit(START + 60)}
    assert shown(reader.all(**query)) == expected(lines, **query)


def test_bisection_goes_only_as_far_as_lines_are_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_marks, "SPACING_BYTES", 1 << 20)  # one piece
    moments = [*range(5000, 5400), *range(100, 500)]
    stamps = [datetime.fromtimestamp(START + each, UTC) for each in moments]
    lines = [f"{each:%Y-%m-%dT%H:%M:%SZ} x" for each in stamps]
    path = tmp_path / "file"
    path.write_bytes("\n".join(lines).encode())
    reader = Reader(path)
    reader.file.adopt(index_of(path))
    query = {"start": TimeLimit(START + 5010), "end": TimeLimit(START + 5020)}
    assert shown(reader.all(**query)) == expected(lines, **query)


def test_lines_without_a_time_far_behind_the_last_one_with_a_time_are_found(tmp_path: Path) -> None:
    stamps = [f"{datetime.fromtimestamp(START + n, UTC):%Y-%m-%dT%H:%M:%SZ}" for n in range(9999)]
    lines = [*stamps[:100], *(["    at frame"] * 200), *stamps[9000:9100]]
    path = tmp_path / "file"
    path.write_bytes("\n".join(lines).encode())
    for query in ({}, {"line": 250}, {"line": 250, "before": 2}):
        reader = Reader(path)
        reader.file.adopt(index_of(path))
        asked = {"start": TimeLimit(START + 99), "end": TimeLimit(START + 110), **query}
        assert shown(reader.all(**asked)) == expected(lines, **asked)

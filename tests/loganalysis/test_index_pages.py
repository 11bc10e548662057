"""Pages of lines, compared with a plain implementation, for every format, encoding and cut."""

import bz2
import gzip
import lzma
import random
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from loganalysis.index import blocks
from loganalysis.index.known_file import KnownFile
from loganalysis.index.position import Position, to_cursor
from loganalysis.index.stream import StreamCache
from loganalysis.lines.matcher import FieldProblem, Matcher
from loganalysis.lines.page import PageEnd, read_page
from loganalysis.lines.query import LineQuery
from loganalysis.lines.sinks import ObjectSink, TextSink
from loganalysis.times.time_limits import TimeLimit

STREAMS = StreamCache()
START = datetime(2026, 11, 25, 10, 0, tzinfo=UTC).timestamp()
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip members": lambda data: gzip.compress(data[:1000]) + gzip.compress(data[1000:]),
    "zstd": zstd.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


@pytest.fixture(autouse=True)
def closed_streams() -> Iterator[None]:
    """Closes the streams that a test leaves open."""
    yield
    STREAMS.close_idle(0)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let blocks have a few lines, so that many pages, contexts and records cross their borders."""
    monkeypatch.setattr(blocks, "FIRST_BYTES", 64)
    monkeypatch.setattr(blocks, "MOST_BYTES", 256)


def log_lines(count: int, seed: int = 0) -> list[str]:
    """Lines with rising times, some of them without a time, some with other letters."""
    rng, lines = random.Random(seed), []
    for number in range(count):
        if rng.random() < 0.2:
            lines.append(f"    at frame {number} größe")
        else:
            moment = datetime.fromtimestamp(START + number, UTC)
            level = rng.choice(["INFO", "WARN", "ERROR", "error"])
            lines.append(f"{moment:%Y-%m-%dT%H:%M:%SZ} {level} request {number} € done")
    return lines


class Reader:
    """Reads all pages of a file."""

    def __init__(self, path: Path, encoding: str | None = None):
        STREAMS.close_idle(0)
        self.file = KnownFile.of_file("key", path, encoding, STREAMS)

    def query(self, **given: Any) -> LineQuery:
        return LineQuery(**{"limit": 1000, **given})

    def page(self, seconds: float = 60, **query: Any) -> tuple[list[dict[str, Any]], PageEnd]:
        asked = self.query(**query)
        matcher = Matcher(asked.match, asked.regex, asked.ignore_case)
        sink = ObjectSink(matcher, asked.limit or 1)
        sink.begin(self.file.clock)
        return sink.lines, read_page(self.file, asked, sink, time.monotonic() + seconds)

    def all(self, **query: Any) -> list[dict[str, Any]]:
        lines, cursor = [], None
        for _ in range(10_000):
            found, end = self.page(cursor=cursor, **query)
            lines += found
            cursor = end.cursor
            if cursor is None:
                return lines
        raise AssertionError("the pages have no end")


def expected(lines: list[str], **query: Any) -> list[tuple[int, bool]]:
    """The numbers of the lines that a query asks for, and whether each is context."""
    wanted, latest = [], None
    for number, line in enumerate(lines, 1):
        if line[:4].isdigit():
            latest = datetime.fromisoformat(line.split()[0]).timestamp()
        flags = re.IGNORECASE if query.get("ignore_case") else 0
        text, regex = query.get("match"), query.get("regex")
        is_found = text is None or bool(re.search(re.escape(text), line, flags))
        is_found = is_found and (regex is None or bool(re.search(regex, line, flags)))
        level = query.get("level")
        is_found = is_found and (level is None or f" {level} " in line)
        start, end = query.get("start"), query.get("end")
        if start or end:
            is_found = is_found and latest is not None
            is_found = is_found and (not start or latest >= start.seconds)
            is_found = is_found and (not end or latest < end.seconds)
        if is_found and number >= query.get("line", 1):
            wanted.append(number)
    shown: dict[int, bool] = {}
    for number in wanted:
        first, last = number - query.get("before", 0), number + query.get("after", 0)
        for near in range(max(first, 1), min(last, len(lines)) + 1):
            shown.setdefault(near, True)
    shown |= dict.fromkeys(wanted, False)
    return sorted(shown.items())


def shown(lines: list[dict[str, Any]]) -> list[tuple[int, bool]]:
    return [(each["line"], each.get("context", False)) for each in lines]


QUERIES: list[dict[str, Any]] = [
    {},
    {"line": 150},
    {"line": 150, "before": 7},
    {"line": 100_000},
    {"match": "ERROR"},
    {"match": "error", "ignore_case": True, "before": 2, "after": 3},
    {"regex": r"request \d*7 ", "after": 1},
    {"match": "WARN", "regex": r"7 .* done$", "before": 1},
    {"match": "größe", "before": 5, "line": 30},
    {"start": TimeLimit(START + 50), "end": TimeLimit(START + 90)},
    {"start": TimeLimit(START + 250), "match": "frame", "before": 1},
    {"end": TimeLimit(START + 5), "regex": "ERROR|INFO"},
    {"level": "ERROR", "before": 1},
    {"level": "WARN", "match": "7", "start": TimeLimit(START + 50), "end": TimeLimit(START + 90)},
    {"match": "nowhere"},
]


@pytest.mark.heavy
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", COMPRESSORS)
@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_all_pages_have_the_lines_of_a_plain_implementation(
    tmp_path: Path, form: str, query: dict[str, Any]
) -> None:
    lines = log_lines(300)
    path = tmp_path / "file"
    path.write_bytes(COMPRESSORS[form]("\n".join(lines).encode() + b"\n"))
    for limit in (1, 3, 1000):
        reader = Reader(path)
        found = reader.all(limit=limit, **query)
        assert shown(found) == expected(lines, **query)
        assert [each["text"] for each in found] == [lines[each["line"] - 1] for each in found]
        assert reader.all(limit=7, **query) == found  # now with marks


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", COMPRESSORS)
@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_pages_that_run_out_of_time_have_the_same_lines(
    tmp_path: Path, form: str, query: dict[str, Any]
) -> None:
    lines = log_lines(60, seed=1)
    path = tmp_path / "file"
    path.write_bytes(COMPRESSORS[form]("\n".join(lines).encode()))
    found = Reader(path).all(limit=5, seconds=0, **query)
    assert shown(found) == expected(lines, **query)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32-be", "cp1252", "utf-8-sig"])
@pytest.mark.parametrize("form", ["plain", "gzip"])
def test_lines_are_decoded_as_the_job_says(tmp_path: Path, encoding: str, form: str) -> None:
    lines = log_lines(50)
    path = tmp_path / "file"
    path.write_bytes(COMPRESSORS[form]("\r\n".join(lines).encode(encoding)))
    found = Reader(path, encoding).all(match="größe")
    assert [each["text"] for each in found] == [each for each in lines if "größe" in each]
    at = found[0]["text"].index("größe")
    assert found[0]["matches"] == [(at, at + 5)]
    first, _ = Reader(path, encoding).page(limit=1)
    assert first[0]["text"] == lines[0]


def test_matches_are_positions_of_characters(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes("€€ größe €ab größe".encode() + b" \xff\xe2\x82 ab\n")
    (line,), _ = Reader(path).page(match="größe", regex="a.")
    pieces = [line["text"][start:end] for start, end in line["matches"]]
    assert pieces == ["größe", "ab", "größe", "ab"]


def test_a_relative_time_counts_from_the_last_time_in_the_file(tmp_path: Path) -> None:
    lines = log_lines(200)
    for form in ("plain", "gzip"):
        path = tmp_path / form
        path.write_bytes(COMPRESSORS[form]("\n".join(lines).encode()))
        last = max(each[:20] for each in lines if each.startswith("2026"))
        since = datetime.fromisoformat(last).timestamp() - 30
        query = {"start": TimeLimit(30, is_relative=True)}
        assert shown(Reader(path).all(**query)) == expected(lines, start=TimeLimit(since))


def test_a_relative_time_needs_times_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"no time here\n")
    with pytest.raises(FieldProblem, match="last time"):
        Reader(path).page(start=TimeLimit(60, is_relative=True))


def test_lines_out_of_order_are_found_by_their_time(tmp_path: Path) -> None:
    lines = log_lines(3000)
    random.Random(3).shuffle(lines)
    lines.insert(0, "2026-11-25T09:00:00Z first")
    path = tmp_path / "file"
    path.write_bytes("\n".join(lines).encode())
    query = {"start": TimeLimit(START + 500), "end": TimeLimit(START + 520)}
    assert shown(Reader(path).all(**query)) == expected(lines, **query)


def test_a_line_that_is_too_long_is_cut_and_later_lines_keep_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "FIRST_BYTES", 10)
    monkeypatch.setattr(blocks, "MOST_BYTES", 40)
    monkeypatch.setattr(blocks, "MAX_LINE_BYTES", 100)
    path = tmp_path / "file"
    path.write_bytes(b"one\n" + b"x" * 1000 + b"y\nthree\n" + b"z" * 500)
    for seconds in (0, 60):
        found = Reader(path).all(seconds=seconds, limit=1)
        assert [each["line"] for each in found] == [1, 2, 3, 4]
        assert found[1]["text"] == "x" * 100
        assert found[2]["text"] == "three"
    reader = Reader(path)
    reader.all()
    assert reader.file.marks.total_lines == 4


@pytest.mark.parametrize("form", COMPRESSORS)
def test_text_is_what_the_file_holds(tmp_path: Path, form: str) -> None:
    data = "\n".join(log_lines(2000)).encode()
    path = tmp_path / "file"
    path.write_bytes(COMPRESSORS[form](data))
    reader, cursor, text = Reader(path), None, b""
    while True:
        sink = TextSink(None, 1000)
        end = read_page(reader.file, LineQuery(cursor=cursor), sink, time.monotonic() + 60)
        text, cursor = text + sink.text, end.cursor
        if cursor is None:
            break
    assert text == data


@pytest.mark.heavy
@pytest.mark.parametrize("form", ["gzip", "zstd", "xz", "bzip2"])
def test_lines_before_the_damage_are_shown_with_the_problem(tmp_path: Path, form: str) -> None:
    lines = [f"line {number} {random.Random(number).random()}" for number in range(20_000)]
    path = tmp_path / "file"
    stored = COMPRESSORS[form]("\n".join(lines).encode())
    path.write_bytes(stored[: len(stored) // 2])
    found, end = Reader(path).page(match="line 1 ")
    assert end.cursor is None
    assert "cut short" in str(end.problem)
    assert form == "bzip2" or [each["line"] for each in found] == [2]
    _, end = Reader(path).page(line=19_999)
    assert "cut short" in str(end.problem)


CURSORS = [
    *("", "x", "!!!", "A" * 300, "WzEsMl0", "bnVsbA", "W1tdLFtdLFtdLFtdLFtdXQ"),
    *(to_cursor(Position(offset, line)) for offset, line in ((0, 0), (-1, 1), (0, 2**60))),
    to_cursor(Position(0, 1, float("nan"))),
]
"""Texts that no page has as its `next`."""


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_text_that_is_no_cursor_is_refused(tmp_path: Path, cursor: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one\n")
    with pytest.raises(FieldProblem) as error:
        Reader(path).page(cursor=cursor)
    assert error.value.field == "cursor"


@pytest.mark.parametrize("form", ["plain", "gzip"])
def test_a_cursor_behind_the_end_gives_no_lines_and_no_next_page(tmp_path: Path, form: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(COMPRESSORS[form](b"one\ntwo\n"))
    found, end = Reader(path).page(cursor=to_cursor(Position(9999, 5)))
    assert (found, end.cursor) == ([], None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"regex": "a("}, "regex"),
        ({"regex": "a*"}, "regex"),
        ({"match": "a\nb"}, "match"),
    ],
)
def test_a_wrong_pattern_names_its_parameter(
    tmp_path: Path, query: dict[str, Any], field: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one\n")
    with pytest.raises(FieldProblem) as error:
        Reader(path).page(**query)
    assert error.value.field == field

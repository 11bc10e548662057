"""The job type `analyze` and its scanner, against plain counting of the whole data at once."""

import itertools
import json
import os
import re
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from runner.job_types import load
from runner.job_types.analyze import WINDOW_BYTES, AnalyzePayload
from runner.job_types.base import NotRetryable
from runner.job_types.scanner import Scanner

quick = settings(database=None, deadline=None)
texts = st.text("ab\n", max_size=80)
window_sizes = st.lists(st.integers(min_value=1, max_value=9), min_size=1)
short_patterns = [
    "".join(letters)
    for length in (1, 2, 3, 4)
    for letters in itertools.product("ab\n", repeat=length)
]


def scan(data: bytes, patterns: Iterable[bytes], sizes: Iterable[int]) -> Scanner:
    """Feed the data in windows of these sizes, over and over again."""
    scanner = Scanner(list(patterns))
    start = 0
    for size in itertools.cycle(sizes):
        if start >= len(data):
            return scanner
        scanner.feed(memoryview(data)[start : start + size])
        start += size
    raise AssertionError("no sizes")


def matching_lines(data: bytes, pattern: bytes) -> int:
    starts = (match.start() for match in re.finditer(re.escape(pattern), data))
    return len({data.count(b"\n", 0, start) for start in starts})


def assert_exact(data: bytes, patterns: list[bytes], sizes: list[int]) -> None:
    scanner = scan(data, patterns, sizes)
    assert scanner.counts == [data.count(pattern) for pattern in patterns]
    assert scanner.matching_lines == [matching_lines(data, pattern) for pattern in patterns]
    assert scanner.lines == len(data.split(b"\n")) - (data == b"" or data.endswith(b"\n"))
    assert scanner.bytes == len(data)


@quick
@given(
    texts, st.lists(st.text("ab\n", min_size=1, max_size=8), min_size=1, max_size=6), window_sizes
)
def test_counts_and_lines_are_exact_however_the_data_is_cut(
    text: str, patterns: list[str], sizes: list[int]
) -> None:
    assert_exact(text.encode(), [pattern.encode() for pattern in patterns], sizes)


@quick
@given(st.data(), texts.filter(bool), window_sizes)
def test_counts_and_lines_are_exact_with_many_patterns(
    draw: st.DataObject, text: str, sizes: list[int]
) -> None:
    places = st.integers(min_value=0, max_value=len(text) - 1)
    parts = st.builds(lambda start, length: text[start : start + 1 + length], places, places)
    patterns = short_patterns + draw.draw(st.lists(parts, max_size=20))
    assert_exact(text.encode(), [pattern.encode() for pattern in patterns], sizes)


@quick
@given(
    st.text("aé€😀\n", max_size=60),
    st.lists(st.text("aé€😀\n", min_size=1, max_size=3), min_size=1, max_size=5),
    window_sizes,
)
def test_counts_in_utf_8_are_those_of_the_text(
    text: str, patterns: list[str], sizes: list[int]
) -> None:
    scanner = scan(text.encode(), [pattern.encode() for pattern in patterns], sizes)
    assert scanner.counts == [text.count(pattern) for pattern in patterns]


EDGES: dict[str, tuple[bytes, bytes, int, int, int]] = {
    # name: data, pattern, count, matching lines, lines
    "empty data": (b"", b"a", 0, 0, 0),
    "only a newline": (b"\n", b"a", 0, 0, 1),
    "no newline at the end": (b"x\nERROR", b"ERROR", 1, 1, 2),
    "CRLF": (b"ERROR\r\nok\r\nERROR\r\n", b"ERROR\r\n", 2, 2, 3),
    "a lone CR ends no line": (b"a\ra\ra", b"a", 3, 1, 1),
    "NULs": (b"\0\0a\0\0\0\n", b"\0\0", 2, 1, 1),
    "invalid UTF-8": (b"\xff\xfeERR\xc3\nERR\xe2\x82", b"ERR", 2, 2, 2),
    "half a character": ("é".encode()[:1] + b"a", "é".encode(), 0, 0, 1),
    "the first and the last byte": (b"a.\n.a", b"a", 2, 2, 2),
    "all of the data": (b"abc", b"abc", 1, 1, 1),
    "one byte more than the data": (b"abc", b"abcd", 0, 0, 1),
    "overlaps itself": (b"aaaaa", b"aa", 2, 1, 1),
    "ends as it begins": (b"denieddenieddenie", b"denied", 2, 1, 1),
    "the newline itself": (b"a\n\nb\n", b"\n", 3, 3, 3),
    "begins with a newline": (b"a\nb\nb", b"\nb", 2, 2, 3),
    "over two lines": (b"x a\na\na\na", b"a\na", 2, 2, 4),
    "two on a line, one begins the next": (b"a\na a\na", b"a", 4, 3, 3),
    "begins anew where it failed": (b"aab aaab", b"aab", 2, 1, 1),
}


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize(
    ("data", "pattern", "count", "on_lines", "lines"), EDGES.values(), ids=EDGES
)
def test_edges_are_counted(
    data: bytes, pattern: bytes, count: int, on_lines: int, lines: int, size: int
) -> None:
    scanner = scan(data, [pattern], [size])
    assert (scanner.counts, scanner.matching_lines, scanner.lines) == ([count], [on_lines], lines)


def test_an_empty_window_changes_nothing() -> None:
    scanner = Scanner([b"a"])
    scanner.feed(b"")
    assert scanner.lines == 0
    scanner.feed(b"a\n")
    scanner.feed(b"")
    assert (scanner.matching_lines, scanner.lines, scanner.bytes) == ([1], 1, 2)


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def analyze(tmp_path: Path) -> Run:
    """Store the data as an upload, and run the job on it."""

    def run(data: bytes, *patterns: str, reports: list[str] | None = None) -> dict[str, Any]:
        path = tmp_path / "upload"
        path.write_bytes(data)
        return run_on(path, *patterns, reports=reports)

    return run


def run_on(
    path: Path, *patterns: str, size: int | None = None, reports: list[str] | None = None
) -> dict[str, Any]:
    upload = {
        "path": str(path),
        "name": "app.log",
        "size": path.stat().st_size if size is None else size,
    }
    request = {
        "job_id": "j",
        "attempt": 1,
        "type": "analyze",
        "payload": {"patterns": patterns},
        "upload": upload,
    }
    sink = [] if reports is None else reports
    result: dict[str, Any] = json.loads(load()(json.dumps(request), sink.append))
    return result


def test_the_result_has_the_order_of_the_patterns(analyze: Run) -> None:
    result = analyze(b"WARN ERROR ERROR\nERROR\n\n", "ERROR", "WARN", "ERR", "none")
    assert json.dumps(result) == json.dumps(
        {
            "counts": {"ERROR": 3, "WARN": 1, "ERR": 3, "none": 0},
            "matching_lines": {"ERROR": 2, "WARN": 1, "ERR": 2, "none": 0},
            "lines": 3,
            "bytes": 24,
        }
    )


def test_an_empty_file_has_no_lines(analyze: Run) -> None:
    empty = {"counts": {"a": 0}, "matching_lines": {"a": 0}, "lines": 0, "bytes": 0}
    assert analyze(b"", "a") == empty


@pytest.mark.parametrize("back", range(7))
def test_a_match_across_the_border_of_two_windows_is_found(analyze: Run, back: int) -> None:
    data = b"." * (WINDOW_BYTES - back) + b"denied" + b"." * WINDOW_BYTES + b"denied"
    result = analyze(data, "denied")
    assert (result["counts"], result["matching_lines"]) == ({"denied": 2}, {"denied": 1})


def test_a_job_tells_how_far_it_is(analyze: Run) -> None:
    reports: list[str] = []
    size = 2 * WINDOW_BYTES
    analyze(b"a" + b"." * (size - 1), "a", reports=reports)
    first = {"bytes_done": WINDOW_BYTES, "bytes_total": size, "counts": {"a": 1}}
    assert json.loads(reports[0]) == first


@pytest.mark.parametrize("patterns", [["a"], ["a", "b" * 10_000]], ids=["short", "long"])
def test_a_line_of_any_length_takes_little_memory(tmp_path: Path, patterns: list[str]) -> None:
    path = tmp_path / "upload"
    path.touch()
    os.truncate(path, 64 * 1024 * 1024)
    tracemalloc.start()
    try:
        result = run_on(path, *patterns)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result["lines"] == 1
    assert peak < 4 * 1024 * 1024


def test_a_file_that_is_gone_is_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(NotRetryable, match=r"cannot read upload 'app\.log': No such file"):
        run_on(tmp_path / "gone", "a", size=1)


def test_a_file_cut_short_is_not_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(b"abc")
    with pytest.raises(NotRetryable, match="has 3 bytes instead of 4"):
        run_on(path, "a", size=4)


@pytest.mark.parametrize(
    "patterns",
    [["a"], ["ERR", "ERROR"], ["a\nb"], ["x" * 10_000], ["😀"], [str(n) for n in range(1000)]],
    ids=len,
)
def test_patterns_are_accepted(patterns: list[str]) -> None:
    AnalyzePayload.model_validate({"patterns": patterns})


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"patterns": []},
        {"patterns": "ERROR"},
        {"patterns": None},
        {"patterns": [""]},
        {"patterns": [1]},
        {"patterns": [["a"]]},
        {"patterns": ["a", "b", "a"]},
        {"patterns": ["\ud800"]},
        {"patterns": ["x" * 10_001]},
        {"patterns": [str(n) for n in range(1001)]},
        {"patterns": ["a"], "more": 1},
    ],
    ids=lambda payload: str(payload)[:40],
)
def test_other_payloads_are_refused(payload: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnalyzePayload.model_validate(payload)

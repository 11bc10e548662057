"""Pages of whole records, compared with a plain implementation."""

import gzip
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loganalysis.index import blocks
from loganalysis.lines.page import read_page
from loganalysis.lines.query import LineQuery
from loganalysis.lines.sinks import TextSink
from loganalysis.match.patterns import Pattern
from loganalysis.records.rule import LONGEST_RECORD, Records
from loganalysis.times.line_times import LineTimes
from loganalysis.times.time_limits import TimeLimit
from tests.loganalysis.test_index_pages import Reader
from tests.loganalysis.test_index_pages import closed_streams as closed_streams
from tests.loganalysis.test_index_pages import small_blocks as small_blocks
from tests.support.loganalysis.plain_records import Record, matches, records_of, texts

START = datetime(2026, 11, 25, 10, 0, tzinfo=UTC).timestamp()


class RecordReader(Reader):
    """Reads all pages of a file with records."""

    def __init__(self, path: Path, records: Records | None = None) -> None:
        super().__init__(path)
        self.records = records or Records()

    def query(self, **given: Any) -> LineQuery:
        return super().query(**{"records": self.records, **given})

    def text(self, **given: Any) -> bytes:
        sink = TextSink(None, 1 << 30)
        read_page(self.file, self.query(**{"limit": None, **given}), sink, time.monotonic() + 60)
        return sink.text

    def plain(self, data: bytes) -> list[Record]:
        """The records of the file's data, by the definition."""
        return records_of(data, self.file.record_rule(self.records).matcher())

    def expected(self, data: bytes, **query: Any) -> list[tuple[int, bool, bool]]:
        """The number of each line to be shown, whether it is context, and whether it continues."""
        found, wanted, latest = self.plain(data), [], None
        time_of = LineTimes(self.file.text.modified).time_of
        for number, record in enumerate(found):
            latest = latest if (own := time_of(record.lines[0])) is None else own
            case = query.get("ignore_case", False)
            given = ((query.get("match"), False), (query.get("regex"), True))
            patterns = [Pattern(text, regex=kind, ignore_case=case) for text, kind in given if text]
            is_found = all(matches(record, each) for each in patterns)
            start, end = query.get("start"), query.get("end")
            if start or end:
                is_found = is_found and latest is not None
                is_found = is_found and (not start or latest >= start.seconds)
                is_found = is_found and (not end or latest < end.seconds)
            if is_found and record.line + len(record.lines) > query.get("line", 1):
                wanted.append(number)
        shown: dict[int, bool] = {}
        for number in wanted:
            first, last = number - query.get("before", 0), number + query.get("after", 0)
            for near in range(max(first, 0), min(last, len(found) - 1) + 1):
                shown.setdefault(near, True)
        shown |= dict.fromkeys(wanted, False)
        return [
            (found[number].line + at, is_context, at > 0)
            for number, is_context in sorted(shown.items())
            for at in range(len(found[number].lines))
        ]


def shown(lines: list[dict[str, Any]]) -> list[tuple[int, bool, bool]]:
    return [
        (each["line"], each.get("context", False), each.get("continues", False)) for each in lines
    ]


def java_log(records: int) -> bytes:
    """A log in which every third record has a traceback, and its times rise."""
    lines = list[str]()
    for number in range(records):
        moment = datetime.fromtimestamp(START + number, UTC)
        level = ("ERROR", "INFO", "WARN")[number % 3]
        lines.append(f"{moment:%Y-%m-%d %H:%M:%S} {level} request {number} größe")
        if number % 3 == 0:
            lines += [f"java.io.IOException: no {number}", "", f"\tat a.b({number % 7}.java)"]
    return "\n".join(lines).encode() + b"\n"


QUERIES: list[dict[str, Any]] = [
    {},
    {"line": 150},
    {"line": 151, "before": 2},
    {"line": 100_000},
    {"match": "IOException", "before": 1},
    {"match": "ioexception", "ignore_case": True, "after": 2},
    {"match": "ERROR", "regex": r"at a.b.[35]"},
    {"regex": r"no \d*7$", "before": 1, "after": 1},
    {"match": "größe", "line": 30, "before": 3},
    {"start": TimeLimit(START + 50), "end": TimeLimit(START + 90)},
    {"start": TimeLimit(START + 150), "match": "at a.b"},
    {"end": TimeLimit(START + 5), "regex": "ERROR|INFO"},
    {"match": "nowhere"},
]


@pytest.mark.heavy
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("form", ["plain", "gzip"])
@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_pages_have_the_records_of_a_plain_implementation(
    tmp_path: Path, query: dict[str, Any], form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loganalysis.lines.page.LONGEST_RECORD", 300)
    data, path = java_log(200), tmp_path / "app.log"
    path.write_bytes(data if form == "plain" else gzip.compress(data))
    for limit in (1, 7, 1000):
        pages = RecordReader(path)
        pages.file.marks.spacing = 500
        expected = pages.expected(data, **query)
        assert shown(pages.all(limit=limit, **query)) == expected
        assert shown(pages.all(limit=limit, **query)) == expected  # with marks
    assert shown(pages.all(seconds=-1, **query)) == expected
    assert pages.all(limit=1000, **query) == pages.all(limit=3, **query)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("query", [each for each in QUERIES if "before" not in each], ids=repr)
def test_text_has_whole_records(tmp_path: Path, query: dict[str, Any]) -> None:
    data, path = java_log(100), tmp_path / "app.log"
    path.write_bytes(data)
    pages, lines = RecordReader(path), data.split(b"\n")
    expected = [lines[number - 1] for number, *_ in pages.expected(data, **query)]
    assert pages.text(**query) == b"".join(line + b"\n" for line in expected)


@settings(
    database=None,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    texts(),
    st.sampled_from([Records(), Records("2026|ERROR")]),
    st.sampled_from([{}, {"match": "a"}, {"regex": "E[rR]+", "before": 1}, {"line": 4}]),
    st.integers(1, 3),
)
@example(b"a\nb", Records(), {"line": 3}, 1)
@pytest.mark.usefixtures("small_blocks")
def test_records_of_all_kinds_are_shown(
    tmp_path: Path, data: bytes, records: Records, query: dict[str, Any], limit: int
) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(data)
    pages = RecordReader(path, records)
    assert shown(pages.all(limit=limit, **query)) == pages.expected(data, **query)


@pytest.mark.heavy
def test_a_long_record_ends_before_a_line_wherever_a_page_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "MOST_BYTES", 64 << 10)
    dump = b"".join(b"  %07d %s\n" % (number, b"x" * 90) for number in range(30_000))
    data, path = java_log(10) + dump + java_log(10), tmp_path / "app.log"
    path.write_bytes(data)
    pages = RecordReader(path)
    pages.file.marks.spacing = 64 << 10
    firsts = [record.line for record in pages.plain(data)]
    assert len([line for line in firsts if 30 < line < 30_000]) == len(dump) // LONGEST_RECORD
    pages.all(match="nowhere")  # which makes marks
    assert len(pages.file.marks.positions) > 20
    for line in (15_000, 29_000, 30_000, 30_030):
        page = pages.all(line=line, match="x" if line < 30_010 else "request", limit=1)
        assert page[0]["line"] == max(first for first in firsts if first <= line)
        assert "continues" not in page[0]


def test_a_line_that_is_too_long_ends_its_record(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"2026-11-25 10:00:00 a\n b\n" + b"x" * (3 << 20) + b"\n c\n d\n")
    found = shown(RecordReader(path).all(limit=1))
    assert found == [
        *((1, False, False), (2, False, True), (3, False, True)),
        *((4, False, False), (5, False, True)),
    ]


def test_the_lines_of_a_record_have_their_own_times_and_matches(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(b"2026-11-25 10:00:00 ERROR a\r\n\tat ERROR\r\n")
    first, second = RecordReader(path).all(match="ERROR")
    assert (first["time"], first["matches"]) == ("2026-11-25T10:00:00.000Z", [(20, 25)])
    assert second == {
        **{"line": 2, "time": None, "text": "\tat ERROR", "matches": [(4, 9)]},
        "continues": True,
    }

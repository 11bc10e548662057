"""The overview of a file: templates, levels, status classes, bursts, and their timeline."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loganalysis.count.scanner import ScanOptions
from loganalysis.scan import ranges
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from loganalysis.templates.collector import Collector, overview_collector
from loganalysis.templates.levels import level_of, status_of
from loganalysis.templates.overview import overview
from loganalysis.templates.shapes import MAX_PARTS, shape_of
from loganalysis.templates.table import ShapeTable
from loganalysis.times.time_limits import TimeLimit, TimeLimits
from tests.support.loganalysis.in_ranges import in_ranges, whole
from tests.support.loganalysis.oracle import scan

MODIFIED = datetime(2026, 11, 28, tzinfo=UTC).timestamp()
START = datetime(2026, 11, 25, tzinfo=UTC)
OVERVIEW = AnalysisOptions(overview=True)

WORDS = ["ERROR", "took 17 ms", "/a/b", "user=alice", "10.0.0.1:80", "x\r", "<6>", "ä", '"', "::1"]
ODD = [
    b"",
    b"\xff\0\1",
    b'{"time":"2026-11-25T01:02:03Z","level":"warn","msg":"a 5 b"}',
    b"a" * 1100,
]


def lines_of(*groups: tuple[str, int, float, float]) -> bytes:
    """Log lines at even distances: (text, number of lines, first and last minute) of each group."""
    lines: list[tuple[datetime, str]] = []
    for text, count, first, last in groups:
        for index in range(count):
            minute = first + (last - first) * index / max(count - 1, 1)
            lines.append((START + timedelta(minutes=minute), text.replace("#", str(index))))
    lines.sort(key=lambda line: line[0])
    return "".join(f"{at:%Y-%m-%d %H:%M:%S} {text}\n" for at, text in lines).encode()


def table_of(data: bytes, *cuts: int) -> ShapeTable:
    """The table of data that is fed in pieces."""
    collector: Collector = overview_collector(MODIFIED)
    ends = [0, *sorted(cuts), len(data)]
    for start, end in pairwise(ends):
        collector.feed(memoryview(data)[start:end])
    return collector.finish()


def overview_of(data: bytes) -> dict[str, Any]:
    return overview(table_of(data), MODIFIED)[0]


def by_template(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["template"]: each for each in found["templates"]}


def test_lines_with_one_message_have_one_template() -> None:
    data = lines_of(
        ("INFO Accepted password for alice from 10.0.0.# port #", 40, 0, 60),
        ("ERROR Timeout of /srv/data/# after # ms", 20, 0, 60),
    )
    found = overview_of(data)
    assert found["templates_total"] == 2
    assert found["templates_approximate"] is False
    assert found["levels"] == {"INFO": 40, "ERROR": 20}
    first, second = found["templates"]
    assert first["template"] == "Accepted password for alice from <*> port <*>"
    assert (first["count"], first["level"], first["state"]) == (40, "INFO", "steady")
    assert second["template"] == "Timeout of <*> after <*> ms"
    assert second["first_time"] == "2026-11-25T00:00:00.000Z"
    assert second["last_time"] == "2026-11-25T01:00:00.000Z"
    assert second["sample"].endswith("ERROR Timeout of /srv/data/0 after 0 ms")


def test_an_access_log_has_templates_by_method_and_status_class() -> None:
    line = '10.0.0.%d - - [25/Nov/2026:01:%02d:00 +0000] "%s /a/%d HTTP/1.1" %d 512 "-" "curl/8"\n'
    rows = [("GET", 200)] * 7 + [("GET", 503)] * 2 + [("POST", 201)] * 3
    data = "".join(line % (n, n, method, n, status) for n, (method, status) in enumerate(rows))
    found = overview_of(data.encode())
    assert found["statuses"] == {"2xx": 10, "5xx": 2}
    assert found["format"]["name"] == "access_combined"
    assert "status" in found["fields"]
    assert [(each["template"], each["count"]) for each in found["templates"]] == [
        ('"GET <*> HTTP/<*>" 2xx', 7),
        ('"POST <*> HTTP/<*>" 2xx', 3),
        ('"GET <*> HTTP/<*>" 5xx', 2),
    ]


def test_templates_are_new_gone_in_a_burst_or_steady() -> None:
    data = lines_of(
        ("INFO steady work item #", 600, 0, 600),
        ("INFO old protocol version #", 50, 0, 200),
        ("WARN fresh trouble number #", 50, 400, 600),
        ("ERROR disk full on device #", 60, 300, 305),
    )
    states = {name: each["state"] for name, each in by_template(overview_of(data)).items()}
    assert states == {
        "steady work item <*>": "steady",
        "old protocol version <*>": "gone",
        "fresh trouble number <*>": "new",
        "disk full on device <*>": "burst",
    }


@pytest.mark.parametrize(
    ("count", "first", "last", "state"),
    [
        *((2, 0, 10, "steady"), (6, 0, 290, "steady"), (7, 0, 290, "gone"), (7, 0, 310, "steady")),
        *((7, 90, 290, "steady"), (2, 590, 600, "steady"), (6, 305, 600, "steady")),
        *((7, 305, 600, "new"), (7, 290, 600, "steady"), (7, 305, 500, "steady")),
    ],
)
def test_a_template_is_new_or_gone_only_with_enough_lines_in_the_right_places(
    count: int, first: float, last: float, state: str
) -> None:
    data = lines_of(("INFO steady work item #", 601, 0, 600), ("WARN odd #", count, first, last))
    assert by_template(overview_of(data))["odd <*>"]["state"] == state


def test_a_burst_names_its_time_its_lines_and_the_usual_number() -> None:
    data = lines_of(("INFO work #", 1200, 0, 1200), ("ERROR work failed #", 90, 780, 789))
    found = overview_of(data)
    (burst,) = [each for each in found["bursts"] if each["kind"] == "level"]
    assert (burst["key"], burst["count"], burst["expected"]) == ("ERROR", 90, 0)
    assert (burst["from"], burst["until"]) == (
        "2026-11-25T13:00:00.000Z",
        "2026-11-25T13:10:00.000Z",
    )


def test_the_timeline_has_one_axis_with_zeros_for_all_series() -> None:
    data = lines_of(("INFO a", 10, 0, 9), ("ERROR b", 3, 0, 9)) + b"no time\n"
    found, timeline = overview(table_of(data), MODIFIED)
    assert timeline is not None
    assert (timeline["start"], timeline["undated"]) == ("2026-11-25T00:00:00.000Z", 1)
    rows = [timeline["total"], *timeline["levels"].values(), *timeline["templates"].values()]
    assert {len(row) for row in rows} == {timeline["bins"]}
    assert [sum(row) for row in rows[:3]] == [13, 10, 3]
    assert found["templates_total"] == 3


def test_without_times_there_are_templates_but_no_timeline() -> None:
    found, timeline = overview(table_of(b"hello 1\nhello 2\n\nhello 3"), MODIFIED)
    assert timeline is None
    assert by_template(found)["hello <*>"]["count"] == 3
    assert by_template(found)["hello <*>"]["first_time"] is None
    assert found["bursts"] == []


def test_a_file_without_lines_has_an_empty_overview() -> None:
    found, timeline = overview(table_of(b""), MODIFIED)
    assert (found["templates"], found["levels"], timeline) == ([], {}, None)


@pytest.mark.parametrize(
    ("line", "level"),
    [
        (b"2026-11-25 01:02:03 [warning] disk", "WARN"),
        (b"<11>Nov 25 01:02:03 host app: failed", "ERROR"),
        (b"E1125 01:02:03.123456 17 main.go:5] failed", "ERROR"),
        (b'{"ts":1764032523,"severity":"Error","msg":"no"}', "ERROR"),
        (b"time=2026-11-25T01:02:03Z level=debug msg=x", "DEBUG"),
        (b"03-17 16:13:38.811  1702  2395 D Window: x", "DEBUG"),
        (b"Nov 25 01:02:03 host sshd[17]: error: PAM: no", "ERROR"),
        (b"2026-11-25 01:02:03 nothing is in error here", None),
        (b"I have no time", None),
    ],
)
def test_the_level_of_a_line(line: bytes, level: str | None) -> None:
    assert level_of(shape_of(line)) == level


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b'1.2.3.4 - - [25/Nov/2026:01:02:03 +0000] "GET / HTTP/1.1" 404 5', "4xx"),
        (b'1.2.3.4 - - [25/Nov/2026:01:02:03 +0000] "-" 400 0', "4xx"),
        (b'INFO "GET /x HTTP/1.1" 200', "2xx"),
        (b'{"status":503,"path":"/"}', "5xx"),
        (b"method=GET status=302 bytes=200", "3xx"),
        (b"took 200 ms", None),
        (b'said "hello" 200 times', None),
        (b"status: 2000", None),
    ],
)
def test_the_status_class_of_a_line(line: bytes, status: str | None) -> None:
    assert status_of(shape_of(line)) == status


@pytest.mark.heavy
@pytest.mark.parametrize("text", ["INFO %s logged in", "%s"])
def test_with_too_many_shapes_templates_become_approximate_and_stay_exact_in_sum(
    text: str,
) -> None:
    names = ["".join(chr(103 + int(digit)) for digit in str(number)) for number in range(6000)]
    data = lines_of(*((text % name + " and left again", 1, 0, 60) for name in names))
    table = table_of(data)
    assert 0 < table.level < len(MAX_PARTS)
    found = overview(table, MODIFIED)[0]
    assert found["templates_approximate"] is True
    assert sum(shape.count for shape in table.shapes.values()) == 6000


line_bytes = st.one_of(
    st.sampled_from(ODD),
    st.builds(
        lambda minute, words: f"2026-11-25 01:{minute:02}:00 {' '.join(words)}".encode(),
        st.integers(0, 59),
        st.lists(st.sampled_from(WORDS), max_size=4),
    ),
    st.lists(st.sampled_from(WORDS), max_size=4).map(lambda words: " ".join(words).encode()),
)
log_bytes = st.builds(
    lambda lines, newline: b"\n".join(lines) + newline,
    st.lists(line_bytes, max_size=8),
    st.sampled_from([b"", b"\n"]),
)


def comparable(table: ShapeTable) -> Any:
    """All of a table; the order of its shapes does not matter to the overview."""
    sizes = [table.level, table.width, table.lines]
    rows = [(*vars(each).values(), *each.bins.items()) for each in table.shapes.values()]
    return sizes, sorted(tuple(map(repr, row[:6])) + tuple(map(repr, row[7:])) for row in rows)


@settings(max_examples=60, deadline=None)
@given(log_bytes, st.data())
def test_cuts_between_windows_change_nothing(data: bytes, choose: st.DataObject) -> None:
    cuts = choose.draw(st.lists(st.integers(0, len(data)), max_size=5))
    assert comparable(table_of(data, *cuts)) == comparable(table_of(data))


def test_a_cut_at_any_offset_changes_nothing() -> None:
    data = lines_of(("INFO a # b", 2, 0, 1), ("ERROR c", 1, 0, 1)) + b"x\r\n\nlast"
    whole = comparable(table_of(data))
    for cut in range(len(data) + 1):
        assert comparable(table_of(data, cut)) == whole


@settings(max_examples=60, deadline=None)
@given(st.lists(log_bytes.map(lambda each: each + b"\n"), min_size=1, max_size=4))
def test_tables_of_parts_merge_to_the_table_of_the_whole(pieces: list[bytes]) -> None:
    merged = ShapeTable()
    for piece in pieces:
        merged.merge(table_of(piece))
    assert comparable(merged) == comparable(table_of(b"".join(pieces)))


@settings(max_examples=40, deadline=None)
@given(st.lists(line_bytes, max_size=30), st.integers(1, 8))
def test_limits_give_the_same_table_however_a_file_is_cut(
    lines: list[bytes], max_shapes: int
) -> None:
    whole, pieces = ShapeTable(max_shapes), ShapeTable(max_shapes)
    for line in lines:
        each = table_of(line + b"\n")
        pieces.merge(each)
    together = table_of(b"".join(line + b"\n" for line in lines))
    whole.merge(together)
    assert comparable(whole) == comparable(pieces)
    assert len(whole.shapes) <= max_shapes


@settings(max_examples=200, deadline=None)
@given(line_bytes, st.integers(0, len(MAX_PARTS) - 2))
def test_the_shape_at_a_higher_level_follows_from_the_one_below(line: bytes, level: int) -> None:
    """Two lines with one shape have one shape at the next level, too."""
    other = line.replace(b"17", b"19").replace(b"5", b"6")
    if shape_of(line, level) == shape_of(other, level):
        assert shape_of(line, level + 1) == shape_of(other, level + 1)


@pytest.mark.usefixtures("small_ranges")
def test_one_process_and_several_give_the_same_overview(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(lines_of(("INFO a # b", 900, 0, 90), ("ERROR c", 40, 50, 52)) + b"last 5")
    one = to_json(analyze(file, [], OVERVIEW, ignore), OVERVIEW)
    two = to_json(analyze(file, [], OVERVIEW, ignore, processes=2), OVERVIEW)
    assert (one["overview"], one["timeline"]) == (two["overview"], two["timeline"])
    assert one["lines"] == two["lines"] == 941


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "MIN_BYTES", 1)
    monkeypatch.setattr(ranges, "RANGE_BYTES", 5000)


def ignore(progress: dict[str, Any]) -> None:
    """Ignore progress."""


@pytest.mark.usefixtures("small_ranges")
@pytest.mark.parametrize("processes", [1, 2])
def test_only_lines_between_two_times_count(tmp_path: Path, processes: int) -> None:
    file = tmp_path / "log"
    file.write_bytes(lines_of(("INFO early #", 300, 0, 100), ("ERROR late #", 300, 100.5, 200)))
    limits = TimeLimits(*map(TimeLimit.parse, ("2026-11-25T01:30:00Z", "2026-11-25T02:00:00Z")))
    options = AnalysisOptions(overview=True, limits=limits)
    result = to_json(analyze(file, [], options, ignore, processes=processes), options)
    found = result["overview"]
    data = file.read_bytes().splitlines()
    numbers = [n for n, line in enumerate(data, 1) if b" 01:30:00" <= line[10:19] < b" 02:00:00"]
    assert sum(found["levels"].values()) == len(numbers) == result["selected"]["lines"]
    assert min(each["first_line"] for each in found["templates"]) == numbers[0]
    assert max(each["last_line"] for each in found["templates"]) == numbers[-1]
    states = {each["template"]: each["state"] for each in found["templates"]}
    assert states == {"early <*>": "gone", "late <*>": "steady"}


@pytest.mark.parametrize("window", [7, 64, 1 << 20])
def test_windows_of_any_size_give_the_same_table(window: int) -> None:
    data = lines_of(("INFO a # b", 50, 0, 90), ("ERROR " + "c" * 100, 4, 50, 52)) + b"last 5"
    options = ScanOptions(
        window_bytes=window, longest_line=window, collector=lambda: overview_collector(MODIFIED)
    )
    table = scan(data, [], options).table
    assert isinstance(table, ShapeTable)
    assert comparable(table) == comparable(table_of(data))


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(line_bytes, min_size=20, max_size=40), st.integers(60, 500))
def test_ranges_give_the_same_overview(
    tmp_path: Path, lines: list[bytes], range_bytes: int
) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"\n".join(lines))
    assert in_ranges(file, range_bytes, [], OVERVIEW) == whole(file, [], OVERVIEW)

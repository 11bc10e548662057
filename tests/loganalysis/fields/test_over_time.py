"""Fields over time: compared with exact figures of the lines of each bin."""

import gzip
import math
import pickle
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from loganalysis.fields import distinct
from loganalysis.fields.collector import FieldKernel
from loganalysis.fields.layout import Layout
from loganalysis.fields.over_time import MAX_TOP, Bins, over_time
from loganalysis.fields.plan import FieldPlan
from loganalysis.fields.program import layout_walker
from loganalysis.fields.table import FieldTable
from loganalysis.match.patterns import Pattern
from loganalysis.scan import ranges
from loganalysis.scan.analyze import analyze
from loganalysis.scan.field_choice import WantedField
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from loganalysis.times.c_timeline import TimelineKernel, TimelineOptions, TimeRules
from loganalysis.times.histogram import rfc3339
from loganalysis.times.time_limits import TimeLimit, TimeLimits
from tests.support.loganalysis.in_ranges import in_ranges
from tests.support.loganalysis.plain_fields import number_of

START = 1_796_000_400  # a multiple of 600 seconds
LAYOUT = Layout(r"(?P<time>[^ ]+)(?: (?P<V>.*))?")
SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
Line = tuple[int | None, bytes]
"""A second, or None for a line without a time, and a value."""


def table_of(lines: Sequence[Line], fields: int = 16, window: int = 1 << 20) -> FieldTable:
    """The table of the field V, and of others that no line has: of 16, each has least memory."""
    names = ("V", *(f"other{number}" for number in range(fields - 1)))
    walker = layout_walker(LAYOUT, names)
    plan = FieldPlan(names, names, walkers=(walker,), over_time=(1 << fields) - 1)
    kernel = FieldKernel(plan)
    times = TimelineKernel(TimelineOptions(TimeRules(START)), 0, window)
    base = 0
    for block in blocks(lines, window):
        view = memoryview(bytearray(block))
        times.read(view, base, 0, len(view), False)
        kernel.use_times(times.handle, view, base)
        kernel.add_lines(view, 0, len(view), False)
        base += len(view)
    return FieldTable(kernel.memory)


def blocks(lines: Sequence[Line], size: int) -> Iterator[bytes]:
    """The lines as text, in windows of whole lines."""
    block = b""
    for second, value in lines:
        time = b"-" if second is None else rfc3339(second).encode()
        line = time + b" " + value + b"\n"
        if len(block) + len(line) > size:
            yield block
            block = b""
        block += line
    yield block


def found_in(table: FieldTable, bins: Bins, top: int = MAX_TOP) -> dict[str, Any]:
    """The field V over time."""
    memory = table.memory
    found = over_time(memory, 0, memory.statistics(0, top), bins, top)
    return found


def check(found: dict[str, Any], lines: Sequence[Line], bins: Bins) -> None:
    """Compare all figures of each bin with exact ones."""
    for index in range(bins.count):
        values = [v for s, v in lines if s is not None and s // bins.seconds - bins.first == index]
        check_bin({name: row and row[index] for name, row in rows_of(found).items()}, values, found)


def rows_of(found: dict[str, Any]) -> dict[Any, Any]:
    """The lists of a field by their names; the lists of values by ("top", value)."""
    names = ("count", "distinct", *SHARES, "top_errors")
    tops = {each["value"]: each["counts"] for each in found["top"]}
    return {name: found[name] for name in names} | {("top", name): n for name, n in tops.items()}


def check_bin(shown: dict[Any, Any], values: Sequence[bytes], found: dict[str, Any]) -> None:
    exact, error = Counter(values), found["distinct_error"]
    assert shown["count"] == len(values)
    assert abs(shown["distinct"] - len(exact)) <= error * len(exact) + 2 * (error > 0)
    for key, count in shown.items():
        if isinstance(key, tuple):
            assert count <= exact[key[1].encode()] <= count + shown["top_errors"]
    numbers = sorted(each for each in map(number_of, values) if each is not None)
    for name, share in SHARES.items():
        if found[name] is None:
            continue
        if not numbers:
            assert shown[name] is None
            continue
        number = numbers[int(share * (len(numbers) - 1))]
        limit = found["relative_error"] * abs(number) + 2.0**-64
        assert abs(shown[name] - number) <= limit


def draw(rng: random.Random) -> Callable[[], bytes]:
    """A distribution of values: few, many, or numbers of all sizes and signs."""
    kinds = rng.choice((3, 20, 40, 3000))
    made: list[Callable[[], object]] = [
        lambda: f"value {rng.randrange(kinds)}",
        lambda: int(rng.paretovariate(0.8)) % kinds,
        lambda: round(rng.lognormvariate(3, 2.5), 3),
        lambda: round(rng.gauss(0, 100), 2),
        lambda: rng.choice(("x", 0, 10 ** rng.randrange(18), -(10 ** rng.randrange(18)))),
    ]
    chosen = rng.choice(made)
    return lambda: str(chosen()).encode()


def stream(seed: int) -> list[Line]:
    """Lines in the order of their times or not, some without a time."""
    rng = random.Random(seed)
    value, span = draw(rng), rng.choice((60, 3000, 30_000))
    seconds = [START + rng.randrange(span) for _ in range(rng.choice((40, 200, 500)))]
    seconds = sorted(seconds) if rng.random() < 0.7 else seconds
    return [(second, value()) for second in seconds]


def bins_of(lines: Sequence[Line], table: FieldTable, most: int = 12) -> Bins:
    """Bins whose width is a multiple of the cells' width."""
    seconds = [second for second, _ in lines if second is not None]
    width = table.memory.cell_seconds
    while max(seconds) // width - min(seconds) // width >= most:
        width *= 2
    first = min(seconds) // width
    return Bins(first, width, max(seconds) // width - first + 1)


@pytest.mark.heavy
@pytest.mark.parametrize("block", range(10))
def test_figures_over_time_stay_within_their_error_on_a_thousand_streams(block: int) -> None:
    estimated = purged = 0
    for seed in range(100 * block, 100 * block + 100):
        lines = stream(seed)
        table = table_of(lines)
        bins = bins_of(lines, table, most=1 + seed % 12)
        found = found_in(table, bins)
        check(found, lines, bins)
        estimated += found["distinct_error"] > 0
        purged += any(found["top_errors"])
    assert estimated
    assert purged > 10


def test_buckets_become_wider_with_more_numbers_and_the_error_says_so() -> None:
    rng = random.Random(5)
    errors = []
    for count in (100, 400, 20_000):
        lines: list[Line] = [(START, b"%d" % 10 ** rng.uniform(0, 6)) for _ in range(count)]
        found = found_in(table := table_of(lines), bins := bins_of(lines, table))
        check(found, lines, bins)
        errors.append(found["relative_error"])
    assert errors[0] == 0.004 < errors[1] < errors[2] < 0.06


@pytest.mark.heavy
@pytest.mark.parametrize("block", range(5))
def test_merged_parts_stay_within_their_error(block: int) -> None:
    for seed in range(100 * block, 100 * block + 20):
        lines = stream(seed)
        cut = random.Random(seed).randrange(len(lines))
        whole, first, second = (table_of(each) for each in (lines, lines[:cut], lines[cut:]))
        merged = pickle.loads(pickle.dumps(first))
        merged.merge(pickle.loads(pickle.dumps(second)))
        assert merged == whole
        bins = bins_of(lines, whole)
        found, expected = found_in(merged, bins), found_in(whole, bins)
        check(found, lines, bins)
        same = ("count", *SHARES, "relative_error")
        if not any(expected["top_errors"]) and not any(found["top_errors"]):
            same = (*same, "distinct", "top")
        assert [found[name] for name in same] == [expected[name] for name in same]


@pytest.mark.parametrize("window", [60, 200, 1 << 20])
def test_cells_become_wider_with_the_times_and_merge_exactly(window: int) -> None:
    rng = random.Random(1)
    for span, seconds in ((511, 1), (512, 5), (2560, 15), (7680, 30), (86_400 * 400, 86_400)):
        lines: list[Line] = [
            (START + number * span // 700, b"%d" % rng.randrange(30)) for number in range(701)
        ]
        rng.shuffle(lines)
        table = table_of(lines, fields=1, window=window)
        assert table.memory.cell_seconds == seconds
        bins = bins_of(lines, table)
        found = found_in(table, bins)
        assert found["relative_error"] == 0.004
        assert not any(found["top_errors"])
        check(found, lines, bins)


def test_a_wrong_time_takes_one_cell_only() -> None:
    lines: list[Line] = [(START + number, b"5") for number in range(300)]
    table = table_of([(1_000_000, b"5"), *lines, (START + 10**8, b"5")])
    assert table.memory.cell_seconds == 1
    bins = Bins(START // 60, 60, 5)
    assert found_in(table, bins)["count"] == [60] * 5


def test_lines_before_the_first_time_are_in_no_bin() -> None:
    table = table_of([(None, b"1"), (START, b"2"), (None, b"3"), (START + 1, b"4")])
    found = found_in(table, Bins(START, 1, 2))
    assert found["count"] == [2, 1]
    assert table.counts[0] == 4
    assert found["p99"] == [pytest.approx(2, rel=0.004), pytest.approx(4, rel=0.004)]


@pytest.mark.parametrize("overview", [False, True])
def test_the_timeline_has_bins_that_the_cells_fit(tmp_path: Path, overview: bool) -> None:
    file = tmp_path / "app.log"
    seconds = [START + 9 * number for number in range(600)]
    odd = [START - 10**7 + 86_400 * number for number in range(6)]
    file.write_bytes(b"".join(b"%b took 5 ms\n" % rfc3339(each).encode() for each in odd + seconds))
    wanted = [WantedField("ms", r"(\d+) ms", over_time=True)]
    result = result_of(file, wanted, overview=overview)
    assert result["timeline"]["before"] == 6
    assert result["fields"]["ms"]["over_time"]["count"] == result["timeline"]["total"]
    assert sum(result["timeline"]["total"]) == 600


@pytest.mark.parametrize("damage", range(40))
def test_damaged_statistics_are_refused_or_read_within_their_memory(damage: int) -> None:
    rng = random.Random(damage)
    packed = bytearray(table_of(stream(damage)).packed())
    for at in rng.choices(range(len(packed)), k=20):
        packed[at] = rng.choice((0, 1, 127, 255))
    try:
        FieldTable(bytes(packed[: rng.randrange(len(packed))])).counts  # noqa: B018
    except ValueError:
        return
    pytest.fail("it was cut, and nothing noticed")


ACCESS = '10.0.0.{} - - [{}] "GET /a{} HTTP/1.1" {} {} "-" "curl" "-" 0.{:03d}\n'
WANTED = (
    WantedField("status", over_time=True),
    WantedField("bytes", over_time=True),
    WantedField("client"),
    WantedField("page", r"/a(\d+) HTTP", over_time=True),
)
PATTERN = [Pattern("never")]


def access_log(lines: int) -> bytes:
    """A log of some minutes, whose requests become slower in the middle."""
    rng, made = random.Random(3), []
    for number in range(lines):
        at = f"25/Nov/2026:13:{number * 10 // lines:02d}:{number * 600 // lines % 60:02d} +0000"
        status = rng.choice((200, 200, 404)) if number % 1000 < 500 else 502
        size = rng.randrange(9999)
        made.append(ACCESS.format(number % 50, at, rng.randrange(9), status, size, number % 1000))
    return "".join(made).encode()


def result_of(file: Path, wanted: Sequence[WantedField] = WANTED, **given: Any) -> dict[str, Any]:
    options = AnalysisOptions(fields=tuple(wanted), **given)
    return to_json(analyze(file, PATTERN, options, lambda _: None), options)


def seconds_of(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize("overview", [False, True])
def test_the_bins_are_those_of_the_timeline(tmp_path: Path, overview: bool) -> None:
    file, data = tmp_path / "access.log", access_log(3000)
    file.write_bytes(data)
    result = result_of(file, overview=overview)
    timeline, fields = result["timeline"], result["fields"]
    assert "over_time" not in fields["client"]
    assert fields["status"]["over_time"]["count"] == timeline["total"]
    seconds = timeline["bin_seconds"]
    bins = Bins(seconds_of(timeline["start"]) // seconds, seconds, timeline["bins"])
    start = seconds_of("2026-11-25T13:00:00Z")
    rows = re.findall(rb':13:(\d\d):(\d\d) [^"]*"[^"]*" (\d+) (\d+)', data)
    seconds = [start + int(row[0]) * 60 + int(row[1]) for row in rows]
    for number, name in enumerate(("status", "bytes"), 2):
        lines = [(second, row[number]) for second, row in zip(seconds, rows, strict=True)]
        check(fields[name]["over_time"], lines, bins)
    assert sum(fields["page"]["over_time"]["count"]) == 3000


def test_ranges_and_compressed_files_give_the_same_result(tmp_path: Path) -> None:
    file, packed = tmp_path / "access.log", tmp_path / "access.log.gz"
    file.write_bytes(access_log(2000))
    packed.write_bytes(gzip.compress(access_log(2000)))
    whole = result_of(file)["fields"]
    assert result_of(packed)["fields"] == whole
    found = in_ranges(file, 20_000, PATTERN, AnalysisOptions(fields=WANTED))
    assert found["fields"] == whole


def test_helper_processes_give_the_result_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(access_log(2000))
    whole = result_of(file)["fields"]
    monkeypatch.setattr(ranges, "MIN_BYTES", 1)
    monkeypatch.setattr(ranges, "RANGE_BYTES", 10_000)
    options = AnalysisOptions(fields=WANTED)
    result = analyze(file, PATTERN, options, lambda _: None, 2)
    assert to_json(result, options)["fields"] == whole


def test_selected_lines_alone_are_counted_over_time(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(access_log(3000))
    limits = TimeLimits(TimeLimit.parse("2026-11-25T13:05:00Z"), None)
    found = result_of(file, limits=limits)
    assert sum(found["fields"]["status"]["over_time"]["count"]) == 1500
    assert found["fields"]["status"]["over_time"]["count"] == found["timeline"]["total"]


def test_a_file_without_times_has_no_bins(tmp_path: Path) -> None:
    file = tmp_path / "app.log"
    file.write_bytes(b"took 5 ms\n" * 30)
    found = result_of(file, [WantedField("ms", r"(\d+) ms", over_time=True)])["fields"]["ms"]
    assert found["count"] == 30
    assert found["over_time"]["count"] == []
    assert found["over_time"]["top"] == [{"value": "5", "counts": []}]


def test_most_values_over_time_are_bounded(tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    file.write_bytes(access_log(2000))
    page = result_of(file, top=1000)["fields"]["bytes"]
    assert len(page["top"]) == 1000
    assert len(page["over_time"]["top"]) == MAX_TOP
    none = result_of(file, top=0)["fields"]["bytes"]["over_time"]
    assert none["top"] == []


def test_the_stated_errors_are_what_the_sketches_have() -> None:
    assert 4.5 * 1.04 / math.sqrt(distinct.CELL_REGISTERS) < distinct.CELL_ERROR

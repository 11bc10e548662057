"""The kernel counts lines by the same shapes, times and bins as the plain definition."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.templates.bins import MAX_BINS, WIDTHS
from loganalysis.templates.c_shapes import KernelCounter
from loganalysis.templates.collector import Collector, LineCounter, PlainCounter
from loganalysis.templates.shapes import TIME, shape_of
from loganalysis.templates.table import ShapeTable
from loganalysis.times.time_formats import find_time

MODIFIED = datetime(2026, 11, 28, tzinfo=UTC).timestamp()
WORDS = (
    b"ERROR took INFO [error] ab abcdefg abcXefg user@host deadbeef dead:beef 10.0.0.1:80".split()
)
MARKS = [
    b" ",
    b"  ",
    b"\t",
    b"/",
    b"/a/b.c",
    b"\\",
    b'"',
    b"'",
    b":",
    b"::",
    b"=",
    b"-",
    b".",
    b"|",
]
KEYS = [b"status", b"Status", b"status_code", b"200", b"404", b'HTTP/1.1" ', b'HTTP/2" ', b'" ']
TIMES = [
    *(
        b"[25/Nov/2026:01:02:03 +0000]",
        b"[25/Nov/2026:01:02:03]",
        b"[25/Nov/2026:01:02:03.655]",
        b"2026-11-25 01:02:03",
    ),
    *(b"2026-11-25T01:02:04,123+01:00", b"2026-13-25T01:02:04", b"1999/01/02 01:02:03Z"),
    *(b"Nov 25 01:02:03", b"Nov  5 01:02:03.5", b"Wed Nov 25 01:02:03 2026", b"1764032523.5"),
    *(b'{"time":', b'{"ts": ', b"}", b"<6>", b"<134>1 ", b"I1125 ", b"1764032523"),
]
BYTES = [b"\xff\x80", b"\0", b"\1", b"\r", b"[", b"(", b"x" * 300, b"%", b"17"]
BYTES += [b"\x1b[36m", b"\x1b[0m", b"\x1b[1;", b"web-1  | ", b"a.log:", b"\x1b", b"\t", b" CET"]
line = st.lists(st.sampled_from([*WORDS, *MARKS, *KEYS, *TIMES, *BYTES]), max_size=12).map(b"".join)
WRAPPERS = [
    b"web-1  | ",
    b"[pod/web-0/app] ",
    b"a/b.log:",
    b"\xef\xbb\xbf",
    b"web-0 app ",
    b"https ",
]
WRAPPERS += [b"\x1b[36mdb | \x1b[0m", b"build\tRun\t", b"# Time: ", b"Wed, ", b""]
LEVELS = [b'{"level":30,', b'{"level": 60}', b'"PRIORITY":"3"', b"I1125 01:02:03", b"E1125 0", b""]
wrapped_line = st.tuples(
    *(st.sampled_from(each) for each in (WRAPPERS, WRAPPERS, [*TIMES, b"x "], LEVELS)), line
).map(b"".join)
random_line = st.binary(max_size=40).map(lambda text: text.replace(b"\n", b""))
log = st.lists(st.one_of(line, wrapped_line, random_line), max_size=12).map(b"\n".join)


def table_of(counter: LineCounter, *pieces: bytes) -> ShapeTable:
    collector = Collector(counter)
    for piece in pieces:
        collector.feed(memoryview(piece))
    return collector.finish()


def content(table: ShapeTable) -> Any:
    rows = [
        (
            *(len(each.sample), len(each.bins), each.count, each.first_line, each.last_line),
            *(each.first_time or 0.0, each.last_time or 0.0),
        )
        for each in table.shapes.values()
    ]
    return [table.level, table.width, table.lines, sorted(rows)]


@pytest.mark.heavy
@settings(max_examples=300, deadline=None)
@given(log, st.integers(0, 400))
def test_the_kernel_agrees_with_the_plain_definition(data: bytes, cut: int) -> None:
    expected = content(table_of(PlainCounter(MODIFIED), data))
    assert content(table_of(KernelCounter(MODIFIED), data)) == expected
    assert content(table_of(KernelCounter(MODIFIED), data[:cut], data[cut:])) == expected


@pytest.mark.heavy
@settings(max_examples=300, deadline=None)
@given(wrapped_line, wrapped_line)
def test_lines_have_one_shape_in_the_kernel_if_the_definition_says_so(
    line: bytes, other: bytes
) -> None:
    counter = KernelCounter(MODIFIED)
    counter.add_lines(memoryview(line + b"\n" + other + b"\n"))
    assert counter.size == len({shape_of(line), shape_of(other)})


@pytest.mark.parametrize("wrapper", [b"web-1  | ", b"[pod/web-0/app] ", b"a/b.log:"])
def test_the_time_of_a_line_in_a_wrapper_is_masked(wrapper: bytes) -> None:
    found = shape_of(wrapper + b"Nov 25 13:12:02 web su: closed")
    assert found == shape_of(wrapper) + TIME + b" web su: closed"


@pytest.mark.heavy
@settings(max_examples=100, deadline=None)
@given(log)
def test_a_kernel_with_a_small_table_gives_the_same_result(data: bytes) -> None:
    expected = content(table_of(PlainCounter(MODIFIED), data))
    assert content(table_of(KernelCounter(MODIFIED, max_shapes=2), data)) == expected


@pytest.mark.parametrize("level", range(7))
def test_all_levels_of_shapes_agree(level: int) -> None:
    lines = [b" ".join([*TIMES[at : at + 1], *WORDS, *KEYS, *WORDS]) for at in range(len(TIMES))]
    counters = PlainCounter(MODIFIED), KernelCounter(MODIFIED)
    for counter in counters:
        counter._table.level = level
    counters[1]._clear()
    data = b"\n".join(lines)
    plain, kernel = (content(table_of(counter, data)) for counter in counters)
    assert kernel == plain


@pytest.mark.parametrize("step", [1, 7, 100, 86_400, 40_000_000])
def test_bins_become_wider_as_in_the_plain_definition(step: int) -> None:
    lines = [b"%d x" % (1_000_000_000 + number * step) for number in range(2 * MAX_BINS)]
    lines = [each for each in lines if len(each) == 12] + [b"1000000000 y"]
    expected = table_of(PlainCounter(MODIFIED), b"\n".join(lines))
    found = table_of(KernelCounter(MODIFIED), b"\n".join(lines))
    assert content(found) == content(expected)
    used = {number for shape in found.shapes.values() for number in shape.bins}
    assert MAX_BINS / 8 < len(used) <= MAX_BINS
    assert found.bin_seconds in WIDTHS


@pytest.mark.heavy
def test_the_table_is_the_same_after_it_was_full() -> None:
    names = [bytes(103 + int(digit) for digit in str(number)) for number in range(5000)]
    data = b"".join(b"2026-11-25 01:02:03 %b\n" % name for name in names)
    assert find_time(data)
    assert content(table_of(KernelCounter(MODIFIED), data)) == content(
        table_of(PlainCounter(MODIFIED), data)
    )

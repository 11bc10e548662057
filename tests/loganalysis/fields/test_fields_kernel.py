"""Fields that C finds, compared with the formats in Python, and statistics with exact ones."""

import json
import pickle
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.fields.collector import FieldKernel
from loganalysis.fields.layout import Layout, LayoutError
from loganalysis.fields.plan import FieldPlan
from loganalysis.fields.statistics import SHOWN_BYTES, FieldStatistics
from loganalysis.fields.table import FieldTable
from loganalysis.formats import LogFormat, detect
from loganalysis.formats.key_values import MAX_OBJECTS
from loganalysis.formats.layouts import LAYOUTS, layout_formats
from loganalysis.formats.log_format import LayoutFormat
from loganalysis.formats.times import FieldTimes
from tests.loganalysis.formats.test_documented import SAMPLES, Sample
from tests.support.loganalysis.plain_fields import (
    check_counts,
    check_numbers,
    number_of,
    values_in,
)

MODIFIED = 1_796_000_000.0
quick = settings(database=None, deadline=None, max_examples=150)
WALKED = [each for each in SAMPLES if each.name not in ("header", "unknown", "windows_csv")]
BY_NAME = {form.name: form for form in layout_formats(FieldTimes(MODIFIED))}


def count(
    data: bytes, form: LogFormat, names: Sequence[str], cuts: Sequence[int] = ()
) -> list[FieldStatistics]:
    """The statistics of fields in data that C reads in windows with these ends."""
    return table_of(data, form, names, cuts).fields


def table_of(
    data: bytes, form: LogFormat, names: Sequence[str], cuts: Sequence[int] = ()
) -> FieldTable:
    """The table of fields in data that C reads in windows with these ends.

    Each window has its own memory, so that a sanitizer notices any access outside of it.
    """
    walker = form.walker(names)
    assert walker is not None
    kernel = FieldKernel(FieldPlan(tuple(names), tuple(names), walkers=(walker,)))
    start = 0
    for end in [*cuts, len(data)]:
        view = memoryview(bytearray(data[start:end] or b"\n"))
        kernel.add_lines(view, 0, len(view), False)
        start = end
    return FieldTable(kernel.memory)


def compare(data: bytes, form: LogFormat, names: Sequence[str]) -> None:
    for name, found in zip(names, count(data, form, names), strict=True):
        values = values_in(data, form, name)
        shown = found.to_json(1000)
        check_counts(shown, values)
        check_numbers(shown["number"], values)


@pytest.mark.parametrize("sample", WALKED, ids=lambda sample: sample.name)
def test_c_finds_the_fields_of_every_documented_line(sample: Sample) -> None:
    form = detect(sample.lines, MODIFIED)
    data = b"\n".join(sample.lines)
    compare(data, form, form.fields[:16])
    for name in form.fields:
        compare(data, form, [name])


@pytest.mark.heavy
@quick
@given(st.sampled_from(WALKED), st.data())
def test_c_and_python_agree_on_lines_that_are_cut_or_changed(
    sample: Sample, data: st.DataObject
) -> None:
    form = detect(sample.lines, MODIFIED)
    line = bytearray(data.draw(st.sampled_from(sample.lines)))
    at = data.draw(st.integers(0, len(line) - 1))
    size = data.draw(st.integers(0, 3))
    if sample.name in ("json_lines", "docker_json", "journal_json"):
        line = line[:at]  # Python checks values of JSON more strictly
    else:
        line[at : at + size] = data.draw(
            st.sampled_from([b"", b'"', b" ", b"\\", b"[", b"=", b"9", b"\r"])
        )
    names = data.draw(st.permutations(form.fields))[:4]
    compare(bytes(line), form, names)


scalars = st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.just(10**30)
objects = st.recursive(
    st.dictionaries(st.text(max_size=3) | st.sampled_from("ab."), scalars, max_size=4),
    lambda inner: st.dictionaries(
        st.text(max_size=2) | st.sampled_from("ab"),
        inner | scalars | st.lists(scalars | inner, max_size=2),
        max_size=3,
    ),
    max_leaves=8,
)


class Pairs(list[tuple[str, object]]):
    """The members of an object, in their order and including duplicates."""


def flat(pairs: Pairs, path: str = "", depth: int = 1) -> dict[str, object]:
    """The members of an object and of the objects in it, by the path to them."""
    found: dict[str, object] = {}
    for name, value in pairs:
        found[path + name] = value
        if isinstance(value, Pairs) and depth < MAX_OBJECTS:
            found |= flat(value, f"{path}{name}.", depth + 1)
    return found


def check_json(line: bytes) -> None:
    """Compare all fields of a line with the result of `json.loads`."""
    form = detect([b'{"a":1}'], MODIFIED)
    expected = flat(json.loads(line, object_pairs_hook=Pairs))
    parts = form.split(line)
    assert parts
    assert list(parts.fields) == list(expected)
    names = [name for name, value in parts.fields.items() if name and len(value) <= SHOWN_BYTES][
        :16
    ]
    compare(line, form, names)
    for name in names:
        if isinstance(text := expected[name], str):
            assert parts.fields[name] == text.encode(errors="replace")
        elif not isinstance(expected[name], Pairs):
            again = json.loads(parts.fields[name], object_pairs_hook=Pairs)
            assert repr(again) == repr(expected[name])


@pytest.mark.heavy
@quick
@given(objects, st.booleans(), st.sampled_from([None, (", ", ": "), (" ,\t", " : ")]))
def test_c_finds_the_fields_that_json_has(
    content: dict[str, object], is_ascii: bool, separators: tuple[str, str] | None
) -> None:
    text = json.dumps(content, ensure_ascii=is_ascii, separators=separators)
    check_json(text.encode(errors="replace"))


@pytest.mark.heavy
@quick
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "a.b", "a.a.b"]), objects | scalars), max_size=4)
)
def test_the_last_of_several_values_with_one_name_counts(
    members: list[tuple[str, object]],
) -> None:
    text = ",".join(f'"{name}":{json.dumps(value)}' for name, value in members)
    check_json(b"{%b}" % text.encode())


def test_a_form_feed_in_a_value_stays() -> None:
    check_json(b'{"a":"x\\fy"}')


def test_objects_are_read_up_to_a_depth() -> None:
    line = b'{"a":' * 9 + b"1" + b"}" * 9
    form = detect([b'{"a":1}'], MODIFIED)
    deep, deeper = ".".join("a" * MAX_OBJECTS), ".".join("a" * (MAX_OBJECTS + 1))
    found, missing = count(line, form, [deep, deeper])
    assert found.counts == {(b'{"a":1}', 0): 1}
    assert missing.count == 0
    check_json(line)


def test_objects_in_lists_are_not_read() -> None:
    line = b'{"a":[{"b":1}],"c":{"b":2}}'
    form = detect([b'{"a":1}'], MODIFIED)
    listed, inner, other = count(line, form, ["a", "a.b", "c.b"])
    assert listed.counts == {(b'[{"b":1}]', 0): 1}
    assert (inner.count, other.count) == (0, 1)


def test_the_fields_of_objects_are_listed_without_the_objects() -> None:
    line = b'{"time":"2026-11-25T13:00:00Z","http":{"status":500,"client":{"ip":"1.1.1.1"}},"x":{}}'
    assert detect([line] * 3, MODIFIED).fields == ("time", "http.status", "http.client.ip", "x")


@pytest.mark.parametrize(
    "line", [b'{"a":1,}', b'{"a":{"b":1,}}', b'{"a":{"b":1}', b'{"a":{"b" 1}}', b'{"a":{"b":1}}x']
)
def test_damaged_objects_have_no_fields(line: bytes) -> None:
    form = detect([b'{"a":1}'], MODIFIED)
    assert form.split(line) is None
    assert count(line, form, ["a.b"])[0].count == 0


def test_escapes_of_json_are_decoded() -> None:
    line = b'{"a":"caf\\u00e9 \\ud83d\\ude00 \\ud800 \\"x\\" \\\\ \\/ \\n"}'
    [found] = count(line, detect([line], MODIFIED), ["a"])
    assert list(found.counts) == [('café 😀 ? "x" \\ / \n'.encode(), 0)]


def test_the_values_of_the_first_fitting_format_count() -> None:
    access = BY_NAME["access_common"].walker(["status", "level"])
    other = detect([b'{"level":"x"}'], MODIFIED).walker(["status", "level"])
    assert access
    assert other
    kernel = FieldKernel(FieldPlan(("status", "level"), walkers=(access, other)))
    data = b'1.1.1.1 - - [x] "GET / HTTP/1.1" 200 5\n{"level":"a","status":"7"}\nnoise\n'
    kernel.add_lines(memoryview(bytearray(data)), 0, len(data), False)
    status, level = FieldTable(kernel.memory).fields
    assert status.counts == {(b"200", 0): 1, (b"7", 0): 1}
    assert level.counts == {(b"a", 0): 1}


def test_the_end_of_a_line_that_began_before_is_left_out() -> None:
    kernel = FieldKernel(
        FieldPlan(("level",), walkers=(BY_NAME["python_basic"].walker(["level"]),))
    )
    data = b"INFO:a:b\nWARN:a:b\n"
    kernel.add_lines(memoryview(bytearray(data)), 0, len(data), True)
    assert FieldTable(kernel.memory).fields[0].counts == {(b"WARN", 0): 1}


def test_only_the_start_of_a_long_line_is_read() -> None:
    walker = BY_NAME["python_basic"].walker(["level", "message"])
    kernel = FieldKernel(FieldPlan(("level", "message"), walkers=(walker,), line_bytes=100))
    data = b"INFO:a:" + b"x" * 500
    kernel.add_lines(memoryview(bytearray(data)), 0, len(data), False)
    assert FieldTable(kernel.memory).fields[1].counts == {(b"x" * 93, 0): 1}


def test_long_values_are_told_apart_by_their_ends() -> None:
    data = b"".join(b"INFO:a:%b%d\n" % (b"x" * 300, n % 3) for n in range(30))
    [found] = count(data, BY_NAME["python_basic"], ["message"])
    assert sorted(found.counts.values()) == [10, 10, 10]
    assert {text for text, _ in found.counts} == {b"x" * 256}
    assert found.to_json(1)["top"][0]["value"] == "x" * 256 + "…"


values = st.lists(
    st.binary(max_size=6).filter(lambda value: b"\n" not in value and b"\r" not in value)
    | st.sampled_from([b"1", b"-2.5", b"0.001", b"1e9", b"x"]),
    max_size=60,
)


@pytest.mark.heavy
@quick
@given(values, st.integers(0, 60))
def test_two_parts_together_give_what_the_whole_gives(each: list[bytes], cut: int) -> None:
    lines = [b"INFO:a:" + value for value in each]
    form = BY_NAME["python_basic"]
    whole = table_of(b"\n".join(lines), form, ["message"])
    first, second = (
        table_of(b"\n".join(part), form, ["message"]) for part in (lines[:cut], lines[cut:])
    )
    packed = pickle.loads(pickle.dumps(first))
    packed.merge(pickle.loads(pickle.dumps(second)))
    assert packed == whole
    compare(b"\n".join(lines), form, ["message"])


@pytest.mark.heavy
@quick
@given(
    st.from_regex(rb"-?[0-9]{1,21}(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)
    | st.floats(allow_nan=False).map(lambda number: repr(number).encode())
    | st.integers().map(lambda number: b"%d" % number)
    | st.binary(max_size=5)
)
def test_a_number_is_read_as_python_reads_it(text: bytes) -> None:
    if b"\n" in text or b"\r" in text:
        return
    [found] = count(b"INFO:a:" + text, BY_NAME["python_basic"], ["message"])
    number = number_of(text)
    assert found.numbers.count == (number is not None)
    if number is not None:
        assert found.numbers.least == found.numbers.most == number
        if abs(number) >= 2.0**-64:
            assert found.numbers.mean() == number


@pytest.mark.parametrize(
    "text", ["a)", "(?P<a>b", "(?:a)", "a|b", r"\w", ".*?", ".*?[ab]", "a{", "*"]
)
def test_a_layout_with_something_else_is_refused(text: str) -> None:
    with pytest.raises(LayoutError):
        Layout(text)


@pytest.mark.parametrize(
    ("layout", "line", "fits"),
    [
        (r"(?P<x>a*)ab", b"aaab", False),
        (r"(?P<x>a*)b", b"aaab", True),
        (r"(?:a)?ab(?P<x>c*)", b"ab", False),
        (r"(?:(?P<x>a)b)?ac", b"ac", True),
        (r"(?P<x>a{1,2})ab", b"aab", False),
        (r"(?P<x>[^b]+)b", b"b", False),
    ],
)
def test_repetitions_and_optional_pieces_give_nothing_back(
    layout: str, line: bytes, fits: bool
) -> None:
    form = LayoutFormat("x", "x", layout + r"(?P<end>.*)", FieldTimes(MODIFIED))
    assert (form.split(line) is not None) == fits
    compare(line, form, ["x", "end"])


def test_no_layout_has_a_field_twice() -> None:
    for name, _, text in LAYOUTS:
        fields = Layout(text).fields
        assert len(set(fields)) == len(fields), name


def test_random_values_are_counted_exactly_until_the_memory_is_full() -> None:
    rng = random.Random(7)
    texts = [b"%d" % rng.randrange(40_000) for _ in range(60_000)]
    [found] = count(
        b"\n".join(b"INFO:a:" + text for text in texts), BY_NAME["python_basic"], ["message"]
    )
    assert len(set(texts)) < 32_768
    assert found.purged == 0
    check_counts(found.to_json(100), texts)

"""The names of levels: one table, which docs/log-formats.md shows."""

import re

import pytest

from loganalysis.formats.levels import WORDS, level_at_start, level_of
from loganalysis.templates import levels as of_lines
from loganalysis.templates.shapes import shape_of
from tests.support.paths import ROOT

TABLE = {
    level: (re.findall("`([a-z]+)`", names), re.findall("`([a-z]+)`", only_in_fields))
    for level, names, only_in_fields in re.findall(
        r"^\| ([A-Z]+) \|([^|]*)\|([^|]*)\|$", (ROOT / "docs/log-formats.md").read_text(), re.M
    )
}
NAMES = [(name, level) for level, (names, _) in TABLE.items() for name in names]
ONLY_IN_FIELDS = [(name, level) for level, (_, names) in TABLE.items() for name in names]


def test_the_documented_table_has_all_levels_and_all_names_of_words() -> None:
    assert len(TABLE) == 10
    assert {name.encode(): level for name, level in NAMES} == WORDS


@pytest.mark.parametrize(("name", "level"), NAMES + ONLY_IN_FIELDS)
def test_a_level_that_a_format_has_is_read_by_its_name(name: str, level: str) -> None:
    assert level_of(name.encode()) == level_of(name.upper().encode()) == level


@pytest.mark.parametrize(("name", "level"), NAMES)
def test_lines_of_an_unknown_format_have_the_same_levels(name: str, level: str) -> None:
    line = f"2026-11-25 01:02:03 {name.upper()} disk is full"
    assert of_lines.level_of(shape_of(line.encode())) == level
    if len(name) > 2:
        assert level_at_start(f"{name}: disk".encode()) == level


@pytest.mark.parametrize(("name", "level"), ONLY_IN_FIELDS)
def test_ordinary_words_are_no_levels_of_lines(name: str, level: str) -> None:
    line = f"2026-11-25 01:02:03 {name.title()} of the disk"
    assert of_lines.level_of(shape_of(line.encode())) is None


def test_panic_is_one_level_wherever_it_is_read() -> None:
    line = b"2026-11-25 01:02:03 PANIC: no more log"
    assert level_of(b"panic") == level_at_start(b"panic: x") == "FATAL"
    assert of_lines.level_of(shape_of(line)) == "FATAL"

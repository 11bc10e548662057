"""The tables of a result, and their CSV."""

import csv
import io
from typing import Any

from server.api.analyses.comparison import Analyzed, compare
from server.api.analyses.tables import Table, tables_of
from tests.server.api.analyses.results import PLAIN, WHOLE

FULL = "disk <*> full"


def named(result: dict[str, Any], name: str) -> Table:
    (table,) = [each for each in tables_of(result) if each.name == name]
    return table


def as_dicts(table: Table) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_a_result_has_the_tables_of_what_was_asked_for() -> None:
    assert [table.name for table in tables_of(PLAIN)] == ["file", "patterns", "timeline", "samples"]
    assert [table.name for table in tables_of(WHOLE)] == [
        "file",
        "warnings",
        "patterns",
        "members",
        "timeline",
        "levels",
        "statuses",
        "bursts",
        "templates",
        "fields",
        "numbers",
        "fields_over_time",
        "samples",
    ]


def test_the_facts_of_a_file_are_short() -> None:
    facts = {row[0]: row[1] for row in named(PLAIN, "file").rows}
    assert facts["lines"] == 12_000
    assert facts["first_time"] == "2030-01-31T00:00:00Z"
    assert "line_index" not in facts
    selected = {**PLAIN, "selected": {"from": None, "until": "2030-01-31T02:00:00Z", "lines": 9}}
    assert ("selected_lines", 9) in named(selected, "file").rows


def test_patterns_have_lines_only_if_they_were_counted() -> None:
    assert as_dicts(named(PLAIN, "patterns"))[0] == {
        "pattern": "ERROR",
        "count": 8,
        "matching_lines": 8,
        "first_line": 2,
        "last_line": 900,
    }
    short = {name: PLAIN[name] for name in ("counts", "bytes", "file")}
    assert named(short, "patterns").columns == ("pattern", "count")


def test_each_file_of_an_archive_has_a_row() -> None:
    table = named(WHOLE, "members")
    assert table.columns == ("member", "lines", "bytes", "error", "ERROR", "<b>WARN</b>")
    assert table.rows == [
        ("a.log", 9, 90, None, 8, None),
        ("b.log", None, None, "it is encrypted", None, None),
    ]


def test_histograms_become_one_table_with_zeros() -> None:
    table = named(PLAIN, "timeline")
    assert table.columns == ("time", "ERROR", "<b>WARN</b>")
    assert table.rows == [
        ("2030-01-31T01:00:00.000Z", 3, 0),
        ("2030-01-31T02:00:00.000Z", 0, 0),
        ("2030-01-31T03:00:00.000Z", 5, 0),
        ("2030-01-31T04:00:00.000Z", 0, 1),
    ]


def test_a_long_histogram_has_no_zeros() -> None:
    found = {**PLAIN["histogram"]["ERROR"], "unit": "second"}
    table = named({**PLAIN, "histogram": {"ERROR": found}}, "timeline")
    assert [row[1] for row in table.rows] == [3, 5]


def test_a_timeline_has_a_row_for_each_bin_and_distinct_columns() -> None:
    table = named(WHOLE, "timeline")
    assert table.columns == ("time", "lines", "ERROR", "<b>WARN</b>", "levels: ERROR", "INFO", FULL)
    assert [row[:3] for row in table.rows] == [
        ("2030-01-31T00:00:00Z", 3000, 0),
        ("2030-01-31T01:00:00Z", 3000, 3),
        ("2030-01-31T02:00:00Z", 3000, 0),
        ("2030-01-31T03:00:00Z", 3000, 5),
    ]


def test_the_facts_about_a_file_have_the_lines_that_the_axis_leaves_out() -> None:
    timeline = {**WHOLE["timeline"], "before": 0, "after": 17}
    facts = named({**WHOLE, "timeline": timeline}, "file").rows
    counts = [("lines_before_axis", 0), ("lines_after_axis", 17)]
    assert [fact for fact in facts if fact in counts] == counts
    assert not any(str(name).endswith("_axis") for name, _ in named(WHOLE, "file").rows)


def test_bursts_of_templates_show_the_template() -> None:
    assert [row[:2] for row in named(WHOLE, "bursts").rows] == [
        ("level", "ERROR"),
        ("template", FULL),
    ]


def test_fields_over_time_have_a_row_for_each_time_and_value() -> None:
    rows = as_dicts(named(WHOLE, "fields_over_time"))
    assert [(row["field"], row["value"]) for row in rows] == [("ms", None)] * 4 + [("ms", "9")] * 4
    assert [row["p95"] for row in rows] == [2.0, None, 5.0, 9.0, *[None] * 4]
    assert rows[7]["time"] == "2030-01-31T03:00:00Z"
    assert rows[7]["count"] == 4


def test_fields_of_a_file_without_times_have_no_table_over_time() -> None:
    timeline = {**WHOLE["timeline"], "start": None, "bins": 0, "total": []}
    empty = {**timeline, "patterns": {}, "levels": {}, "templates": {}}
    names = [table.name for table in tables_of(WHOLE | {"timeline": empty})]
    assert not {"timeline", "fields_over_time"} & set(names)


def test_samples_are_texts_or_lines_with_their_neighbours() -> None:
    assert [row[3] for row in named(PLAIN, "samples").rows] == PLAIN["samples"]["ERROR"]
    (row,) = named(WHOLE, "samples").rows
    expected = ("ERROR", 2, "2030-01-31T01:00:00Z", "ok\nERROR <script>alert(1)</script>")
    assert row == expected


def test_csv_can_be_read_back_and_runs_no_formula() -> None:
    table = named(PLAIN, "samples")
    text = table.to_csv()
    rows = list(csv.reader(io.StringIO(text)))
    assert rows == [
        ["pattern", "line", "time", "text"],
        ["ERROR", "", "", "'=1+1 ERROR"],
        ["ERROR", "", "", 'a "quoted", one'],
    ]
    assert text.endswith("\r\n")


def test_a_comparison_is_a_table_too() -> None:
    side = Analyzed("a", None, PLAIN)
    table = tables_of(PLAIN, compare(side, side))[-1]
    assert table.name == "comparison"
    assert [row[table.columns.index("name")] for row in table.rows] == ["ERROR", "<b>WARN</b>"]
    assert "same,false,pattern,,ERROR,8,false,8,false,1.0,1.0,1.0\r\n" in table.to_csv()

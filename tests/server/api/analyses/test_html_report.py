"""The report: one HTML file that loads and runs nothing."""

import re
from html.parser import HTMLParser

import pytest

from loganalysis.report.charts import MAX_BARS, bar_chart
from server.api.analyses.comparison import Analyzed, compare
from server.api.analyses.html_report import POLICY, html_report
from tests.server.api.analyses.results import JOB, PLAIN, WHOLE

VOID = {"meta", "br", "img", "link", "input"}


class Outline(HTMLParser):
    """Notes the elements of a page with their attributes, and its text; checks the nesting."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID and self.get_starttag_text()[-2:] != "/>":  # type: ignore[index]
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_report_loads_and_runs_nothing() -> None:
    page = Outline(html_report(JOB))
    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "img", "link", "iframe", "object", "form", "a"})
    attributes = {name for _, found in page.elements for name in found}
    assert attributes.isdisjoint({"src", "href", "style", "xlink:href"})
    assert not [name for name in attributes if name.startswith("on")]
    assert "default-src 'none'" in POLICY


def test_texts_of_the_file_stay_texts() -> None:
    text = html_report(JOB)
    page = Outline(text)
    for shown in ("<img src=x>.log", "<b>WARN</b>", "ERROR <script>alert(1)</script>"):
        assert shown in page.text
        assert shown not in text
    control = {**PLAIN, "counts": {"a\x1b[31m\x00": 1}, "samples": {}, "histogram": {}}
    control |= {key: {"a\x1b[31m\x00": 1} for key in ("matching_lines", "first_line", "last_line")}
    assert "\x1b" not in html_report({**JOB, "result": control})


def test_each_table_has_a_heading_and_each_column_a_head() -> None:
    page = Outline(html_report(JOB))
    ids = [found["id"] for tag, found in page.elements if tag == "h2"]
    assert ids == [
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
        "times",
    ]
    heads = [found for tag, found in page.elements if tag == "th"]
    assert {found.get("scope") for found in heads} == {"col"}
    assert "12,000" in page.text


def test_each_series_has_a_chart_with_a_description() -> None:
    page = Outline(html_report(JOB))
    charts = [found for tag, found in page.elements if found.get("role") == "img"]
    assert [str(chart["aria-label"]).partition(":")[0] for chart in charts[:2]] == [
        "lines",
        "ERROR",
    ]
    assert charts[1]["aria-label"] == (
        "ERROR: 8 from 2030-01-31T00:00:00Z to 2030-01-31T03:00:00Z, at most 5 at once"
    )


def test_the_percentiles_of_a_field_over_time_have_a_chart() -> None:
    page = html_report(JOB)
    labels = [str(found.get("aria-label")) for _, found in Outline(page).elements]
    assert (
        "ms: p50, p95, p99 from 2030-01-31T00:00:00Z to 2030-01-31T03:00:00Z, between 0 and 9"
    ) in labels
    assert page.count('class="line ') == 3
    assert 'd="M0 64H180M360 50.7V' not in page  # a bin without numbers is a gap
    assert "M360 " in page


def test_the_values_of_a_field_over_time_have_charts() -> None:
    field = WHOLE["fields"]["ms"]
    found = {**field["over_time"], "p50": None, "p95": None, "p99": None}
    result = {**WHOLE, "fields": {"ms": {**field, "over_time": found}}}
    page = Outline(html_report({**JOB, "result": result}))
    labels = [str(found.get("aria-label")) for _, found in page.elements]
    assert any(label.startswith("ms 9: 4 from") for label in labels)


def test_many_series_are_shortened() -> None:
    counts = {f"p{n}": [n] * 4 for n in range(40)}
    timeline = {**WHOLE["timeline"], "patterns": counts, "levels": {}, "templates": {}}
    page = Outline(html_report({**JOB, "result": {**PLAIN, "timeline": timeline}}))
    assert sum(found.get("role") == "img" for _, found in page.elements) == 20
    assert "21 more are in the table as CSV." in page.text


def test_a_chart_of_many_values_adds_up_neighbours() -> None:
    chart = bar_chart("x", [1] * 1000, "a", "b")
    bars = re.findall(r"M[\d.]+ [\d.]+v", chart)
    assert 0 < len(bars) <= MAX_BARS
    assert "x: 1,000 from a to b, at most 5 at once" in chart
    assert "M0 74.5H720" in bar_chart("none", [], "", "")


@pytest.mark.parametrize("significant", [True, False])
def test_a_comparison_says_how_it_was_made(significant: bool) -> None:
    more = {**PLAIN, "matching_lines": {"ERROR": 90, "<b>WARN</b>": 1}}
    before = Analyzed("0", "app.log", PLAIN)
    after = Analyzed("1", "app.log", more if significant else PLAIN)
    page = Outline(html_report(JOB, compare(before, after)))
    assert "Compared with app.log (job 0), per line: conditional test" in page.text
    rows = [found.get("class") for tag, found in page.elements if tag == "tr"]
    assert ("significant" in rows) == significant
    ids = [found["id"] for tag, found in page.elements if tag == "h2"]
    assert ids.index("comparison") < ids.index("patterns")
    assert "before is bound" not in page.text

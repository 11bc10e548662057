"""Comparisons of two results: what counts as new, gone, more or less frequent, or unchanged."""

from typing import Any

import pytest

from server.api.analyses.comparison import Analyzed, compare

DAY = ["2030-01-31T00:00:00Z", "2030-02-01T00:00:00Z"]


def result(lines: int | None = 100_000, **counts: int) -> dict[str, Any]:
    """The result of an analysis with these matching lines."""
    found: dict[str, Any] = {
        "counts": {name: 2 * count for name, count in counts.items()},
        "bytes": 10_000_000,
        "file": {"time_span": DAY},
    }
    if lines is not None:
        found |= {"matching_lines": counts, "lines": lines}
    return found


def compared(before: dict[str, Any], after: dict[str, Any], **options: float) -> Any:
    return compare(Analyzed("a", None, before), Analyzed("b", None, after), **options)


def changes(document: Any) -> dict[str, str]:
    """The change of each count by its name; in brackets if it is not significant."""
    return {
        each["name"]: each["change"] if each["significant"] else f"({each['change']})"
        for each in document["counts"]
    }


def with_overview(found: dict[str, Any], total: int = 0, **templates: int) -> dict[str, Any]:
    listed = [{"template": name, "count": count} for name, count in templates.items()]
    overview = {"templates": listed, "templates_total": total or len(listed)}
    return {**found, "overview": {"levels": {}, "statuses": {}, **overview}}


def test_each_change_has_its_word() -> None:
    before = result(new=0, gone=40, more=10, less=80, equal=500, none=0)
    after = result(new=40, gone=0, more=80, less=10, equal=510, none=0)
    document = compared(before, after)
    assert changes(document) == {
        "new": "new",
        "more": "more",
        "gone": "gone",
        "less": "less",
        "equal": "(same)",
        "none": "(same)",
    }
    assert document["changes"] == {"new": 1, "gone": 1, "more": 1, "less": 1}
    assert document["significance"]["comparisons"] == 6


def test_rates_are_per_line_and_per_hour() -> None:
    after = result(lines=200_000, ERROR=200)
    after["file"]["time_span"] = ["2030-01-31T00:00:00Z", "2030-01-31T12:00:00Z"]
    document = compared(result(ERROR=100), after)
    (count,) = document["counts"]
    assert (count["ratio"], count["ratio_per_hour"], count["change"]) == (1.0, 4.0, "same")
    assert (document["before"]["hours"], document["after"]["hours"]) == (24.0, 12.0)


def test_only_lines_between_from_and_until_count() -> None:
    later = {"from": "2030-01-31T18:00:00Z", "until": None, "lines": 1000}
    document = compared(result(ERROR=100), {**result(ERROR=100), "selected": later})
    (count,) = document["counts"]
    assert (document["after"]["lines"], document["after"]["hours"]) == (1000, 6.0)
    assert (count["ratio"], count["ratio_per_hour"], count["change"]) == (100.0, 4.0, "more")
    early = {**later, "from": None, "until": "2030-01-31T01:00:00Z"}
    turned = compared({**result(ERROR=100), "selected": early}, result(ERROR=100))
    assert turned["before"]["hours"] == 1.0


@pytest.mark.parametrize("span", [None, ["2030-01-31T00:00:00Z"] * 2])
def test_without_times_there_is_no_rate_per_hour(span: list[str] | None) -> None:
    after = result(ERROR=100)
    after["file"]["time_span"] = span
    document = compared(result(ERROR=100), after)
    assert document["after"]["hours"] is None
    assert document["counts"][0]["ratio_per_hour"] is None


def test_few_new_lines_are_new_but_not_significant() -> None:
    assert changes(compared(result(ERROR=0), result(ERROR=2))) == {"ERROR": "(new)"}


def test_a_difference_of_a_few_percent_is_no_change_however_significant() -> None:
    before, after = result(10**9, INFO=10**8), result(10**9, INFO=11 * 10**7)
    assert changes(compared(before, after)) == {"INFO": "(same)"}
    assert changes(compared(before, after, min_ratio=1.05)) == {"INFO": "more"}


def test_many_comparisons_need_a_clearer_difference() -> None:
    alone = compared(result(rare=2), result(rare=12))
    assert changes(alone) == {"rare": "more"}
    others = {f"other{n}": 100 for n in range(20)}
    among = compared(result(rare=2, **others), result(rare=12, **others))
    assert changes(among)["rare"] == "(same)"
    assert changes(compared(result(rare=2), result(rare=12), alpha=0.001))["rare"] == "(same)"


def test_without_lines_occurrences_are_compared_per_byte() -> None:
    document = compared(result(lines=None, ERROR=10), result(ERROR=100))
    assert document["significance"]["per"] == "byte"
    assert (document["counts"][0]["before"], document["counts"][0]["after"]) == (20, 200)


def test_a_pattern_that_only_one_job_has_counted_is_not_new() -> None:
    document = compared(result(ERROR=10, FATAL=5), result(ERROR=10, WARN=90))
    assert [each["name"] for each in document["counts"]] == ["ERROR"]
    assert document["not_compared"] == ["FATAL", "WARN"]


def test_levels_statuses_and_templates_are_compared_if_both_have_them() -> None:
    before = with_overview(result(), a=500, b=300)
    after = with_overview(result(), a=500, c=300)
    after["overview"] |= {"levels": {"ERROR": 70}, "statuses": {"5xx": 90}}
    document = compared(before, after)
    assert changes(document) == {
        "ERROR": "new",
        "5xx": "new",
        "c": "new",
        "b": "gone",
        "a": "(same)",
    }
    kinds = {each["name"]: each["kind"] for each in document["counts"]}
    assert (kinds["ERROR"], kinds["5xx"], kinds["c"]) == ("level", "status", "template")
    assert compared(before, result())["counts"] == []


def test_a_template_below_the_end_of_a_shortened_list_may_have_been_there() -> None:
    before = with_overview(result(), total=1000, often=5000, seldom=300)
    after = with_overview(result(), often=5000, seldom=300, unlisted=310, frequent=3000, rare=9)
    counts = {each["name"]: each for each in compared(before, after)["counts"]}
    unlisted, frequent = counts["unlisted"], counts["frequent"]
    assert (unlisted["before"], unlisted["before_is_bound"]) == (300, True)
    assert (unlisted["change"], unlisted["significant"], unlisted["p"]) == ("same", False, 1.0)
    assert (counts["rare"]["change"], counts["rare"]["p"]) == ("same", 1.0)
    assert (frequent["change"], frequent["significant"], frequent["ratio"]) == ("more", True, None)
    gone = {each["name"]: each for each in compared(after, before)["counts"]}
    assert (gone["unlisted"]["change"], gone["frequent"]["change"]) == ("same", "less")


def test_values_of_fields_are_compared_within_their_errors() -> None:
    def with_values(error: int, **values: int) -> dict[str, Any]:
        top = [{"value": name, "count": n, "error": error} for name, n in values.items()]
        fields = {"host": {"distinct": len(top), "top": top}, "ms": {"distinct": 0, "top": []}}
        return {**result(), "fields": fields}

    before, after = with_values(0, a=100), with_values(0, a=200)
    document = compared(before, after)
    assert changes(document) == {"a": "more"}
    assert (document["counts"][0]["kind"], document["counts"][0]["field"]) == ("field", "host")
    assert changes(compared(before, with_values(90, a=200))) == {"a": "(same)"}
    assert changes(compared(with_values(90, a=200), before)) == {"a": "(same)"}
    only_one = {**after, "fields": {"host": after["fields"]["host"]}}
    assert compared(before, only_one)["not_compared"] == ["ms"]


def test_an_empty_file_has_no_rates() -> None:
    document = compared(result(lines=0, ERROR=0), result(ERROR=50))
    assert changes(document) == {"ERROR": "(new)"}
    assert document["counts"][0]["p"] == 1.0

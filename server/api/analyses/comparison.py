"""Compares the results of two analyses: what is new, gone, more frequent or less frequent.

Rates are per line or record, or per byte if a job counted neither. Lists such as templates have
only the most frequent entries. An entry that a shortened list lacks may be as frequent as the last
one of the list. The comparison takes this number, so that it reports only certain changes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from server.api.analyses.comparison_document import (
    Change,
    ChangesDocument,
    ComparedCountDocument,
    ComparedJobDocument,
    ComparisonDocument,
    Kind,
    Per,
)
from server.api.analyses.queries import ALPHA, MIN_RATIO
from server.api.analyses.rates import adjusted_for_many, p_of_equal_rates
from storage.records.json_values import JsonValue

Result = Mapping[str, JsonValue]
_DIGITS = 4
_SIGNIFICANT_FIRST = ("new", "more", "gone", "less", "same")


@dataclass(frozen=True)
class Analyzed:
    """A job of the type analyze that has succeeded: its id, the name of its file, its result."""

    job_id: str
    name: str | None
    result: Result

    @property
    def hours(self) -> float | None:
        """The hours from the first to the last time of the lines that count; None without both."""
        span = self.result["file"]["time_span"]
        if not span:
            return None
        selected = self.result.get("selected") or {}
        first, last = map(_time, span)
        if selected.get("from"):
            first = max(first, _time(selected["from"]))
        if selected.get("until"):
            last = min(last, _time(selected["until"]))
        return max(0.0, (last - first).total_seconds() / 3600) or None

    @property
    def lines(self) -> int | None:
        """The lines or records that count: those between `from` and `until`.

        None if they are not counted.
        """
        selected = self.result.get("selected") or {}
        lines: int | None = selected.get("lines", self.result.get(self.counted))
        return lines

    @property
    def counted(self) -> str:
        """The unit of the numbers: lines or records."""
        return str(self.result.get("counted", "lines"))

    def document(self) -> ComparedJobDocument:
        """Build the document of this side of a comparison."""
        hours = self.hours
        return {
            "job_id": self.job_id,
            "name": self.name,
            "lines": self.lines,
            "bytes": self.result["bytes"],
            "hours": None if hours is None else round(hours, _DIGITS),
        }


@dataclass(frozen=True)
class Counts:
    """Counts by name. `most_of_others` is how often a name that is not among them may occur."""

    by_name: Mapping[str, int]
    most_of_others: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    """How much higher than the truth counts may be, if they are estimates."""

    def of(self, name: str) -> tuple[int, bool]:
        """Return the count of a name, and whether it is only an upper bound."""
        if name in self.by_name:
            return self.by_name[name], False
        return self.most_of_others, self.most_of_others > 0


@dataclass
class _Row:
    """A comparison of two counts. Each count comes with whether it is only an upper bound."""

    kind: Kind
    field_name: str | None
    name: str
    before: tuple[int, bool]
    after: tuple[int, bool]
    before_error: int = 0
    after_error: int = 0
    p: float = 1.0


def compare(
    before: Analyzed, after: Analyzed, alpha: float = ALPHA, min_ratio: float = MIN_RATIO
) -> ComparisonDocument:
    """Compare all that both results count. Both must count lines, or both records."""
    per: Per = "record" if after.counted == "records" else "line"
    if None in (before.lines, after.lines):
        per = "byte"
    exposures = _exposure(before, per), _exposure(after, per)
    rows = list(_rows(before.result, after.result, per))
    raw = [_p(row, exposures) for row in rows]
    for row, p in zip(rows, adjusted_for_many(raw), strict=True):
        row.p = p
    hours = before.hours, after.hours
    documents = [_document(row, exposures, hours, alpha, min_ratio) for row in rows]
    changes: ChangesDocument = {"new": 0, "gone": 0, "more": 0, "less": 0}
    for each in documents:
        if each["significant"] and each["change"] != "same":
            changes[each["change"]] += 1
    return {
        "before": before.document(),
        "after": after.document(),
        "significance": {
            "test": "conditional_poisson",
            "per": per,
            "correction": "holm",
            "comparisons": len(rows),
            "alpha": alpha,
            "min_ratio": min_ratio,
        },
        "changes": changes,
        "counts": sorted(documents, key=_order),
        "not_compared": list(_not_compared(before.result, after.result)),
    }


def _order(document: ComparedCountDocument) -> tuple[bool, int]:
    is_change = document["significant"]
    return not is_change, _SIGNIFICANT_FIRST.index(document["change"])


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _exposure(analyzed: Analyzed, per: Per) -> int:
    return (analyzed.lines or 0) if per != "byte" else int(analyzed.result["bytes"])


def _rows(before: Result, after: Result, per: Per) -> Iterator[_Row]:
    """Yield a row for everything that both results count."""
    counted = "counts" if per == "byte" else "matching_lines"
    found = before.get(counted) or {}, after.get(counted) or {}
    for name in found[0]:
        if name in found[1]:
            yield _Row("pattern", None, name, (found[0][name], False), (found[1][name], False))
    overviews = before.get("overview"), after.get("overview")
    if all(overviews):
        for kind, name in (("level", "levels"), ("status", "statuses")):
            pair_of = [Counts(each.get(name) or {}) for each in overviews if each]
            yield from _named(kind, None, *pair_of)  # type: ignore[arg-type]
        yield from _named("template", None, *map(_templates, overviews))
    fields = before.get("fields") or {}, after.get("fields") or {}
    for name in fields[0]:
        if name in fields[1]:
            yield from _named("field", name, *(_values(each[name]) for each in fields))


def _named(kind: Kind, field_name: str | None, before: Counts, after: Counts) -> Iterator[_Row]:
    for name in dict.fromkeys([*before.by_name, *after.by_name]):
        errors = before.errors.get(name, 0), after.errors.get(name, 0)
        yield _Row(kind, field_name, name, before.of(name), after.of(name), *errors)


def _templates(overview: JsonValue) -> Counts:
    listed = overview.get("templates") or []
    counts = {each["template"]: each["count"] for each in listed}
    is_shortened = overview.get("templates_total", len(listed)) > len(listed)
    return Counts(counts, min(counts.values(), default=0) if is_shortened else 0)


def _values(found: Mapping[str, JsonValue]) -> Counts:
    """The values of a field. Their counts are at most `error` too high, and none is too low."""
    top: Sequence[Mapping[str, JsonValue]] = found.get("top") or []
    counts = {str(each["value"]): each["count"] for each in top}
    errors = {str(each["value"]): each.get("error", 0) for each in top}
    is_shortened = found.get("distinct", len(top)) > len(top)
    return Counts(counts, min(counts.values(), default=0) if is_shortened else 0, errors)


def _p(row: _Row, exposures: tuple[int, int]) -> float:
    (before, before_is_bound), (after, after_is_bound) = row.before, row.after
    if before_is_bound and after_is_bound:
        return 1.0
    rates = [
        count / exposure if exposure else 0.0
        for count, exposure in zip((before, after), exposures, strict=True)
    ]
    is_more = rates[1] > rates[0]
    if (before_is_bound and not is_more) or (after_is_bound and is_more):
        return 1.0  # a bound proves only that there is more on the other side
    if is_more:
        after -= row.after_error
    else:
        before -= row.before_error
    return p_of_equal_rates(before, exposures[0], after, exposures[1])


def _document(
    row: _Row,
    exposures: tuple[int, int],
    hours: tuple[float | None, float | None],
    alpha: float,
    min_ratio: float,
) -> ComparedCountDocument:
    (before, before_is_bound), (after, after_is_bound) = row.before, row.after
    ratio = _ratio(before, after, exposures)
    differs = ratio is None or ratio >= min_ratio or ratio <= 1 / min_ratio
    significant = row.p < alpha and differs
    is_bound = before_is_bound or after_is_bound
    per_hour = None if None in hours else _ratio(before, after, hours)
    return {
        "kind": row.kind,
        "field": row.field_name,
        "name": row.name,
        "before": before,
        "after": after,
        "before_is_bound": before_is_bound,
        "after_is_bound": after_is_bound,
        "ratio": None if is_bound or ratio is None else _rounded(ratio),
        "ratio_per_hour": None if is_bound or per_hour is None else _rounded(per_hour),
        "p": _rounded(row.p),
        "change": _change(before, after, ratio, significant),
        "significant": significant,
    }


def _change(before: int, after: int, ratio: float | None, significant: bool) -> Change:
    if (before == 0) != (after == 0):
        return "new" if after else "gone"
    if not significant or ratio is None:
        return "same"
    return "more" if ratio > 1 else "less"


def _ratio(before: int, after: int, exposures: Sequence[float | None]) -> float | None:
    """The rate after divided by the rate before; None if there was none."""
    first, second = exposures
    return after * first / (before * second) if before and first and second else None


def _rounded(value: float) -> float:
    """The value with four significant digits."""
    return float(f"{value:.{_DIGITS}g}")


def _not_compared(before: Result, after: Result) -> Iterator[str]:
    for section in ("counts", "fields"):
        names = before.get(section) or {}, after.get(section) or {}
        yield from (each for each in names[0] if each not in names[1])
        yield from (each for each in names[1] if each not in names[0])

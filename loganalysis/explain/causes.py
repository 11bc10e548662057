"""Finds what differs in a range of time: it compares each series with the rest of the log.

For a series with `a` of the `n` lines in the range, and `b` of the `m` lines outside of it, the
evidence is the likelihood ratio G of T. Dunning, "Accurate Methods for the Statistics of Surprise
and Coincidence", Computational Linguistics 19 (1993): how much more likely these counts are with
two shares than with one.

Lines do not come independently, so G is divided by the variation of the share among the bins
outside: Pearson's chi-square by its degrees of freedom, at least 1 (P. McCullagh and J. Nelder,
"Generalized Linear Models", 1989, section 4.5). For a series that is more frequent, the highest 2 %
of the bins do not count, which may be other bursts. The probability of such a G by accident, from
the chi-square distribution with one degree of freedom, is multiplied by the number of series that
are compared, and of ranges from which this one was chosen because it stands out (Bonferroni).

Counts of values may be a little too low, see series.py: then those count that make the difference
smaller.

A cause is reported if that is at most ALPHA, its share differs by the factor LEAST_RATIO or more,
and so does its number of lines per bin: when one kind of line bursts, the shares of all others
fall, and that explains nothing. Bins without any line do not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, erfc, log, sqrt

from loganalysis.explain.series import Series
from loganalysis.read.json_values import Json

ALPHA = 0.01
LEAST_RATIO = 1.5
LEAST_LINES = 5
"""In the range if a cause is more frequent there, and expected there if it is rarer."""
MAX_CAUSES = 12
_OTHER_BURSTS = 0.02
"""The share of the other bins that may be in other bursts."""


@dataclass(frozen=True)
class Cause:
    """A series that differs in a range, with counts that make the difference rather smaller.

    `expected` lines would be in the range by the share outside.
    """

    series: Series
    inside: int
    outside: int
    expected: float
    share_inside: float
    share_outside: float
    evidence: float
    """G by the variation; the higher, the less an accident."""

    @property
    def ratio(self) -> float | None:
        """The share in the range by that outside; None if all lines are in the range."""
        return self.share_inside / self.share_outside if self.share_outside else None

    def to_json(self) -> Json:
        """The cause as clients get it."""
        return {
            "kind": self.series.kind,
            "field": self.series.field or None,
            "key": self.series.key,
            "inside": self.inside,
            "outside": self.outside,
            "expected": round(self.expected, 1),
            "share_inside": round(self.share_inside, 6),
            "share_outside": round(self.share_outside, 6),
            "ratio": None if self.ratio is None else float(f"{self.ratio:.3g}"),
        }


def causes_of(
    series: Sequence[Series], total: Sequence[int], start: int, end: int, ranges: int = 1
) -> list[Cause]:
    """The series that differ most in the bins `start` to `end` - 1, strongest evidence first.

    `total` has the numbers of all lines. The range was chosen from `ranges` ranges because it
    stands out. Empty if all lines are in the range, or none.
    """
    lines = sum(total[start:end])
    others = sum(total) - lines
    if not lines or not others:
        return []
    found = (_cause(each, total, start, end, lines, others) for each in series)
    causes = [
        each
        for each in found
        if _chance(each.evidence) * len(series) * ranges <= ALPHA
        and _is_large(each, total, start, end)
    ]
    causes.sort(key=lambda each: (-each.evidence, each.series.kind, each.series.key))
    return causes[:MAX_CAUSES]


def _cause(
    series: Series, total: Sequence[int], start: int, end: int, lines: int, others: int
) -> Cause:
    inside = sum(series.row[start:end])
    outside = sum(series.row) - inside
    error = sum(series.errors[start:end])
    others_error = sum(series.errors) - error
    if inside * others > (outside + others_error) * lines:  # it is more frequent in any case
        outside = min(outside + others_error, others)
    elif (inside + error) * others < outside * lines:  # it is rarer
        inside = min(inside + error, lines)
    else:
        return Cause(series, inside, outside, 0.0, 0.0, 0.0, 0.0)
    share = outside / others
    evidence = _likelihood_ratio(inside, lines, outside, others)
    if outside and evidence:
        is_less = inside * others < outside * lines
        evidence /= variation(series.row, total, start, end, share, is_less)
    return Cause(series, inside, outside, share * lines, inside / lines, share, evidence)


def _is_large(cause: Cause, total: Sequence[int], start: int, end: int) -> bool:
    """Whether the share and the number of lines per bin differ enough, in the same direction."""
    inside = sum(1 for lines in total[start:end] if lines)
    outside = sum(1 for lines in total if lines) - inside
    rate, usual = cause.inside / inside, cause.outside / outside
    if cause.share_inside > cause.share_outside:
        is_more = cause.share_inside >= LEAST_RATIO * cause.share_outside
        return is_more and rate >= LEAST_RATIO * usual and cause.inside >= LEAST_LINES
    is_less = cause.share_inside * LEAST_RATIO <= cause.share_outside
    return is_less and rate * LEAST_RATIO <= usual and cause.expected >= LEAST_LINES


def _likelihood_ratio(inside: int, lines: int, outside: int, others: int) -> float:
    """Dunning's G for `inside` of so many `lines`, and `outside` of so many `others`."""
    whole = lines + others
    counted = inside + outside
    cells = (
        (inside, lines * counted),
        (lines - inside, lines * (whole - counted)),
        (outside, others * counted),
        (others - outside, others * (whole - counted)),
    )
    return 2 * sum(count * log(count * whole / product) for count, product in cells if count > 0)


def variation(
    row: Sequence[int],
    total: Sequence[int],
    start: int,
    end: int,
    share: float,
    of_all: bool,
) -> float:
    """How much more the counts of the other bins vary than counts with a constant share would.

    With `of_all`, their bursts count, too: a series that only bursts now and then is not missing
    where it does not.
    """
    parts = sorted(
        (count - share * lines) ** 2 / (share * lines)
        for place, (count, lines) in enumerate(zip(row, total, strict=True))
        if lines and not start <= place < end
    )
    usual = parts if of_all else parts[: len(parts) - ceil(len(parts) * _OTHER_BURSTS)]
    return max(sum(usual) / (len(usual) - 1), 1.0) if len(usual) > 1 else 1.0


def _chance(evidence: float) -> float:
    """The probability of this evidence by accident: chi-square, one degree of freedom."""
    return erfc(sqrt(max(evidence, 0.0) / 2))

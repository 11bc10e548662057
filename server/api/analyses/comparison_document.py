"""The JSON document of a comparison as types; see `server.documents.schemas`."""

from typing import Literal

from typing_extensions import TypedDict

from server.documents.schemas.common import Id

Kind = Literal["pattern", "level", "status", "template", "field"]
Per = Literal["line", "record", "byte"]
Change = Literal["new", "gone", "more", "less", "same"]


class ComparedJobDocument(TypedDict):
    """One of the two results of a comparison."""

    job_id: Id
    """Id of the job."""
    name: str | None
    """Name of its file."""
    lines: int | None
    """Lines of its file, or records if `per` is record; null if the job did not count lines."""
    bytes: int
    """Bytes of its file, decompressed."""
    hours: float | None
    """Hours from the first to the last time in the file; null if lines have no times."""


class SignificanceDocument(TypedDict):
    """How counts are compared."""

    test: Literal["conditional_poisson"]
    """The test of two Poisson rates by Przyborowski and Wilenski, two-sided."""
    per: Per
    """What rates refer to: records if both jobs count them, bytes if a job did not count lines."""
    correction: Literal["holm"]
    """How p-values are corrected for the number of comparisons."""
    comparisons: int
    """Number of comparisons for which p-values are corrected."""
    alpha: float
    """Level of significance: the chance of one false alarm among all comparisons."""
    min_ratio: float
    """The least factor between two rates that counts as a change."""


class ComparedCountDocument(TypedDict):
    """One thing that both results count."""

    kind: Kind
    """What is counted."""
    field: str | None
    """Name of the field, for values of a field; null for other kinds."""
    name: str
    """Pattern, level, class of statuses, template, or value of a field."""
    before: int
    """How often it was there: lines or records, or occurrences if lines were not counted."""
    after: int
    """How often it is there now."""
    before_is_bound: bool
    """Whether the result of before does not list it, and `before` is the most it may have been."""
    after_is_bound: bool
    """Whether the result of after does not list it, and `after` is the most it may be."""
    ratio: float | None
    """The rate after divided by the rate before, per line, record or byte; null if there was none
    before, or if a count is only a bound."""
    ratio_per_hour: float | None
    """The same per hour; null also if a file has no times."""
    p: float
    """Corrected p-value: how likely such a difference is, if both rates are equal."""
    change: Change
    """`new` and `gone` if it was in one of the files only. `more` and `less` if the difference is
    significant and the rates differ by `min_ratio`."""
    significant: bool
    """Whether `p` is below `alpha`, and the rates differ by `min_ratio`."""


class ChangesDocument(TypedDict):
    """The number of significant changes."""

    new: int
    """Things that were not there before."""
    gone: int
    """Things that are not there any more."""
    more: int
    """Things that have become more frequent."""
    less: int
    """Things that have become less frequent."""


class ComparisonDocument(TypedDict):
    """The differences between the results of two jobs."""

    before: ComparedJobDocument
    """The earlier job."""
    after: ComparedJobDocument
    """The later job."""
    significance: SignificanceDocument
    """How counts are compared."""
    changes: ChangesDocument
    """The number of significant changes."""
    counts: list[ComparedCountDocument]
    """Everything that both results count: significant changes first, each kind in its order."""
    not_compared: list[str]
    """Names of patterns and fields that only one of the jobs has counted."""

"""The query parameters of calls about results of analyses."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from server.documents.filters import Query

ALPHA = 0.05
"""The default level of significance of a comparison."""
MIN_RATIO = 1.5
"""The default of the least factor between two rates that counts as a change. With millions of
lines, differences of one percent are significant, and mean nothing."""


class ComparisonQuery(Query):
    """The query parameters of a comparison."""

    before: UUID | None = Field(
        None, description="id of the earlier job; by default the one that the payload compares with"
    )
    alpha: float = Field(
        ALPHA, gt=0, lt=1, description="level of significance, for all counts together"
    )
    min_ratio: float = Field(
        MIN_RATIO,
        ge=1,
        le=1_000_000,
        description="the least factor between two rates that counts as a change",
    )


TableName = Literal[
    "file",
    "warnings",
    "patterns",
    "members",
    "timeline",
    "levels",
    "statuses",
    "bursts",
    "explanations",
    "templates",
    "fields",
    "numbers",
    "samples",
    "comparison",
]
"""The names of all tables that a result may have."""


class ReportQuery(ComparisonQuery):
    """The query parameters of a report."""

    format: Literal["html", "csv"] | None = Field(
        None, description="html: a page; csv: a table. By default, the header Accept decides"
    )
    table: TableName = Field("patterns", description="the table to send as CSV")

"""Filters that select jobs, in the query of a list and in the body of a bulk change."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from server.documents.cursors import parse_cursor
from server.documents.queries import Query, Whole
from server.documents.times import Time
from storage.records.filters import Filters
from storage.records.states import Status

MAX_IDS = 100
"""Most job ids in one request."""
MAX_WAIT_SECONDS = 60.0


def _split_at_commas(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("text must not contain NUL characters")
    return value


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable)]
Statuses = Annotated[
    list[Annotated[Status, Field(strict=False)]],
    BeforeValidator(_split_at_commas),
    Field(min_length=1, max_length=50),
]


class FilterFields(BaseModel):
    """Filters for jobs. A job is selected if it matches every filter that is given."""

    status: Statuses | None = Field(None, description="one or more statuses")
    type: Text | None = Field(None, description="name of the job type")
    created_after: Time | None = Field(None, description="created at this time or later")
    created_before: Time | None = Field(None, description="created before this time")
    queue: Text | None = Field(None, description="name of the queue")
    submitted_by: Text | None = Field(None, description="name of the caller who submitted the job")
    text: Text | None = Field(
        None,
        description="text contained in the payload's JSON, in the file name or in the job's id;"
        " ignores the case of the letters A-Z",
    )

    def filters(self) -> Filters:
        """Convert the filters to the store's type."""
        return Filters(
            statuses=frozenset(self.status or ()),
            type=self.type,
            created_after=self.created_after,
            created_before=self.created_before,
            text=self.text or "",
            queue=self.queue,
            submitted_by=self.submitted_by,
        )

    def has_filter(self) -> bool:
        """Return whether at least one filter is given."""
        return any(getattr(self, name) is not None for name in FilterFields.model_fields)


class Cursor(BaseModel):
    """The position at which a list or a bulk change continues."""

    cursor: str | None = Field(None, description="`next` from the previous response")

    @field_validator("cursor")
    @classmethod
    def _is_cursor(cls, value: str | None) -> str | None:
        if value is not None:
            parse_cursor(value)
        return value

    def start_after(self) -> UUID | None:
        """Return the id of the last job of the previous page, or None for the first page."""
        return None if self.cursor is None else parse_cursor(self.cursor)


class WaitQuery(Query):
    """The query parameter of requests that can wait."""

    wait: float = Field(
        0.0,
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="maximum number of seconds to wait until the job is final, or all jobs are",
    )


class ListQuery(FilterFields, Cursor, Query):
    """The query parameters of a list."""

    REPEATABLE: ClassVar = frozenset({"status"})

    limit: Whole = Field(50, ge=1, le=500, description="maximum number of jobs in the response")

    def page_parameters(self, query: Mapping[str, str]) -> dict[str, str]:
        """Return the parameters of a query that the link to the next page has to repeat."""
        kept = {name: query[name] for name in ListQuery.model_fields if name in query}
        return {**kept, "limit": str(self.limit)}


class BulkBody(FilterFields, Cursor):
    """Selects the jobs to change: by filters, or all of them with `all`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    all: bool = Field(False, description="true selects every job; give no filters then")
    dry_run: bool = Field(False, description="true only counts the jobs and changes nothing")

    @model_validator(mode="after")
    def _filters_or_all(self) -> Self:
        if self.all and self.has_filter():
            raise ValueError('give either filters or {"all": true}, not both')
        if not self.all and not self.has_filter():
            raise ValueError('give at least one filter, or {"all": true} for every job')
        return self


class SetQuery(WaitQuery):
    """The query parameters for jobs that are requested by their ids."""

    REPEATABLE: ClassVar = frozenset({"id"})

    id: list[UUID] = Field(max_length=MAX_IDS, description="job id; repeat it for several jobs")

    @field_validator("id")
    @classmethod
    def _without_duplicates(cls, value: list[UUID]) -> list[UUID]:
        return list(dict.fromkeys(value))

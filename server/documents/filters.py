"""Which jobs a client means: by the query of a list, and in the body of a bulk change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Self
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
from server.documents.submission import Time, milliseconds
from storage.records.filters import Filters
from storage.records.states import Status

MAX_IDS = 100
"""Jobs that can be asked for together by their ids."""
MAX_WAIT_SECONDS = 60.0


def _split(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("text must not hold NUL")
    return value


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable)]
Statuses = Annotated[
    list[Annotated[Status, Field(strict=False)]],
    BeforeValidator(_split),
    Field(min_length=1, max_length=50),
]


class FilterFields(BaseModel):
    """The filters; a job is meant if all that are given choose it."""

    status: Statuses | None = Field(None, description="any of these")
    type: Text | None = Field(None, description="name of the job type")
    created_after: Time | None = Field(None, description="created then or later")
    created_before: Time | None = Field(None, description="created earlier than that")
    queue: Text | None = Field(None, description="name of the queue")
    submitted_by: Text | None = Field(None, description="name of the caller")
    text: Text | None = Field(
        None, description="part of the payload's JSON or of the upload's name; A-Z in either case"
    )

    def filters(self) -> Filters:
        """The same for the store."""
        return Filters(
            statuses=frozenset(self.status or ()),
            type=self.type,
            created_after=_milliseconds(self.created_after),
            created_before=_milliseconds(self.created_before),
            text=self.text or "",
            queue=self.queue,
            submitted_by=self.submitted_by,
        )

    def any_given(self) -> bool:
        """Whether there is any filter."""
        return any(getattr(self, name) is not None for name in FilterFields.model_fields)


def _milliseconds(time: datetime | None) -> int | None:
    return None if time is None else milliseconds(time)


class Cursor(BaseModel):
    """Where a list, or a bulk change, goes on."""

    cursor: str | None = Field(None, description="`next` of the answer before")

    @field_validator("cursor")
    @classmethod
    def _ours(cls, value: str | None) -> str | None:
        if value is not None:
            parse_cursor(value)
        return value

    def before(self) -> UUID | None:
        """The job after which it goes on."""
        return None if self.cursor is None else parse_cursor(self.cursor)


class ListQuery(FilterFields, Cursor):
    """The query of a list."""

    model_config = ConfigDict(extra="ignore")

    limit: int = Field(50, ge=1, le=500, description="most jobs in the answer")

    def given(self, query: Mapping[str, str]) -> dict[str, str]:
        """Those parameters of a query that the next page needs, too."""
        kept = {name: query[name] for name in ListQuery.model_fields if name in query}
        return {**kept, "limit": str(self.limit)}


class BulkBody(FilterFields, Cursor):
    """Which jobs are to be changed: filters, or `all`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    all: bool = Field(False, description="true, instead of filters: every job that can be")
    dry_run: bool = Field(False, description="true: only count them")

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.all == self.any_given():
            raise ValueError('give at least one filter, or {"all": true} for every job')
        return self


class WaitQuery(BaseModel):
    """How long to wait."""

    wait: float = Field(
        0.0, ge=0, le=MAX_WAIT_SECONDS, description="seconds to wait until it is final, or all are"
    )


class SetQuery(WaitQuery):
    """The query for some jobs by their ids."""

    model_config = ConfigDict(extra="forbid")

    id: list[UUID] = Field(max_length=MAX_IDS, description="job id; may be given many times")

    @field_validator("id")
    @classmethod
    def _each_once(cls, value: list[UUID]) -> list[UUID]:
        return list(dict.fromkeys(value))

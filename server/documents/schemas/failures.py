"""The JSON documents of failures as types."""

from typing_extensions import TypedDict

from server.documents.schemas.common import Id, Time


class FailureDocument(TypedDict):
    """Failed jobs of one type whose errors are alike."""

    failure: str
    """Names the group: the filter `failure` of lists and of bulk changes selects its jobs."""
    type: str
    """The job type."""
    error_type: str
    """Kind of the error, such as the name of an exception, `TimedOut` or `Lost`."""
    message: str
    """The message that the jobs have in common, up to 300 characters, with # in place of each
    number and id."""
    latest_message: str
    """The message of the latest failure, up to 1,000 characters."""
    count: int
    """Number of the jobs."""
    first_at: Time
    """When the first of them failed."""
    last_at: Time
    """When the latest of them failed."""
    job_ids: list[Id]
    """The latest of them, up to five."""


class FailuresDocument(TypedDict):
    """Groups of failed jobs, the largest first."""

    items: list[FailureDocument]
    """The groups, up to `limit`."""
    group_count: int
    """Number of all groups, also of those beyond `limit`."""
    failed: int
    """Number of the jobs in all groups."""
    looked_back_to: Time | None
    """Jobs that failed earlier were not looked at, because that would have taken too long; null if
    all were."""
    next: str | None
    """Repeat the request with it as `cursor` to look at earlier failures; null if all were looked
    at."""

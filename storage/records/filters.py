"""Which jobs a client means."""

from dataclasses import dataclass, field

from storage.records.states import Status


@dataclass(frozen=True)
class Filters:
    """Which jobs are meant; those that all of these choose. Times are in milliseconds since 1970.

    `text` is looked for in the payload's JSON and in the name of the upload; A to Z in either case.
    """

    statuses: frozenset[Status] = field(default_factory=frozenset)
    """None: any status."""
    type: str | None = None
    created_after: int | None = None
    """That moment or later."""
    created_before: int | None = None
    """Earlier than that."""
    text: str = ""
    queue: str | None = None
    submitted_by: str | None = None
    """The name of a caller."""

"""The documents of pattern sets as types."""

from typing_extensions import TypedDict

from server.documents.schemas.common import Time
from storage.records.json_values import Json

Pattern = str | Json


class PatternSetHeadDocument(TypedDict):
    """A pattern set without its patterns."""

    name: str
    """Name of the set."""
    built_in: bool
    """Whether every service has this set; then it cannot be changed."""
    description: str
    """What the set is for; it may be empty."""
    pattern_count: int
    """Number of its patterns."""
    created_by: str | None
    """Name of the caller who saved it first; null without tokens."""
    changed_by: str | None
    """Name of the caller who saved it last; null without tokens."""
    created_at: Time | None
    """When it was saved first; null for a built-in set."""
    changed_at: Time | None
    """When it was saved last; null for a built-in set."""
    version: int
    """1 for a new set, and one more with each change; 0 for a built-in set."""


class PatternSetDocument(PatternSetHeadDocument):
    """A pattern set."""

    patterns: list[Pattern]
    """Its patterns, as they were saved."""


class PatternSetsDocument(TypedDict):
    """All pattern sets, sorted by name."""

    items: list[PatternSetHeadDocument]
    """The sets, without their patterns."""

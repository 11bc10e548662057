"""The documents of pattern sets, as clients read and save them."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from loganalysis import TextOrObject
from server.documents.job_documents import rfc3339
from server.documents.schemas.common import Time
from server.http.response import encode_json, etag_of
from storage.jobs.pattern_sets import PatternSet, PatternSetHead
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


MAX_SET_PATTERNS = 500
"""The most patterns of one set; a job may have twice as many."""
MAX_SET_BYTES = 64 * 1024
"""The largest body that saves a set."""


class PatternSetBody(BaseModel):
    """A pattern set to save. It replaces all of an earlier one."""

    model_config = ConfigDict(strict=True, extra="forbid")

    patterns: Annotated[list[TextOrObject], Field(min_length=1, max_length=MAX_SET_PATTERNS)] = (
        Field(description="the patterns, as in the payload of analyze; up to 500")
    )
    description: str = Field("", max_length=500, description="what the set is for")


def head_document(head: PatternSetHead) -> PatternSetHeadDocument:
    """Build the document of a saved set for a list."""
    return {
        "name": head.name,
        "built_in": False,
        "description": head.description,
        "pattern_count": head.pattern_count,
        "created_by": head.created_by,
        "changed_by": head.changed_by,
        "created_at": rfc3339(head.created_at),
        "changed_at": rfc3339(head.changed_at),
        "version": head.version,
    }


def set_document(saved: PatternSet) -> PatternSetDocument:
    """Build the document of a saved set."""
    return {**head_document(saved), "patterns": saved.patterns}


def built_in_head(name: str, description: str, count: int) -> PatternSetHeadDocument:
    """Build the document of a built-in set for a list."""
    return {
        "name": name,
        "built_in": True,
        "description": description,
        "pattern_count": count,
        "created_by": None,
        "changed_by": None,
        "created_at": None,
        "changed_at": None,
        "version": 0,
    }


def set_etag(saved: PatternSet | None) -> str | None:
    """Return the ETag of the response with a saved set; None for no set."""
    return None if saved is None else etag_of(encode_json(set_document(saved)))

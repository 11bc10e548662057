"""`View`: which of its fields a job shows in a response."""

from collections.abc import Mapping
from dataclasses import dataclass

from server.documents.schemas.job_schemas import (
    ALWAYS_SENT,
    CORE,
    LARGE,
    UNSET,
    JobDocument,
    JobView,
)
from storage.records.json_values import JsonValue

_SHOWN = object()


@dataclass(frozen=True)
class View:
    """The fields of a job that a response has."""

    names: frozenset[str]
    left_out: Mapping[str, JsonValue]
    """Fields that a job leaves out while they have this value."""

    def of(self, document: JobDocument) -> JobView:
        """Return these fields of a job."""
        names, left_out = self.names, self.left_out
        return {
            name: value
            for name, value in document.items()
            if name in names and value != left_out.get(name, _SHOWN)
        }


_OPTIONS = {name: value for name, value in UNSET.items() if name not in CORE}
DEFAULT = View(frozenset(UNSET), _OPTIONS)
"""All that was set, and all that has happened."""
SUMMARY = View(DEFAULT.names - LARGE, _OPTIONS)
FULL = View(DEFAULT.names, {})
VIEWS = {"default": DEFAULT, "summary": SUMMARY, "full": FULL}


def view_of(fields: str) -> View:
    """Return the view with the fields of a list such as `result,error`."""
    return View(ALWAYS_SENT | frozenset(fields.split(",")), {})

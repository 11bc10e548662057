"""Builds the requests about pattern sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from jobservice.json_values import JsonValue
from jobservice.requests.request import Request, pattern_set_path, put


def put_pattern_set(
    name: str,
    patterns: Iterable[str | Mapping[str, JsonValue]],
    description: str = "",
    *,
    only_new: bool = False,
) -> Request:
    """Save a pattern set, or replace all of it unless `only_new` forbids that.

    Raises TypeError for a text in place of a list.
    """
    if isinstance(patterns, str):
        raise TypeError("patterns is a list of texts, not one text")
    listed = [each if isinstance(each, str) else dict(each) for each in patterns]
    document = {"patterns": listed, "description": description}
    return put(pattern_set_path(name), document, only_new=only_new)


def delete_pattern_set(name: str) -> Request:
    """Delete a pattern set."""
    return Request("DELETE", pattern_set_path(name), done_status=404)

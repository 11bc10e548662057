"""`Response`: what a call of this folder answers a client."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from storage.records.json_values import JsonValue


@dataclass(frozen=True)
class Response:
    """Status and document of a response, and its headers beyond the default ones."""

    status: int
    document: JsonValue = None
    headers: Mapping[str, str] = field(default_factory=dict)

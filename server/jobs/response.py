"""`Response`: what a call of this folder answers a client."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Response:
    """Status and document of a response, and its headers beyond the default ones."""

    status: int
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

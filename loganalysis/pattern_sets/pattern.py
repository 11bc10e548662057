"""Defines built-in patterns and their sets. Imports nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class BuiltInPattern:
    """A named text, or with `regex` a regex of RE2, or with `all` texts that a line must all have.

    It matches the line `match`, and not the line `other`, which looks alike.
    """

    name: str
    pattern: str
    match: str
    other: str
    regex: bool = False
    all: tuple[str, ...] = ()

    def document(self) -> Mapping[str, object]:
        """The pattern as the payload of `analyze` has it."""
        if self.all:
            return {"name": self.name, "all": [*self.all]}
        text = {"name": self.name, "pattern": self.pattern}
        return {**text, "regex": True} if self.regex else text


@dataclass(frozen=True)
class BuiltInSet:
    """A set that every service has. It cannot be changed."""

    name: str
    description: str
    patterns: tuple[BuiltInPattern, ...]

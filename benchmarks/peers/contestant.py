"""A contestant: how it is set up, and how its figures are measured."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

Measure = Callable[[int], tuple[float, ...]]
"""Measures with a number of jobs; returns its figures in the order of `findings.MEASURES`."""


@dataclass(frozen=True)
class Contestant:
    """A row of the tables. `group` is its name for --peers."""

    key: str
    group: str
    title: str
    versions: list[str]
    settings: str
    synced: bool
    """Whether an accepted job is on the disk before the answer."""
    measures: Mapping[str, Measure] = field(default_factory=dict)
    missing: str | None = None
    """The reason why it cannot be measured here."""

    def only(self, measures: Collection[str]) -> "Contestant":
        """A copy with only the given measures."""
        kept = {name: each for name, each in self.measures.items() if name in measures}
        return replace(self, measures=kept)

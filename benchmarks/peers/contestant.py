"""One that takes part: how it is set up, and how its figures are measured."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

Measure = Callable[[int], tuple[float, ...]]
"""Measures with so many jobs; the values of its figures in the order of `findings.MEASURES`."""


@dataclass(frozen=True)
class Contestant:
    """A row of the tables. `group` is what --peers chooses it by."""

    key: str
    group: str
    title: str
    versions: list[str]
    settings: str
    synced: bool
    """Whether what it accepts is on the disk before it says so."""
    measures: Mapping[str, Measure] = field(default_factory=dict)
    missing: str | None = None
    """Why it cannot be measured here."""

    def only(self, measures: Collection[str]) -> "Contestant":
        """The same with no other measures than these."""
        kept = {name: each for name, each in self.measures.items() if name in measures}
        return replace(self, measures=kept)

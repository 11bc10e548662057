"""Callbacks of the operator of the service, for the ends of all jobs that filters select."""

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ServiceCallback:
    """A URL that receives the ends of jobs. An empty filter selects every job.

    A job must have one of the statuses, types and queues, and all of the tags.
    """

    url: str
    statuses: frozenset[str] = field(default_factory=frozenset)
    types: frozenset[str] = field(default_factory=frozenset)
    queues: frozenset[str] = field(default_factory=frozenset)
    tags: frozenset[str] = field(default_factory=frozenset)

    def selects(self, status: str, type: str, queue: str, tags: Collection[str]) -> bool:
        """Return whether the filters select the end of a job."""
        wanted = (self.statuses, status), (self.types, type), (self.queues, queue)
        return all(not some or value in some for some, value in wanted) and self.tags <= set(tags)

"""The things that a held job waits for, as the explanation of the job shows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from storage.records.holds import Hold

SHOWN = 5
"""How many of the jobs that a job waits for are named."""


@dataclass(frozen=True)
class Wait:
    """One thing that a held job waits for.

    `jobs` are some of the jobs that it waits for, at most SHOWN, and `count` is the number of all.
    """

    hold: Hold
    jobs: Sequence[UUID] = ()
    count: int = 0

"""The holds of queued jobs, and the reactions to the end of a job. Imports nothing of ours.

A held job is queued, and its `run_at` is so late that no claim of any release finds it. Its own
time is in `due_at`.
"""

from enum import IntFlag

HELD = 253402300799999
"""The `run_at` of a held job: the last millisecond of the year 9999, in milliseconds since 1970."""


class Hold(IntFlag):
    """The holds of a job, a bit each, as in the column `holds`."""

    PREDECESSORS = 1
    """Jobs that must end first."""
    KEY = 2
    """Other jobs with its concurrency key."""
    BATCH = 4
    """The batch that must finish first."""
    TIME = 64
    """Its own time, before it waits for a place of its concurrency key. The highest bit, so that an
    index finds these jobs."""


class Watch(IntFlag):
    """The reactions to the end of a job, a bit each, as in the column `watched`."""

    DEPENDENCIES = 1
    """Jobs that wait for it."""
    KEYS = 2
    """Jobs that wait for its place."""
    BATCHES = 4
    """Its batch."""
    SCHEDULES = 8
    """Its schedule."""

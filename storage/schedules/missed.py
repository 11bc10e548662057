"""Decides which nominal times of a schedule are fired when it is due, and which were missed."""

from collections.abc import Collection
from dataclasses import dataclass

from storage.records.schedule import Missed
from storage.schedules.timing import COUNTED, Calendar

LATE_MS = 60_000
"""With `missed: skip`, a nominal time that is later than this is left out."""
MADE_UP = 100
"""With `missed: all`, at most so many nominal times are made up for: the newest ones."""


@dataclass(frozen=True)
class Plan:
    """What is to be done with the nominal times of a schedule that have come.

    fire: the nominal times to fire, the oldest first.
    missed_at: the newest one that was missed, None if none was.
    missed: why, for people.
    next_at: the next nominal time; None if there is none.
    """

    fire: list[int]
    missed_at: int | None = None
    missed: str | None = None
    next_at: int | None = None


def plan(
    calendar: Calendar, first: int, now: int, policy: Missed, done: Collection[int] = ()
) -> Plan:
    """Plan the nominal times from `first`, which has come, until now.

    `done` are nominal times that have a firing already.
    """
    next_at = calendar.after(first)
    times, older = [first], 0
    if next_at is not None and next_at <= now:
        most = MADE_UP if policy is Missed.ALL else 1
        times, count = calendar.latest(first, now, most + 1)
        next_at = calendar.after(times[-1])
        is_more = len(times) > most
        older = COUNTED + 1 if count is None else count + is_more
        missed_at, times = (times[0], times[1:]) if is_more else (None, times)
    if policy is Missed.SKIP and now - times[-1] > LATE_MS:
        older, missed_at, times = older + len(times), times[-1], []
    fire = [time for time in times if time not in done]
    if not older or missed_at in done:
        return Plan(fire, next_at=next_at)
    return Plan(fire, missed_at, _reason(older), next_at)


def _reason(count: int) -> str:
    if count == 1:
        return "no worker fired it in time"
    times = f"more than {COUNTED}" if count > COUNTED else str(count)
    return f"no worker fired it in time, nor those before: {times} in all"

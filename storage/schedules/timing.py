"""Computes the nominal times of schedules: from cron expressions, by cronsim, or from intervals.
Decides which are fired when a schedule is due, and which were missed.

Times are whole milliseconds since 1970 in UTC; nominal times are whole seconds.

Cronsim treats changes of a zone's offset as Debian's cron does, see docs/schedules.md.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from storage.records.counted import counted
from storage.records.schedule import Missed, Timing

MAX_CRON_LENGTH = 200
MIN_EVERY, MAX_EVERY = 1, 366 * 86400
"""The bounds of an interval in seconds."""
_DAY = 86400
COUNTED = 1000
"""Up to so many nominal times between two times are counted."""
EXAMPLE = "30 2 * * *"
NAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Names for cron expressions, as in cron itself."""
_FIELDS = {
    "second": "0 to 59",
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, L for the last day, or LW for the last weekday",
    "month": "1 to 12, or JAN to DEC",
    "day-of-week": "0 to 7 (0 and 7 are Sunday), SUN to SAT, MON#1 for the first Monday, or 5L for"
    " the last Friday",
}
"""The fields of an expression as cronsim names them, with their values."""
_SOME_TIME = datetime(2026, 1, 1, tzinfo=UTC)

_LATE_MS = 60_000
"""With `missed: skip`, a nominal time that is later than this is left out."""
_MADE_UP = 100
"""With `missed: all`, at most so many nominal times are made up for: the newest ones."""


def validate_cron(text: str) -> str:
    """Return a cron expression if it is valid. Raises ValueError with the reason, for clients."""
    if len(text) > MAX_CRON_LENGTH:
        most = f"at most {MAX_CRON_LENGTH} are allowed"
        raise ValueError(f"cron has {len(text)} characters, {most}, for example {EXAMPLE}")
    if text.startswith("@"):
        if text.lower() not in NAMES:
            raise ValueError(f"cron must be one of {', '.join(NAMES)}, or as in {EXAMPLE}")
        return text
    parts = text.split()
    if len(parts) not in (5, 6):
        has = f"cron has {counted(len(parts), 'field')}"
        six = ", or 6 with seconds first" if len(parts) > 6 else ""
        raise ValueError(f"{has}, expected 5{six}, for example {EXAMPLE}")
    try:
        found = next(CronSim(text, _SOME_TIME), None)
    except CronSimError as error:
        raise ValueError(_cron_error(parts, str(error))) from None
    except Exception:  # cronsim trips over some combinations, such as 5L/2
        raise ValueError(f"cron is not valid, an example is {EXAMPLE}") from None
    if found is None:
        raise ValueError(f"cron is never due: no day fits, an example is {EXAMPLE}")
    return text


def _cron_error(parts: list[str], error: str) -> str:
    """Return what is wrong with an expression, from the error of cronsim: "Bad minute"."""
    name = error.removeprefix("Bad ")
    if name not in _FIELDS:
        return f"cron is not valid, an example is {EXAMPLE}"
    names = list(_FIELDS)[6 - len(parts) :]
    shown = parts[names.index(name)]
    if name == "day-of-month" and _is_valid([*parts[:-2], "*", parts[-1]]):
        return f"cron is never due: none of its months has the day {shown}"
    forms = "*, or several as 1,15, 1-5 or */10"
    return f"cron has the {name} {shown}, expected {_FIELDS[name]}, {forms}, for example {EXAMPLE}"


def _is_valid(parts: list[str]) -> bool:
    try:
        CronSim(" ".join(parts), _SOME_TIME)
    except Exception:
        return False
    return True


def validate_timezone(name: str) -> str:
    """Return the name of a time zone if there is one. Raises ValueError with the reason."""
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # no name, or the name of a folder or another file
        reason = "it must be the IANA name of a time zone that this system knows"
        raise ValueError(f"{reason}, for example UTC or Europe/Berlin") from None
    return name


class Calendar:
    """The nominal times of a schedule. `anchor_at` is the time from which `every` counts."""

    def __init__(self, timing: Timing, anchor_at: int, until: int | None = None):
        """No nominal time is after `until`."""
        self._timing, self._anchor_at, self._until = timing, anchor_at, until

    def after(self, time: int) -> int | None:
        """Return the first nominal time after a time; None if there is none."""
        found = self._after(time)
        is_over = found is not None and self._until is not None and found > self._until
        return None if is_over else found

    def next(self, time: int, count: int) -> list[int]:
        """Return up to `count` nominal times after a time."""
        return list(islice(self._from(time), count))

    def latest(self, first: int, last: int, most: int) -> tuple[list[int], int | None]:
        """Return the newest nominal times from one to another, `most` of them at the most.

        Also returns how many older ones there are; None if all are more than COUNTED.
        """
        counted = list(islice(self._between(first - 1, last), COUNTED + 1))
        if len(counted) <= COUNTED:
            return counted[-most:], max(0, len(counted) - most)
        # Found backwards, and then forwards: only forwards is right when clocks change.
        start = max(first, self._back(last, most)) - 1
        return list(self._between(start, last))[-most:], None

    def _from(self, time: int) -> Iterator[int]:
        found = self.after(time)
        while found is not None:
            yield found
            found = self.after(found)

    def _between(self, after: int, last: int) -> Iterator[int]:
        for time in self._from(after):
            if time > last:
                return
            yield time

    def _after(self, time: int) -> int | None:
        timing = self._timing
        if timing.every is not None:
            step = timing.every * 1000
            return self._anchor_at + max(1, (time - self._anchor_at) // step + 1) * step
        assert timing.cron is not None
        return cron_after(timing.cron, timing.timezone, time)

    def _back(self, last: int, count: int) -> int:
        """Return about the oldest of the last `count` nominal times before a time."""
        timing = self._timing
        if timing.every is not None:
            return last - count * timing.every * 1000
        assert timing.cron is not None
        start = datetime.fromtimestamp(last // 1000 + 1, ZoneInfo(timing.timezone))
        times = list(islice(CronSim(_expression(timing.cron), start, reverse=True), count))
        return round(times[-1].timestamp()) * 1000 if times else last


@lru_cache(4096)  # many schedules have the same times
def cron_after(cron: str, timezone: str, time: int) -> int | None:
    """Return the first time of a cron expression after a time; None if none is within 50 years."""
    zone = ZoneInfo(timezone)
    if _follows_clock(cron):
        at = _next_shown(_expression(cron), zone, time // 1000)
        return None if at is None else at * 1000
    start = datetime.fromtimestamp(time // 1000, zone)
    for found in CronSim(_expression(cron), start):
        found_at = round(found.timestamp()) * 1000
        # If a clock repeats an hour, cronsim begins with the first one.
        if found_at > time:
            return found_at
    return None


def _follows_clock(cron: str) -> bool:
    """Whether an expression is due each time that a clock shows it, also what it shows twice."""
    fields = _expression(cron).split()
    return len(fields) == 6 or fields[0].startswith("*") or fields[1].startswith("*")


def _next_shown(cron: str, zone: ZoneInfo, after: int) -> int | None:
    """Return the first second, after another one, in which the clock of a zone shows a time.

    Cronsim gets times without a zone: it takes each change of a clock for one of whole hours.
    """
    offset = _offset(zone, after)
    while True:
        shown = datetime.fromtimestamp(after + offset, UTC).replace(tzinfo=None)
        found = next(CronSim(cron, shown), None)
        if found is None:
            return None
        at = round(found.replace(tzinfo=UTC).timestamp()) - offset
        end = min(at, after + _DAY)
        if _offset(zone, end) != offset:  # until the clock changes, nothing is due
            days = range(after, end + 1)
            change = after + bisect_left(days, True, key=lambda at: _offset(zone, at) != offset)
            after, offset = change - 1, _offset(zone, change)
        elif end == at:
            return at
        else:
            after = max(end, at - 2 * _DAY)  # no clock changes by more than a day
            offset = _offset(zone, after)


def _offset(zone: ZoneInfo, at: int) -> int:
    """Return by how many seconds the clock of a zone is ahead of UTC."""
    offset = datetime.fromtimestamp(at, zone).utcoffset()
    assert offset is not None
    return round(offset.total_seconds())


def _expression(cron: str) -> str:
    return NAMES.get(cron.lower(), cron)


@dataclass(frozen=True)
class Plan:
    """The actions for the nominal times of a schedule that have come.

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
        most = _MADE_UP if policy is Missed.ALL else 1
        times, count = calendar.latest(first, now, most + 1)
        next_at = calendar.after(times[-1])
        is_more = len(times) > most
        older = COUNTED + 1 if count is None else count + is_more
        missed_at, times = (times[0], times[1:]) if is_more else (None, times)
    if policy is Missed.SKIP and now - times[-1] > _LATE_MS:
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

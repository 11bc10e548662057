"""The times between which lines count, as clients give them. Imports nothing of ours.

Analyses and `GET /jobs/ID/lines` read them by `TimeLimit.parse`, so both accept the same texts.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor

_RELATIVE = re.compile(r"-(\d{1,9})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_HOW = "a time with a zone, such as 2026-11-25T13:00:00Z, or before the last time of the file: -1h"
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LEAP_SECOND = re.compile(r"(.*\d\d:?\d\d:?)60((?:[.,]\d+)?(?:Z|[+-].*))", re.ASCII)
_LOST_PLUS = re.compile(r".*[T ]\d\d.* \d\d:?\d\d", re.ASCII)
_IMPOSSIBLE = re.compile(r".*[T ]24|.*[+-]\d\d:?[6-9]\d", re.ASCII)  # some releases accept them
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MINUTE = timedelta(hours=23, minutes=59)


@dataclass(frozen=True)
class TimeLimit:
    """A time in epoch seconds or, if `is_relative`, in seconds before the last time of the file."""

    seconds: float
    is_relative: bool = False

    @classmethod
    def parse(cls, text: str) -> "TimeLimit":
        """Read ISO 8601, or a relative time such as -90s, -30m, -1h or -2d.

        A date is its midnight in UTC. A leap second counts as the second after it. Raises
        ValueError with the reason, for clients.
        """
        if match := _RELATIVE.fullmatch(text):
            return cls(int(match[1]) * _SECONDS[match[2]], True)
        upper = text.upper()
        if _DATE.fullmatch(upper):
            upper += "T00:00:00Z"
        leap = _LEAP_SECOND.fullmatch(upper)
        moment = _moment(f"{leap[1]}59{leap[2]}" if leap else upper)
        since_epoch = moment - _EPOCH  # a difference: a datetime cannot leave the years 1 to 9999
        if leap and since_epoch % timedelta(days=1) < _LAST_MINUTE:
            raise ValueError(f"this leap second does not exist; it must be {_HOW}")
        return cls(since_epoch.total_seconds() + bool(leap))

    def is_not_before(self, other: "TimeLimit") -> bool:
        """Whether no time is between both, as far as that is known without the file."""
        if self.is_relative != other.is_relative:
            return False
        sign = -1 if self.is_relative else 1
        return sign * self.seconds >= sign * other.seconds

    def resolve(self, last: float | None) -> float | None:
        """The time in epoch seconds. None if it is relative and the file has no time.

        `last` is the last time of the file, in epoch seconds.
        """
        if not self.is_relative:
            return self.seconds
        return None if last is None else last - self.seconds


def _moment(text: str) -> datetime:
    """Read ISO 8601 with a zone. Raises ValueError."""
    try:
        if not text.isascii() or _IMPOSSIBLE.fullmatch(text):
            raise ValueError
        moment = datetime.fromisoformat(text)
    except ValueError:
        if _LOST_PLUS.fullmatch(text):
            how = "in a URL or a form, write + as %2B"
            raise ValueError(f"it has a space before its offset: {how}") from None
        raise ValueError(f"it must be {_HOW}") from None
    if moment.tzinfo is None:
        raise ValueError(f"it has no time zone; it must be {_HOW}")
    return moment


@dataclass(frozen=True)
class TimeLimits:
    """Lines count from one time on, and before another; None is no limit."""

    since: TimeLimit | None = None
    until: TimeLimit | None = None

    @property
    def are_given(self) -> bool:
        """Whether there is a limit."""
        return self.since is not None or self.until is not None

    @property
    def are_relative(self) -> bool:
        """Whether the last time of the file is needed."""
        return any(each is not None and each.is_relative for each in (self.since, self.until))

    def resolve(self, last: float | None) -> tuple[int | None, int | None]:
        """The first second, and the second after the last. No second if there is no last time."""
        if self.are_relative and last is None:
            return 0, 0
        last = None if last is None else floor(last)
        since = None if self.since is None else self.since.resolve(last)
        until = None if self.until is None else self.until.resolve(last)
        return (
            None if since is None else floor(since),
            None if until is None else ceil(until),
        )


NO_LIMITS = TimeLimits()
"""Every line counts."""

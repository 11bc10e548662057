"""Times that clients send: RFC 3339, or a date, which means midnight in UTC. Imports nothing of
ours."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

_EXAMPLE = "2030-01-31T12:00:00Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_MS = 253_402_300_800_000
"""The beginning of the year 10000, in milliseconds since 1970."""
_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?"
    r"(?P<offset>[Zz]|[-+ ]\d\d:(?P<minutes>\d\d))?)?",
    re.ASCII,
)


def parse_time(value: object) -> int:
    """Parse a time in milliseconds since 1970, rounded up.

    A leap second counts as the second after it, as in Unix time. Raises ValueError with the reason,
    for clients.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        date = _EXAMPLE.partition("T")[0]
        raise ValueError(
            f"it must be a time such as {_EXAMPLE} (RFC 3339), or a date such as {date}"
        )
    if match["clock"] and not match["offset"]:
        raise ValueError(f"it has no offset from UTC: add Z, as in {_EXAMPLE}, or +02:00")
    if match["offset"] and match["offset"].startswith(" "):
        raise ValueError("it has a space before its offset: in a URL or a form, write + as %2B")
    fraction = match["fraction"] or ""
    is_more = fraction[3:].strip("0") != ""
    parsed = _second(match) + int(fraction[:3].ljust(3, "0")) + is_more
    if not 0 <= parsed < _END_MS:
        raise ValueError("it must be between 1970 and 9999")
    return parsed


def _second(match: re.Match[str]) -> int:
    """Return the whole second of a time, in milliseconds since 1970. Raises ValueError."""
    clock, offset = match["clock"] or "00:00:00", (match["offset"] or "Z").upper()
    is_leap_second = clock.endswith(":60")
    valid_clock = clock[:-2] + "59" if is_leap_second else clock
    try:
        # A difference, because a datetime cannot leave the years 1 to 9999.
        since_epoch = datetime.fromisoformat(f"{match['date']}T{valid_clock}{offset}") - _EPOCH
        is_last_minute = since_epoch % timedelta(days=1) >= timedelta(hours=23, minutes=59)
        if clock >= "24" or (match["minutes"] or "00") > "59":
            raise ValueError  # some releases of Python accept them
        if is_leap_second and not is_last_minute:
            raise ValueError
    except ValueError:
        raise ValueError(f"this time does not exist; an example of a time is {_EXAMPLE}") from None
    return since_epoch // timedelta(milliseconds=1) + (1000 if is_leap_second else 0)


Time = Annotated[
    int,
    PlainValidator(parse_time),
    # Dates are accepted, too. Clients know no type for both, so only one is described.
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A field for a time. Its value is in milliseconds since 1970."""


_AGO = re.compile(r"(\d{1,9})([smhd])", re.ASCII)
_UNIT_MS = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def parse_past_time(value: object) -> int:
    """Parse a time as `parse_time` does, or how long ago it was, such as 30m. Raises ValueError."""
    ago = _AGO.fullmatch(value) if isinstance(value, str) else None
    if ago:
        return max(0, round(time.time() * 1000) - int(ago[1]) * _UNIT_MS[ago[2]])
    try:
        return parse_time(value)
    except ValueError as error:
        raise ValueError(f"{error}; or how long ago it was, such as 30m, 24h or 7d") from None


PastTime = Annotated[int, PlainValidator(parse_past_time), WithJsonSchema({"type": "string"})]
"""A query parameter for a time, or for how long ago it was. Its value is as for `Time`."""

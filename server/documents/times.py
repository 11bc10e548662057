"""Times that clients send: RFC 3339, or a date, which means midnight in UTC. Imports nothing of
ours."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

_EXAMPLE = "2030-01-31T12:00:00Z"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_MS = 253_402_300_800_000
"""The beginning of the year 10000, in milliseconds since 1970."""
_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?"
    r"(?P<offset>[Zz]|(?P<sign>[-+ ])(?P<hours>\d\d):(?P<minutes>\d\d))?)?",
    re.ASCII,
)


def parse_time(value: Any) -> int:
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
    if match["sign"] == " ":
        raise ValueError("it has a space before its offset: in a URL or a form, write + as %2B")
    time = _second(match) + _fraction_ms(match["fraction"] or "")
    if not 0 <= time < _END_MS:
        raise ValueError("it must be between 1970 and 9999")
    return time


Time = Annotated[
    int,
    PlainValidator(parse_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date", "description": "midnight in UTC"},
            ]
        }
    ),
]
"""A field for a time. Its value is in milliseconds since 1970."""


def _second(match: re.Match[str]) -> int:
    """Return the whole second of a time, in milliseconds since 1970. Raises ValueError."""
    hour, minute, second = map(int, (match["clock"] or "00:00:00").split(":"))
    hours, minutes = int(match["hours"] or 0), int(match["minutes"] or 0)
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if match["sign"] == "-" else 1)
    try:
        date = datetime.fromisoformat(match["date"]).replace(tzinfo=UTC)
        written = date.replace(hour=hour, minute=minute, second=min(second, 59))
    except ValueError:
        raise _does_not_exist() from None
    # Added to a difference, because a datetime cannot leave the years 1 to 9999.
    since_epoch = written - _EPOCH - offset
    is_last_minute = since_epoch % timedelta(days=1) >= timedelta(hours=23, minutes=59)
    if hours > 23 or minutes > 59 or second > 60 or (second == 60 and not is_last_minute):
        raise _does_not_exist()
    return since_epoch // timedelta(milliseconds=1) + (1000 if second == 60 else 0)


def _fraction_ms(digits: str) -> int:
    """Return the digits behind the decimal point as milliseconds, rounded up."""
    is_more = digits[3:].strip("0") != ""
    return int(digits[:3].ljust(3, "0")) + is_more


def _does_not_exist() -> ValueError:
    return ValueError(f"this time does not exist; an example of a time is {_EXAMPLE}")

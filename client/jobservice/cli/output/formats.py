"""Numbers, durations and times as text."""

import math
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from jobservice.json_values import JsonValue

if TYPE_CHECKING:
    from jobservice import JobData

_UNITS = ("B", "kB", "MB", "GB", "TB")
_BINARY_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEPS = (("d", 86400, "h", 3600), ("h", 3600, "m", 60), ("m", 60, "s", 1))
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*([smhd]?)")

_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTROL_EXCEPT_COLORS = re.compile(r"(\x1b\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def size(count: float | None) -> str:
    """A number of bytes: 999 B, 1.5 kB, 12 MB."""
    if count is None:
        return ""
    value, unit = float(count), 0
    while round(value) >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = f"{value:.1f}" if unit and value < 10 else f"{value:.0f}"
    return f"{digits} {_UNITS[unit]}"


def binary_size(count: int) -> str:
    """A number of bytes in powers of 1024, as limits are set: 999 B, 1.5 KiB, 20 MiB."""
    value, at = float(count), 0
    while round(value, 1) >= 1024 and at < len(_BINARY_UNITS) - 1:
        value, at = value / 1024, at + 1
    digits = f"{value:.1f}".removesuffix(".0") if at else f"{value:.0f}"
    return f"{digits} {_BINARY_UNITS[at]}"


def number(count: int | None) -> str:
    """A whole number with separators: 1,234,567. Empty for None."""
    return "" if count is None else f"{count:,}"


def counted(count: int, noun: str) -> str:
    """A number with its noun: 1 line, 2,000 lines."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """A duration in at most two units: 5.0 ms, 0.50 s, 12 s, 3 m 20 s, 2 h 5 m, 4 d 1 h."""
    if seconds is None:
        return ""
    if seconds < 0.1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 10:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, length, rest_unit, rest_length in _STEPS:
        if whole >= length:
            rest = whole % length // rest_length
            return f"{whole // length} {unit}" + (f" {rest} {rest_unit}" if rest else "")
    return f"{whole} s"


def parse_duration(text: str) -> float:
    """Seconds of a duration such as 90, 1.5, 30s, 5m, 2h or 1d. Raises ValueError."""
    found = _DURATION.fullmatch(text.strip().lower())
    if not found:
        raise ValueError(f"{text!r} is not a duration such as 90, 1.5, 30s, 5m, 2h or 1d")
    return float(found[1]) * _SECONDS[found[2]]


def parse_size(text: str) -> int:
    """Read a number of bytes such as 4096, 512M or 2G. Raises ValueError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise ValueError(f"{text!r} is not a size such as 4096, 512M or 2G")
    power = "KMGT".index(found[2].upper()) + 1 if found[2] else 0
    return round(float(found[1]) * float(1024**power))


def given_duration(seconds: int) -> str:
    """A duration as an option takes it, in the largest unit without a rest: 90s, 5m, 2h, 366d."""
    units = ("d", "h", "m") if seconds else ()
    unit = next((each for each in units if seconds % _SECONDS[each] == 0), "s")
    return f"{seconds // _SECONDS[unit]}{unit}"


def moment(value: JsonValue) -> str:
    """A time of the API, in the time zone of this machine: 2030-01-31 12:00:00. Empty for None."""
    parsed = parse_time(value)
    return parsed.astimezone().strftime("%Y-%m-%d %H:%M:%S") if parsed else ""


def with_moments(text: str) -> str:
    """A sentence of the API, with its times in the time zone of this machine."""
    return _TIME.sub(lambda found: moment(found[0]), text)


def utc(text: str) -> str:
    """A time of the API, in UTC as it is: 2030-01-31 12:00:00."""
    return text.removesuffix("Z").removesuffix(".000").replace("T", " ")


def clock() -> str:
    """The present time of day on this machine: 12:00:00."""
    return datetime.now(timezone.utc).astimezone().strftime("%H:%M:%S")


def parse_time(value: JsonValue) -> datetime | None:
    """A time of the API, which may be text or already parsed."""
    if isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value if isinstance(value, datetime) else None


def printable(text: str) -> str:
    """Text from a job, without characters that could change the terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def printable_output(text: str) -> str:
    """Output of a job, without control characters except colors."""
    return _CONTROL_EXCEPT_COLORS.sub(lambda found: found[1] or "", text)


def short_id(job_id: str) -> str:
    """The end of an id, which differs between jobs; its beginning is the time."""
    return job_id[-8:]


def bar(share: float, width: int, ascii_only: bool = False) -> str:
    """A bar for a share from 0 to 1, rounded up to eighths of a character, as the service does.

    It is never empty if there is a share.
    """
    if ascii_only:
        return "#" * max(round(share * width), int(share > 0))
    eighths = max(math.ceil(round(share * width * 8, 6)), int(share > 0))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def curve(counts: Sequence[int], ascii_only: bool = False) -> str:
    """A character for each count, as high as its share of the largest; a space only for 0."""
    heights = " .:-=+*#@" if ascii_only else " ▁▂▃▄▅▆▇█"
    most = max(counts, default=0)
    return "".join(heights[-(-count * 8 // most) if most else 0] for count in counts)


def run_time(data: "JobData") -> str:
    """How long the newest attempt has run; empty before it begins, and while the next one waits."""
    if data.started_at is None or data.status == "queued":
        return ""
    end = data.finished_at or datetime.now(timezone.utc)
    return duration(max(0.0, (end - data.started_at).total_seconds()))

"""Times as the fields of known formats contain them.

Forms that `LineTimes` does not know are rewritten into one that it knows:

    1127 01:02:03.123456            klog            Nov 27 01:02:03.123456
    11/27/2026 1:02:03 PM           Windows         2026-11-27 13:02:03
    2026-11-27-01.02.03.123         Blue Gene, DB2  2026-11-27 01:02:03.123
    20261127-01:02:03:123           compact         2026-11-27 01:02:03.123
    261127 010203                   HDFS            2026-11-27 01:02:03
    26/11/27 01:02:03               Spark           2026-11-27 01:02:03
    11-27 01:02:03.123              Android         Nov 27 01:02:03.123
"""

import re

from loganalysis.times.line_times import LineTimes

_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_DAY_SECONDS = 86_400
_SOME_TIME = 1_700_000_000.0  # any time of a file will do to tell a time without a year
_CLOCK = rb"(?P<H>\d{1,2})[:.]?(?P<M>\d\d)[:.]?(?P<S>\d\d)(?P<rest>(?:[.,:]\d+)?)"
_CLOCK_ONLY = re.compile(rb"\d\d:\d\d:\d\d(?:[.,]\d+)?")
_FORMS = [
    re.compile(form % _CLOCK)
    for form in (
        rb"(?P<m>\d\d)(?P<d>\d\d) %b$",
        rb"(?P<m>\d\d)[-.](?P<d>\d\d) %b$",
        rb"(?P<Y>\d{4})[-./]?(?P<m>\d\d)[-./]?(?P<d>\d\d)[-T _]%b$",
        rb"(?P<y>\d\d)/?(?P<m>\d\d)/?(?P<d>\d\d) %b$",
        rb"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<Y>\d{4}),? %b(?P<half> [AP]M)?$",
        rb"(?P<d>\d{1,2})\.(?P<m>\d\d)\.(?P<Y>\d{4}),? %b$",
        rb"(?P<d>\d\d)[ -](?P<month>[A-Z][a-z]{2})[ -](?P<Y>\d{4})[ T]%b$",
    )
]


class FieldTimes:
    """Reads the times of a file's fields. Times that repeat are not computed again."""

    def __init__(self, modified: float | None) -> None:
        """`modified` is the time of the file in epoch seconds, or None if that is unknown.

        A time without a year gets the latest year in which it is at most a day after `modified`,
        and is None without it.
        """
        self._modified = modified
        self._line_times = LineTimes(modified or 0.0)
        self._some_year = LineTimes(_SOME_TIME)

    def time_of(self, text: bytes) -> float | None:
        """The epoch seconds of a time, or None if the text is no time."""
        found = _read(text, self._line_times)
        if self._modified is None and found is not None and found < 2 * _DAY_SECONDS:
            return None
        return found

    def is_time(self, text: bytes) -> bool:
        """Whether the text is a time, even if its year or its day is unknown."""
        return bool(_CLOCK_ONLY.fullmatch(text)) or _read(text, self._some_year) is not None


def _read(text: bytes, line_times: LineTimes) -> float | None:
    found = line_times.time_of(text)
    if found is None:
        found = line_times.time_of(b"[%b]" % text)
    if found is None and (rewritten := _rewrite(text)):
        found = line_times.time_of(rewritten)
    return found


def _rewrite(text: bytes) -> bytes | None:
    for form in _FORMS:
        if match := form.match(text):
            return _rewritten(match.groupdict())
    return None


def _rewritten(part: dict[str, bytes]) -> bytes | None:
    month = _MONTHS.index(part["month"]) + 1 if part.get("month") in _MONTHS else None
    if month is None:
        if "m" not in part or not 1 <= int(part["m"]) <= 12:
            return None
        month = int(part["m"])
    hour = int(part["H"])
    if half := part.get("half"):
        hour = hour % 12 + 12 * (half == b" PM")
    rest = part["rest"].replace(b":", b".")
    clock = b"%02d:%b:%b%b" % (hour, part["M"], part["S"], rest)
    day = int(part["d"])
    if year := part.get("Y") or (part.get("y") and b"20" + part["y"]):
        return b"%b-%02d-%02d %b" % (year, month, day, clock)
    return b"%b %2d %b" % (_MONTHS[month - 1], day, clock)

"""Formats of the time in log lines, and their meaning.

    format   example                                       fraction  zone
    ISO      2026-11-25T01:02:03,123+01:00 (or / and " ")  yes       optional, UTC without
    epoch    1764032523, with .123, or in ms, µs, ns       yes       UTC
    compact  20261125-01:02:03:123, 20261125T010203Z       yes       optional, UTC without
    dotted   2026-11-25-01.02.03.123456 (Blue Gene, DB2)   yes       UTC
    short    261125 010203 (HDFS)                          no        UTC
    slashed  26/11/25 01:02:03 (Spark)                     yes       UTC
    US       11/25/2026 1:02:03 AM (Windows)               no        UTC (or day first, see below)
    German   25.11.2026 01:02:03                           no        UTC
    named    25-Nov-2026 01:02:03.123, 25 Nov 2026 …       yes       optional, UTC without
    month    11-25 01:02:03.123, 11.25 01:02:03            yes       UTC (Android, Proxifier)
    klog     I1125 01:02:03.123456                         yes       UTC
    syslog   Nov 25 01:02:03                               yes       UTC
    ctime    Wed Nov 25 01:02:03.123 2026                  yes       UTC (Apache's error log)
    CLF      … [25/Nov/2026:01:02:03 +0000] …              no        yes

All but CLF are at the start of the line, possibly after a bracket, a syslog priority, a dash, or a
level with a blank or a comma, and after what times/wrappers.py peels off. ISO times may have a tab
in their middle (CloudFront), and a zone may be a name such as CET. In JSON and logfmt, the time
follows the first of the usual keys that has one, in JSON at any depth. The year of month, klog and
syslog depends on the time of the file, and the order of day and month in US on its other lines:
both are in a Reference.
The meaning of a line does not depend on the lines before it.
"""

import re
from calendar import isleap
from collections.abc import Iterator
from datetime import UTC, datetime

from loganalysis.times.wrappers import ANSI, WRAPPER_BYTES, after_wrapper

LINE_BYTES = 256
JSON_BYTES = 1024
FIRST_YEAR, LAST_YEAR = 1970, 2199  # other years are placeholders such as "0001-01-01"

_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
MONTH_NAME = b"(?:" + b"|".join(_MONTHS) + b")"
DAY_NAME = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
"""Regexes for the English names, as logs shorten them."""
_CLOCK = rb"\d\d:\d\d:\d\d"
_LEVEL = (
    rb"(?i:trace|debug|info|information|notice|warn|warning|err|error|crit|critical|alert|emerg"
    rb"|fatal|severe|panic|verbose|[tdiwefvc])"
)
_PREFIX = re.compile(
    rb"(?:\xef\xbb\xbf)?[ \t]*(?:- )?(?:<\d{1,3}>(?:\d{1,2} )?)?"
    rb"(?:[\[(\"]?%b[\])\"]?%b(?:[:,]?[ \t]+%b(?:[|-] )?|,))?[\[(\"]?" % (_LEVEL, ANSI, ANSI)
)
_AT_ISO = rb"(?:\d{4}-\d\d-\d\d|\d{4}/\d\d/\d\d)[Tt \t]" + _CLOCK + rb"(?!\d)"
_AT_SYSLOG = MONTH_NAME + rb" {1,2}\d{1,2}(?: \d{4})? " + _CLOCK + rb"(?!\d)"
_AT_CTIME = DAY_NAME + b" " + MONTH_NAME + rb" {1,2}\d{1,2} " + _CLOCK + rb"(?!\d)"
_AT_CLF = rb"\d\d/" + MONTH_NAME + rb"/\d{4}:" + _CLOCK
_FRACTION = rb"(?:[.,]\d+)?"


def _format(at: bytes, fraction: bytes, zone: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?P<at>%b)(?P<fraction>%b)(?P<zone>%b)" % (at, fraction, zone))


_ZONES = {
    **{b"CET": 1, b"CEST": 2, b"EET": 2, b"EEST": 3, b"WEST": 1, b"MSK": 3, b"JST": 9},
    **{b"EST": -5, b"EDT": -4, b"CST": -6, b"CDT": -5},
    **{b"MST": -7, b"MDT": -6, b"PST": -8, b"PDT": -7},
}
"""Hours of zones that logs name; those of America, where a name has several meanings."""
_ZONE = (
    rb"(?:[Zz]| ?[+-]\d\d:?\d\d(?!\d)|[+-]\d\d(?![\d:])| (?:"
    + b"|".join(_ZONES)
    + rb")(?![A-Za-z\d]))?"
)
_SHORT_CLOCK = rb"\d{1,2}:\d\d:\d\d(?!\d)"
ISO = _format(_AT_ISO, _FRACTION, _ZONE)
EPOCH = _format(rb"[1-4]\d{9}", rb"(?:\.\d+|\d{3}|\d{6}|\d{9})?", rb"(?=[\s,;:|\])}\"]|$)")
SYSLOG = _format(_AT_SYSLOG, _FRACTION, b"")
CTIME = _format(_AT_CTIME, _FRACTION, rb" \d{4}(?!\d)")
COMPACT = _format(rb"\d{8}[-T _](?:\d{1,2}:\d{1,2}:\d{1,2}|\d{6})(?!\d)", rb"(?:[.,:]\d+)?", _ZONE)
DOTTED = _format(rb"\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d(?!\d)", _FRACTION, b"")
SHORT = _format(rb"\d{6} \d{6}(?!\S)", b"", b"")
SLASHED = _format(rb"\d\d/\d\d/\d\d " + _CLOCK + rb"(?!\d)", _FRACTION, b"")
US = _format(rb"\d{1,2}/\d{1,2}/\d{4},? " + _SHORT_CLOCK, b"", b"(?: [AP]M)?")
GERMAN = _format(rb"\d{1,2}\.\d{1,2}\.\d{4},? " + _SHORT_CLOCK, b"", b"")
NAMED = _format(
    rb"\d{1,2}[ -]" + MONTH_NAME + rb"[ -]\d{4}[ T]" + _CLOCK + rb"(?!\d)", _FRACTION, _ZONE
)
MONTH = _format(rb"\d\d[-.]\d\d " + _CLOCK + rb"(?!\d)", _FRACTION, b"")
KLOG = re.compile(
    rb"[DIWEF](?P<at>\d{4} " + _CLOCK + rb"(?!\d))(?P<fraction>" + _FRACTION + rb")(?P<zone>)"
)
_OTHER = (EPOCH, COMPACT, DOTTED, SHORT, SLASHED, US, GERMAN, NAMED, MONTH)
"""Formats besides ISO that begin with a digit. A line has one of them at most."""
_MAY_BE_TIME = re.compile(rb"\d:\d|\d{6}|\d\.\d\d\.\d")
"""What all formats contain: most lines without a time have none of these."""
_OTHER_START = re.compile(
    rb"\d{10}|\d{8}[-T _]|\d{6} \d|\d{4}-\d\d-\d\d-|\d\d?(?:[/ -]|\.\d\d?(?: |\.\d{4}))"
)
CLF = re.compile(rb"\[(?P<at>%b)(?P<fraction>%b)(?P<zone>(?: [+-]\d{4})?)\]" % (_AT_CLF, _FRACTION))
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*\{")
_KEYS = rb"@timestamp|time(?:stamp)?|ts|t|date(?:time)?|@t|__REALTIME_TIMESTAMP"
_JSON_KEYS = rb"Timestamp|timeMillis|asctime|eventTime|\$date"
_JSON_KEY = re.compile(rb'"(?:' + _KEYS + rb"|" + _JSON_KEYS + rb')"[ \t]*:[ \t]*"?')
_LOGFMT = re.compile(rb"[A-Za-z_@][A-Za-z0-9_.@-]*=")
_LOGFMT_KEY = re.compile(rb"(?:^|(?<=[ \t]))(?:" + _KEYS + rb')="?')

Match = re.Match[bytes]


class Reference(float):
    """About when a file was written, in epoch seconds. The file's times depend on it.

    `day_first` means that a date such as 25/11/2026 begins with its day.
    """

    day_first: bool

    def __new__(cls, seconds: float, day_first: bool = False) -> "Reference":
        """A reference. Arithmetic with it gives a plain number."""
        made = super().__new__(cls, seconds)
        made.day_first = day_first
        return made

    def __reduce__(self) -> tuple[type["Reference"], tuple[float, bool]]:
        return Reference, (float(self), self.day_first)


def find_time(line: bytes) -> Match | None:
    """Find the time in a line; the match has the groups `at` (to the second), `fraction`, `zone`.

    Only the first 256 bytes of the line are searched, of a JSON line 1,024, and nothing after a
    newline. The match can be an impossible time, such as February 30.
    """
    return locate_time(line)[0]


def locate_time(line: bytes) -> tuple[Match | None, int]:
    """The match of `find_time`, and the position in the line from which its positions count."""
    if not _MAY_BE_TIME.search(line, 0, WRAPPER_BYTES + JSON_BYTES):
        return None, 0
    if (match := _find(line)) or line[:1].isdigit() or line[:1] in b" \t":
        return match, 0
    start = after_wrapper(line)
    return (_find(line[start:]), start) if start else (None, 0)


def _find(line: bytes) -> Match | None:
    if line[:1].isdigit():  # as in most logs
        if match := ISO.match(line, 0, LINE_BYTES):
            return match
        line = line[:LINE_BYTES].partition(b"\n")[0]
        return (_OTHER_START.match(line) and _other(line, 0)) or CLF.search(line)
    line = line[:JSON_BYTES].partition(b"\n")[0]
    if _JSON.match(line):
        return _match_behind(_JSON_KEY, line)
    line = line[:LINE_BYTES]
    if _LOGFMT.match(line) and (match := _match_behind(_LOGFMT_KEY, line)):
        return match
    return _match_at(line, 0) or CLF.search(line)


def _match_behind(key: re.Pattern[bytes], line: bytes) -> Match | None:
    """The time behind the first key that has one."""
    found = (_match_at(line, each.end()) for each in key.finditer(line))
    return next((match for match in found if match), None)


def _match_at(line: bytes, start: int) -> Match | None:
    if not line[start : start + 1].isdigit() and (prefix := _PREFIX.match(line, start)):
        start = prefix.end()
    if line[start : start + 1].isdigit():
        return ISO.match(line, start) or _other(line, start)
    return SYSLOG.match(line, start) or KLOG.match(line, start) or CTIME.match(line, start)


def _other(line: bytes, start: int) -> Match | None:
    found = (form.match(line, start) for form in _OTHER)
    return next((match for match in found if match), None)


def has_year(match: Match) -> bool:
    """Whether a time states its year."""
    if match.re is SYSLOG:
        return len(match["at"].split()) > 3
    return match.re not in (MONTH, KLOG)


def seconds_of(match: Match, reference: float) -> float | None:
    """The epoch seconds of a time without its fraction, or None if there is no such time.

    A time without a year gets the latest year in which it is at most a day after `reference`, in
    epoch seconds.
    """
    try:
        if match.re is EPOCH:
            return float(match["at"])
        seconds = _PARSERS[match.re](match, reference)
        return seconds if _FIRST <= seconds < _END else None
    except (ValueError, OverflowError):
        return None


def _second(year: int, month: int, day: int, clock: bytes) -> float:
    hour, minute, second = map(int, clock.split(b":"))
    leap = second == 60
    moment = datetime(year, month, day, hour, minute, second - leap, tzinfo=UTC)
    return moment.timestamp() + leap


def _offset(zone: bytes) -> int:
    """The offset of a time zone from UTC, in seconds."""
    if (hours := _ZONES.get(zone[1:])) is not None:
        return hours * 3600
    digits = zone.strip(b" Zz").replace(b":", b"")
    if not digits:
        return 0
    hours, minutes = int(digits[1:3]), int(digits[3:5] or b"0")
    if hours > 23 or minutes > 59:
        raise ValueError("no such zone")
    return (hours * 3600 + minutes * 60) * (-1 if digits[:1] == b"-" else 1)


def _iso(match: Match, reference: float) -> float:
    at = match["at"]
    return _second(int(at[:4]), int(at[5:7]), int(at[8:10]), at[11:]) - _offset(match["zone"])


def _clf(match: Match, reference: float) -> float:
    at = match["at"]
    month = _MONTHS.index(at[3:6]) + 1
    return _second(int(at[7:11]), month, int(at[:2]), at[12:]) - _offset(match["zone"])


def _ctime(match: Match, reference: float) -> float:
    _, month, day, clock = match["at"].split()
    return _second(int(match["zone"]), _MONTHS.index(month) + 1, int(day), clock)


def _syslog(match: Match, reference: float) -> float:
    month, day, *year, clock = match["at"].split()
    number = _MONTHS.index(month) + 1
    if year:
        return _second(int(year[0]), number, int(day), clock)
    return _in_latest_year(reference, number, int(day), clock)


def _in_latest_year(reference: float, month: int, day: int, clock: bytes) -> float:
    possible = (_second(y, month, day, clock) for y in _years(reference, month, day))
    return next((second for second in possible if second <= reference + 86_400), _END)


def _years(reference: float, month: int, day: int) -> Iterator[int]:
    """Years up to the reference, latest first; only leap years for February 29."""
    latest = datetime.fromtimestamp(reference + 86_400, UTC).year
    leap_day = (month, day) == (2, 29)
    return (y for y in range(latest, latest - 10, -1) if not leap_day or isleap(y))


def _month(match: Match, reference: float) -> float:
    at = match["at"]
    return _in_latest_year(reference, int(at[:2]), int(at[3:5]), at[6:])


def _klog(match: Match, reference: float) -> float:
    at = match["at"]
    return _in_latest_year(reference, int(at[:2]), int(at[2:4]), at[5:])


def _compact(match: Match, reference: float) -> float:
    at = match["at"]
    clock = at[9:] if b":" in at else _with_colons(at[9:])
    return _date(at[:4], at[4:6], at[6:8], clock) - _offset(match["zone"])


def _dotted(match: Match, reference: float) -> float:
    at = match["at"]
    return _date(at[:4], at[5:7], at[8:10], at[11:].replace(b".", b":"))


def _short(match: Match, reference: float) -> float:
    at = match["at"]
    return _date(_full_year(at[:2]), at[2:4], at[4:6], _with_colons(at[7:]))


def _slashed(match: Match, reference: float) -> float:
    at = match["at"]
    return _date(_full_year(at[:2]), at[3:5], at[6:8], at[9:])


def _us(match: Match, reference: float) -> float:
    date, clock = match["at"].split()
    month, day, year = date.rstrip(b",").split(b"/")
    if getattr(reference, "day_first", False):
        day, month = month, day
    if half := match["zone"]:
        hour, rest = clock.split(b":", 1)
        if not 1 <= int(hour) <= 12:
            raise ValueError("no such hour")
        clock = b"%d:%b" % (int(hour) % 12 + 12 * (half == b" PM"), rest)
    return _date(year, month, day, clock)


def _german(match: Match, reference: float) -> float:
    date, clock = match["at"].split()
    day, month, year = date.rstrip(b",").split(b".")
    return _date(year, month, day, clock)


def _named(match: Match, reference: float) -> float:
    day, month, year, clock = re.split(rb"[ T-]", match["at"])
    number = _MONTHS.index(month) + 1
    return _second(int(year), number, int(day), clock) - _offset(match["zone"])


def _date(year: bytes, month: bytes, day: bytes, clock: bytes) -> float:
    return _second(int(year), int(month), int(day), clock)


def _full_year(year: bytes) -> bytes:
    """The year that two digits mean: 1970 to 2069."""
    return (b"19" if int(year) >= 70 else b"20") + year


def _with_colons(clock: bytes) -> bytes:
    return b":".join((clock[:2], clock[2:4], clock[4:]))


_PARSERS = {
    **{ISO: _iso, CLF: _clf, CTIME: _ctime, SYSLOG: _syslog, MONTH: _month, KLOG: _klog},
    **{COMPACT: _compact, DOTTED: _dotted, SHORT: _short, SLASHED: _slashed},
    **{US: _us, GERMAN: _german, NAMED: _named},
}
_FIRST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()
_END = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()

"""Formats of the time in log lines, and their meaning. Imports nothing of ours.

    format  example                                     fraction  zone
    ISO     2026-11-25T01:02:03,123+01:00 (or / and " ")  yes     optional, UTC without
    epoch   1764032523, with .123, or in ms, µs, ns       yes     UTC
    syslog  Nov 25 01:02:03 (the year is guessed)         yes     UTC
    ctime   Wed Nov 25 01:02:03.123 2026                  yes     UTC (Apache's error log)
    CLF     … [25/Nov/2026:01:02:03 +0000] …              no      yes

All but CLF are at the start of the line, possibly after a bracket, a syslog priority or a level. In
a JSON line, the time follows the first of the usual keys that has one, at any depth. The meaning of
a line does not depend on the lines before it.
"""

import re
from calendar import isleap
from collections.abc import Iterator
from datetime import UTC, datetime

LINE_BYTES = 256
JSON_BYTES = 1024
FIRST_YEAR, LAST_YEAR = 1970, 2199  # other years are placeholders such as "0001-01-01"

_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_MONTH = b"(?:" + b"|".join(_MONTHS) + b")"
_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = rb"\d\d:\d\d:\d\d"
_LEVEL = (
    rb"(?i:trace|debug|info|information|notice|warn|warning|err|error|crit|critical|alert|emerg"
    rb"|fatal|severe|panic|verbose|[tdiwefvc])"
)
_PREFIX = re.compile(
    rb"(?:\xef\xbb\xbf)?[ \t]*(?:<\d{1,3}>(?:\d{1,2} )?)?"
    rb"(?:[\[(]?" + _LEVEL + rb"[\])]?[:,]?[ \t]+(?:[|-] )?)?[\[(\"]?"
)
_AT_ISO = rb"(?:\d{4}-\d\d-\d\d|\d{4}/\d\d/\d\d)[Tt ]" + _CLOCK + rb"(?!\d)"
_AT_SYSLOG = _MONTH + rb" {1,2}\d{1,2}(?: \d{4})? " + _CLOCK + rb"(?!\d)"
_AT_CTIME = _DAY + b" " + _MONTH + rb" {1,2}\d{1,2} " + _CLOCK + rb"(?!\d)"
_AT_CLF = rb"\d\d/" + _MONTH + rb"/\d{4}:" + _CLOCK
_FRACTION = rb"(?:[.,]\d+)?"


def _format(at: bytes, fraction: bytes, zone: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?P<at>%b)(?P<fraction>%b)(?P<zone>%b)" % (at, fraction, zone))


ISO = _format(_AT_ISO, _FRACTION, rb"(?:[Zz]| ?[+-]\d\d:?\d\d(?!\d)|[+-]\d\d(?![\d:]))?")
EPOCH = _format(rb"[1-4]\d{9}", rb"(?:\.\d+|\d{3}|\d{6}|\d{9})?", rb"(?=[\s,;:|\])}\"]|$)")
SYSLOG = _format(_AT_SYSLOG, _FRACTION, b"")
CTIME = _format(_AT_CTIME, _FRACTION, rb" \d{4}(?!\d)")
CLF = re.compile(rb"\[(?P<at>%b)(?P<fraction>)(?P<zone>(?: [+-]\d{4})?)\]" % _AT_CLF)
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*\{")
_JSON_KEY = re.compile(rb'"(?:@timestamp|time(?:stamp)?|ts|date(?:time)?)"[ \t]*:[ \t]*"?')

Match = re.Match[bytes]


def find_time(line: bytes) -> Match | None:
    """Find the time in a line; the match has the groups `at` (to the second), `fraction`, `zone`.

    Only the first 256 bytes of the line are searched, of a JSON line 1,024, and nothing after a
    newline. The match can be an impossible time, such as February 30.
    """
    if line[:1].isdigit():  # as in most logs
        if match := ISO.match(line, 0, LINE_BYTES):
            return match
        line = line[:LINE_BYTES].partition(b"\n")[0]
        return EPOCH.match(line) or CLF.search(line)
    line = line[:JSON_BYTES].partition(b"\n")[0]
    if _JSON.match(line):
        for key in _JSON_KEY.finditer(line):
            if match := _match_at(line, key.end()):
                return match
        return None
    line = line[:LINE_BYTES]
    return _match_at(line, 0) or CLF.search(line)


def _match_at(line: bytes, start: int) -> Match | None:
    if not line[start : start + 1].isdigit() and (prefix := _PREFIX.match(line, start)):
        start = prefix.end()
    if line[start : start + 1].isdigit():
        return ISO.match(line, start) or EPOCH.match(line, start)
    return SYSLOG.match(line, start) or CTIME.match(line, start)


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
    possible = (_second(y, number, int(day), clock) for y in _years(reference, month, day))
    return next(second for second in possible if second <= reference + 86_400)


def _years(reference: float, month: bytes, day: bytes) -> Iterator[int]:
    """Years up to the reference, latest first; only leap years for February 29."""
    latest = datetime.fromtimestamp(reference + 86_400, UTC).year
    leap_day = month == b"Feb" and int(day) == 29
    return (y for y in range(latest, latest - 10, -1) if not leap_day or isleap(y))


_PARSERS = {ISO: _iso, CLF: _clf, CTIME: _ctime, SYSLOG: _syslog}
_FIRST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()
_END = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()

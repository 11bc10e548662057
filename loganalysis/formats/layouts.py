"""The formats that have a layout: their names, titles and layouts. docs/log-formats.md shows a line
of each.

A format that requires more comes before one that requires less: of formats that fit equally many
lines, the first is taken.
"""

from collections.abc import Sequence

from loganalysis.fields.layout import QUOTED_TEXT as _TEXT
from loganalysis.formats.log_format import LayoutFormat
from loganalysis.formats.times import FieldTimes

_DATE = r"\d{4}[/-]\d\d[/-]\d\d"
_CLOCK = r"\d\d:\d\d:\d\d(?:[.,]\d+)?"
_ZONE = r"[Zz]?(?: ?[+-]\d\d:?\d\d)?"
_ISO = rf"(?P<time>{_DATE}[T ]{_CLOCK}{_ZONE})"
_SYSLOG_TIME = rf"(?P<time>[A-Z][a-z][a-z] [ \d]\d {_CLOCK})"
_MESSAGE = r"(?P<message>.*)"
_PROGRAM = r"(?:(?P<program>[^ :\[]+)(?:\[(?P<pid>\d+)\])?: ?)?"
_REQUEST = (
    r'"(?:(?P<method>[A-Z]+) (?P<path>[^ "]+) (?P<protocol>HTTP/[0-9.]+))?' + _TEXT + r'"'
    r" (?P<status>\d{3}) (?P<bytes>[\d-]+)"
)
_CLIENT = (
    r"(?P<client>[^ ]+) (?P<ident>[^ ]+) (?P<user>[^ ]+) "
    r"\[(?P<time>[^\]]+)\] "
)
_COMMON = _CLIENT + _REQUEST
_COMBINED = (
    rf'{_COMMON} "(?P<referer>{_TEXT})" "(?P<agent>{_TEXT})"'
    rf'(?: "(?P<forwarded_for>{_TEXT})")?(?: (?P<seconds>\d+\.\d+))?'
)
_NGINX_ERROR = (
    rf"(?P<time>{_DATE} {_CLOCK}) \[(?P<level>[a-z]+)\] (?P<pid>\d+)#(?P<thread>\d+): "
    rf"(?:\*(?P<connection>\d+) )?"
    r"(?P<message>(?:.*?, client: (?P<client>[^,]+))?(?:, server: (?P<server>[^,]*))?"
    r'(?:, request: "(?P<method>[A-Z]+) (?P<path>[^ "]+)[^"]*")?'
    r'(?:, upstream: "(?P<upstream>[^"]*)")?.*)'
)
_APACHE_ERROR = (
    r"\[(?P<time>[A-Z][a-z][a-z] [A-Z][a-z][a-z] [ \d]\d " + _CLOCK + r" \d{4})\] "
    r"\[(?:(?P<module>[a-z_\d]*):)?(?P<level>[a-z\d]+)\] "
    r"(?:\[pid (?P<pid>\d+)(?::tid (?P<thread>\d+))?\] )?"
    r"(?:\[client (?P<client>[\d.]+)(?::\d+)?\] )?(?:\[client [^\]]*\] )?" + _MESSAGE
)
_SYSLOG_5424 = (
    r"<(?P<priority>\d{1,3})>1 (?P<time>[^ ]+) (?P<host>[^ ]+) (?P<program>[^ ]+) (?P<pid>[^ ]+) "
    r"(?P<message_id>[^ ]+) (?:- ?)?(?:(?P<data>\[[^\]]*\]) ?)?" + _MESSAGE
)
_LEVEL = r"(?P<level>[A-Za-z]+)"
_LOGGER = r"(?P<logger>[\w.$-]+)".replace(r"\w", "A-Za-z0-9_")

LAYOUTS = (
    ("access_combined", "Access log, combined (nginx, Apache)", _COMBINED),
    ("access_common", "Access log, common", _COMMON),
    ("access_vhost", "Access log with virtual hosts", rf"(?P<vhost>[^ ]+) {_COMBINED}"),
    ("nginx_error", "nginx error log", _NGINX_ERROR),
    ("apache_error", "Apache error log", _APACHE_ERROR),
    ("syslog_rfc5424", "syslog, RFC 5424", _SYSLOG_5424),
    (
        "syslog_rfc3164",
        "syslog, RFC 3164",
        rf"(?:<(?P<priority>\d{{1,3}})>)?{_SYSLOG_TIME} (?P<host>[^ ]+) {_PROGRAM}{_MESSAGE}",
    ),
    (
        "klog",
        "Kubernetes (klog)",
        r"(?P<level>[DIWEF])(?P<time>\d{4} \d\d:\d\d:\d\d\.\d+) +(?P<thread>\d+) "
        r"(?P<file>[^ :\]]+):(?P<line>\d+)\] " + _MESSAGE,
    ),
    (
        "spring_boot",
        "Spring Boot",
        rf"{_ISO} +{_LEVEL} (?P<pid>\d+) --- (?:\[(?P<application>[^\] ]+)\] )?"
        r"(?:\[ *(?P<thread>[^\]]*)\] )?(?P<logger>[^ ]+) *: " + _MESSAGE,
    ),
    (
        "gunicorn",
        "Python logging (gunicorn)",
        rf"\[{_ISO}\] \[(?P<pid>\d+)\] \[(?P<level>[A-Z]+)\] {_MESSAGE}",
    ),
    (
        "celery",
        "Python logging (Celery)",
        rf"\[{_ISO}: (?P<level>[A-Z]+)/(?P<process>[^\]]+)\] {_MESSAGE}",
    ),
    (
        "python_logging",
        "Python logging",
        rf"{_ISO} - (?P<logger>[^ ]+) - (?P<level>[A-Z]+) - {_MESSAGE}",
    ),
    (
        "log4j",
        "Log4j or Logback, level first",
        rf"{_ISO} +(?:- )?{_LEVEL} +\[(?P<thread>[^\]]*)\] +(?P<logger>[^ :]+)[ :-]+{_MESSAGE}",
    ),
    (
        "logback",
        "Logback or Log4j, thread first",
        rf"(?P<time>(?:{_DATE}[T ])?{_CLOCK}{_ZONE}) +\[(?P<thread>[^\]]*)\] +"
        rf"{_LEVEL} +(?P<logger>[^ :]+)[ :-]+{_MESSAGE}",
    ),
    (
        "windows_cbs",
        "Windows component log",
        rf"{_ISO}, (?P<level>[A-Z][a-z]+) +(?P<component>[A-Z][A-Za-z]+) +{_MESSAGE}",
    ),
    (
        "postgresql",
        "PostgreSQL",
        rf"(?P<time>{_DATE} {_CLOCK} [A-Z]+) \[(?P<pid>\d+)\] (?:(?P<user>[^ @]*)@(?P<database>"
        rf"[^ ]*) )?(?P<level>[A-Z]+\d?): +{_MESSAGE}",
    ),
    (
        "level_logger",
        "Time, level, logger and message",
        rf"{_ISO} +{_LEVEL} +{_LOGGER}: {_MESSAGE}",
    ),
    (
        "syslog_iso",
        "syslog with ISO 8601 times",
        r"(?:<(?P<priority>\d{1,3})>)?(?P<time>\d{4}-\d\d-\d\dT" + _CLOCK + _ZONE + r") "
        rf"(?P<host>[^ ]+) (?P<program>[^ :\[]+)(?:\[(?P<pid>\d+)\])?: ?{_MESSAGE}",
    ),
    (
        "python_basic",
        "Python logging without times",
        rf"(?P<level>[A-Z]+):(?P<logger>[A-Za-z_][^ :]*):{_MESSAGE}",
    ),
)


def layout_formats(times: FieldTimes) -> Sequence[LayoutFormat]:
    """All formats that have a layout."""
    return [LayoutFormat(name, title, layout, times) for name, title, layout in LAYOUTS]

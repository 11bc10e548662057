"""Levels of log lines, by one name each: TRACE, DEBUG, INFO, NOTICE, WARN, ERROR, CRITICAL, ALERT,
EMERGENCY and FATAL. This is the only table of their names; docs/log-formats.md shows it."""

import re

SYSLOG = ("EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG")
"""The levels of syslog and the journal, by their number: a priority modulo 8 (RFC 5424, 6.2.1)."""

_NAMES = {
    "TRACE": "trace trc trac finest finer verbose verb vrb v t",
    "DEBUG": "debug dbg debg fine config d",
    "INFO": "info information informational inf i log statement detail hint",
    "NOTICE": "notice note n",
    "WARN": "warn warning wrn w",
    "ERROR": "error err errr severe e failure eror",
    "CRITICAL": "critical crit c",
    "ALERT": "alert",
    "EMERGENCY": "emergency emerg",
    "FATAL": "fatal ftl panic f",
}
_ONLY_IN_FIELDS = b"log statement detail hint config note failure verb trac t c n".split()
"""Names that are levels only where a format has its level; elsewhere they are ordinary words."""
_BY_NAME = {name.encode(): level for level, names in _NAMES.items() for name in names.split()}
WORDS = {name: level for name, level in _BY_NAME.items() if name not in _ONLY_IN_FIELDS}
"""By name, in small letters: the levels that a word of a line of an unknown format may be."""
_LONG_NAMES = sorted((name for name in _BY_NAME if len(name) > 2), key=len, reverse=True)
_BUNYAN = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}
_AT_START = re.compile(rb"[\[(<]?(%b)(?:[\])>]?:|[\])>])" % b"|".join(_LONG_NAMES), re.IGNORECASE)


def level_of(text: bytes | None) -> str | None:
    """The level that a word or a number stands for, in any case and with digits behind it.

    10 to 60 are levels of pino and bunyan, 0 to 7 are levels of syslog. Other text is None.
    """
    if not text:
        return None
    if level := _BY_NAME.get(text.lower()):
        return level
    if text.isdigit() and len(text) < 3:
        number = int(text)
        return SYSLOG[number] if number < len(SYSLOG) else _BUNYAN.get(number)
    return _BY_NAME.get(text.lower().rstrip(b"0123456789")) if len(text) > 3 else None


def level_at_start(message: bytes) -> str | None:
    """The level that a message begins with: "error: …", "[warn] …"."""
    found = _AT_START.match(message)
    return _BY_NAME[found[1].lower()] if found else None

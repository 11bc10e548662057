"""Masks values in messages that the shape of a line still contains."""

import re
from collections import Counter
from collections.abc import Collection

from loganalysis.templates.headers import Words
from loganalysis.templates.shapes import PATH, VARIABLE
from loganalysis.times.time_formats import DAY_NAME, MONTH_NAME

_MARKS = re.compile(rb"[\x00-\x04]+(?:[,:/.\-][\x00-\x04]+)*")
_CLASS = re.compile(rb"\x03[1-5]")
_VALUE = re.compile(rb"(?<=[\w\])>])=(?:\"[^\"]*\"|'[^']*'|[^\s,;()\[\]{}\"'|=]+)")
_CONSTANT = re.compile(rb"(?<![\w.])(?:true|false|null|None|nil|NULL|True|False)(?![\w.])")
_DOTTED = re.compile(rb"[\w\-$]+(?:\.[\w\-$]+){2,}|[\w.\-]+@[\w.\-]+")
_DATE = re.compile(
    rb"(?:" + DAY_NAME + rb",? )?" + MONTH_NAME + rb" (?=\x00)|" + DAY_NAME + rb",? (?=\x00)"
)
_SIZES = rb"(?:[kKMGTPE]i?)?[Bb](?:ytes?)?|bytes?"
_TIMES = rb"(?:[mun]?s|msecs?|secs?|seconds?|mins?|minutes?|hours?|hrs?|days?)"
_QUANTITY = re.compile(rb"[<>~]?\x00 (?:" + _SIZES + rb"|" + _TIMES + rb")(?![\w.])")
_SAME_AGAIN = re.compile(rb"\x00 \(\x00?\)")
_LIST = re.compile(rb"\x00(?:,? \x00){2,}(?![^\s,;.)\]])")


def masked(message: Words) -> Words:
    """The message without values of keys, dotted names and lists of values."""
    text = _CLASS.sub(VARIABLE, b" ".join(message))
    text = _VALUE.sub(b"=\0", text)
    text = _CONSTANT.sub(VARIABLE, text)
    text = _DOTTED.sub(VARIABLE, text)
    text = _MARKS.sub(VARIABLE, text.replace(PATH, VARIABLE))
    text = _DATE.sub(VARIABLE + b" ", text)
    return tuple(_LIST.sub(VARIABLE, text).split())


def without_units(messages: Collection[Words]) -> dict[Words, Words]:
    """Each message; without the units of its numbers, if it differs from others only by these.

    A quantity may be followed by the same in other units, as in `1301 bytes (1.27 KB)`.
    """
    short = {message: _without_units(message) for message in messages}
    numbers = Counter(short.values())
    return {each: other if numbers[other] > 1 else each for each, other in short.items()}


def _without_units(message: Words) -> Words:
    text = _QUANTITY.sub(VARIABLE, b" ".join(message))
    return tuple(_SAME_AGAIN.sub(VARIABLE, text).split())

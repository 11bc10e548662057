"""Reads the level and the status class of a line from its shape."""

import re
from typing import NamedTuple

from loganalysis.formats import levels
from loganalysis.templates.headers import words_of
from loganalysis.templates.shapes import CLASS, REST, TIME_BYTES, shape_of

_KEY = re.compile(
    rb"(?i:(?:\b(?:level|lvl|severity|loglevel|levelname|log\.level)|@l)"
    rb"[\"']? ?[:=] ?[\"']?([a-z]+))"
)
_NUMBER = re.compile(rb'"(?:level": ?|PRIORITY": ?")(\d+)')
_MONGODB = re.compile(rb'"s":"([DIWEF])", *"c":')
_COLUMN = re.compile(rb"(?:^(?:\xef\xbb\xbf)?(?=[A-Za-z]+,)|\[\x01\]\[)([A-Za-z]+)(?:,\x01| ?\])")
_COLORED = re.compile(rb"(?<=[\[ ]) ?([A-Za-z]+) (?=[\]:])")
"""A level whose color was masked with blanks: "[ warn ]", " warn : "."""
_PRIORITY = re.compile(rb"<([0-7])>")
_KLOG = re.compile(rb"([DIWEF])\0 ")
_WORD = re.compile(  # also "production.ERROR:" of Monolog, and "WARNING/Worker-2]" of Celery
    rb"[\[(<|]*(?:[\w.\-]*:|[\w\-]+\.(?=[A-Z]+:))?([A-Za-z]+)(?:/[^\]]*\])?[\])>|:,]*"
)
_CRI = re.compile(rb"(?:\xef\xbb\xbf)? ?\x01 std(?:out|err) [FP] ")
"""What a container runtime of Kubernetes puts in front: F means a full line, not FATAL."""
_MAX_WORDS = 10
"""Words at the start of a line that may be its level."""


def level_of(shape: bytes) -> str | None:
    """The level of the lines of a shape, in capital letters and in one spelling, or None."""
    shape = _CRI.sub(b"", shape, count=1) if _CRI.match(shape) else shape
    if found := _KEY.search(shape) or _NUMBER.search(shape) or _MONGODB.search(shape):
        return levels.level_of(found[1])
    if found := _COLUMN.search(shape):
        return levels.level_of(found[1])
    if found := _PRIORITY.match(shape):
        return levels.SYSLOG[int(found[1])]
    if found := _KLOG.search(shape):
        return levels.level_of(found[1])
    shape = _COLORED.sub(rb"\1", shape, count=1)
    for index, word in enumerate(words_of(shape)[:_MAX_WORDS]):
        if (found := _WORD.fullmatch(word)) and _is_level(word, found[1], index):
            return levels.WORDS[found[1].lower()]
    return None


def _is_level(word: bytes, name: bytes, index: int) -> bool:
    """Whether a word is a level: in capital letters, in brackets, or before a colon."""
    if name.lower() not in levels.WORDS:
        return False
    if len(name) == 1:
        return name.isupper() and index > 0
    return not name.islower() or word[:1] in b"[(<|" or word[-1:] in b":,"


def status_of(shape: bytes) -> str | None:
    """The class of the HTTP status, such as 5xx, or None."""
    at = shape.find(CLASS)
    return None if at < 0 else f"{shape[at + 1 : at + 2].decode()}xx"


class LineKind(NamedTuple):
    """Lines of a level, of a class of HTTP status, or of both, as an overview counts them.

    None stands for any.
    """

    level: str | None = None
    status: str | None = None

    @property
    def is_any(self) -> bool:
        """Whether every line is of this kind."""
        return self == (None, None)

    def has(self, data: bytes, at: int) -> bool:
        """Whether the line that begins at a position of a block is of this kind."""
        shape = shape_of(data[at : at + TIME_BYTES].partition(b"\n")[0])
        return self.level in (None, level_of(shape)) and self.status in (None, status_of(shape))


ANY_KIND = LineKind()


def is_access(shape: bytes) -> bool:
    """Whether the shape is one of an access log: it ends with its status."""
    return shape[-1:] == REST and shape[-3:-2] == CLASS

"""Finds beginnings of messages that belong to the header: they do not depend on what follows.

The name of a component, host or thread stands before many messages, in which nothing else tells
that it is no part of them. But the same messages follow different names. So a beginning is a part
of the header if at least MIN_SHARED templates that follow it follow other beginnings, too. It ends
with a number, a bracket or a colon: the first word of `Starting x` and `Stopping x` is none.
"""

from collections import Counter
from collections.abc import Collection, Iterator

from loganalysis.templates.headers import Words
from loganalysis.templates.shapes import VARIABLE

MIN_SHARED = 3
_MAX_WORDS = 8
"""Of a beginning."""
_MIN_REST = 2
"""Constant words of a template that follows."""
_MARKS = (VARIABLE, b":", b"]", b")", b">", b";", b"|")


def independent(templates: Collection[Words]) -> set[Words]:
    """The beginnings of these templates that belong to the header."""
    rests = Counter(rest for template in templates for _, rest in _cuts(template))
    before: dict[int, set[Words]] = {}
    for template in templates:
        for beginning, rest in _cuts(template):
            if rests[rest] > 1:
                before.setdefault(rest, set()).add(beginning)
    shared = Counter(beginning for found in before.values() for beginning in found)
    return {beginning for beginning, number in shared.items() if beginning and number >= MIN_SHARED}


def _cuts(template: Words) -> Iterator[tuple[Words, int]]:
    """All beginnings of a template that may belong to the header, with a hash of what follows."""
    yield (), hash(template)
    for size in range(1, min(_MAX_WORDS, len(template) - _MIN_REST) + 1):
        rest = template[size:]
        if template[size - 1].endswith(_MARKS) and _constants(rest) >= _MIN_REST:
            yield template[:size], hash(rest)


def without(template: Words, beginnings: Collection[Words]) -> int:
    """The number of words of the longest of these beginnings that a template has."""
    sizes = range(min(_MAX_WORDS, len(template)), 0, -1)
    return next((size for size in sizes if template[:size] in beginnings), 0)


def _constants(words: Words) -> int:
    return sum(VARIABLE not in word for word in words)

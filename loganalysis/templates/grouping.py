"""Groups messages into templates.

Messages of one length, in words, are compared word by word, as in Brain (S. Yu et al., "Brain: Log
Parsing With Bidirectional Parallel Tree", IEEE Transactions on Services Computing, 2023). A word
that is as frequent as most others of its message is constant. The constant words of a message are
its root. Of the messages with one root, more frequent words are constant if they are equal in all,
and rarer words if their column has few of them.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from loganalysis.templates.headers import LETTER, Words
from loganalysis.templates.shapes import VARIABLE
from loganalysis.templates.spans import MAX_BRANCHES

_RARE = 0.01
"""The part of the lines with a number in a column whose other lines have a constant word."""

_NAMED = frozenset(
    b"user User username host hostname file name process node client group service".split()
)
"""Words before a name."""
_IDENTIFIER = re.compile(rb"[^\s]*[._/\-$@#\x00][^\s]*|[A-Z0-9]{2,}[,;]?|[a-z]+[A-Z][^\s]*")

Counts = Mapping[tuple[int, bytes], int]


def templates_of(weights: Mapping[Words, int]) -> dict[Words, Words]:
    """The template of each message. `weights` has the number of lines of each message."""
    by_length: dict[int, dict[Words, int]] = {}
    for message, weight in weights.items():
        by_length.setdefault(len(message), {})[message] = weight
    result: dict[Words, Words] = {}
    for group in by_length.values():
        for messages in _groups(group):
            template = _common(messages)
            result.update(dict.fromkeys(messages, template))
    return result


def _groups(weights: Mapping[Words, int]) -> Iterable[list[Words]]:
    counts = Counter[tuple[int, bytes]]()
    for message, weight in weights.items():
        for place in enumerate(message):
            counts[place] += weight
    roots: dict[tuple[int, frozenset[tuple[int, bytes]]], list[Words]] = {}
    for message in weights:
        roots.setdefault(_root(message, counts), []).append(message)
    for (frequency, _), messages in roots.items():
        yield from _branches(messages, frequency, counts)


def _root(message: Words, counts: Counts) -> tuple[int, frozenset[tuple[int, bytes]]]:
    """The largest set of words of a message with one frequency."""
    by_count: dict[int, list[tuple[int, bytes]]] = {}
    for place in enumerate(message):
        if LETTER.search(place[1]):
            by_count.setdefault(counts[place], []).append(place)
    if not by_count:
        return 0, frozenset()
    most = max(by_count)
    frequency = max(
        (each for each in by_count if each >= most // 2),
        key=lambda each: (len(by_count[each]), each),
    )
    return frequency, frozenset(by_count[frequency])


def _branches(messages: list[Words], frequency: int, counts: Counts) -> Iterable[list[Words]]:
    """Split messages with one root by their rarer words, in the columns that have few of them.

    `frequency` is the one of the words of the root.
    """
    columns = [set(column) for column in zip(*messages, strict=True)]
    possible = [
        column
        for column, words in enumerate(columns)
        if 1 < len(words) <= MAX_BRANCHES
        and not (_has_variable(words) and not _is_usual(column, words, counts))
        and all(counts[column, word] <= frequency for word in words)
        and not (column and _are_names(words, columns[column - 1]))
    ]
    if not possible:
        yield messages
        return
    best = min(possible, key=lambda column: len(columns[column]))
    parts: dict[bytes, list[Words]] = {}
    for message in messages:
        parts.setdefault(message[best], []).append(message)
    for part in parts.values():
        yield from _branches(part, frequency, counts)


def _has_variable(words: Collection[bytes]) -> bool:
    """Whether a word of a column is a number or punctuation, or the others fit its masked part."""
    for word in words:
        before = word.partition(VARIABLE)[0]
        if not LETTER.search(word):
            return True
        if before != word and before and all(each.startswith(before) for each in words):
            return True
    return False


def _is_usual(column: int, words: Collection[bytes], counts: Counts) -> bool:
    """Whether nearly all messages have one word, which is no value, and others have a number."""
    if len(words) != 2 or VARIABLE not in words:
        return False
    (word,) = (word for word in words if word != VARIABLE)
    return counts[column, VARIABLE] <= _RARE * counts[column, word]


def _are_names(words: Iterable[bytes], before: set[bytes]) -> bool:
    """Whether the words of a column are names, by the word before, if that is constant."""
    if len(before) > 1:
        return False
    (previous,) = before
    if previous in _NAMED:
        return True
    return previous[-1:] in b":=" and all(_IDENTIFIER.fullmatch(word) for word in words)


def _common(messages: Sequence[Words]) -> Words:
    return tuple(
        words[0] if len(set(words)) == 1 else VARIABLE for words in zip(*messages, strict=True)
    )

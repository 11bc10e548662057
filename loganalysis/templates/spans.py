"""Masks values of several words, such as the name in `The Print Spooler service has stopped`.

Messages that differ in one place only, by texts of different lengths, have a value there if they
have more than MAX_BRANCHES different ones. Constant words must be before the value and behind it,
unless it is in brackets or quotes at the end.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from loganalysis.templates.headers import LETTER, Words
from loganalysis.templates.shapes import VARIABLE

MAX_BRANCHES = 4
"""Different texts in a place that make different templates; with more, the place is a value."""
_MAX_SPAN = 5
"""Words of a value."""
_MIN_AROUND = 3
"""Constant words before a value and behind it."""

_ENCLOSED = re.compile(rb"[^\"'(\[<]*(?:\"[^\"]*\"|'[^']*'|\([^)]*\)|\[[^\]]*\]|<[^>]*>)[.,;:)]*")

Place = tuple[int, int, int]
"""The number of words before a value and behind it, and a hash of these words."""


def without_spans(messages: Collection[Words]) -> dict[Words, Words]:
    """Each message, with VARIABLE in place of its longest value of several words."""
    heads = _shared(messages)
    tails = {words[::-1]: size for words, size in _shared([m[::-1] for m in messages]).items()}
    places = {each: list(_places(each, heads[each], tails[each])) for each in messages}
    numbers = Counter(place for found in places.values() for place, _, _ in found)
    texts: dict[Place, set[Words]] = {}
    for message, found in places.items():
        for place, start, end in found:
            if numbers[place] > MAX_BRANCHES:
                texts.setdefault(place, set()).add(message[start:end])
    values = {place for place, found in texts.items() if _are_values(found)}
    return {message: _masked(message, found, values) for message, found in places.items()}


def _shared(messages: Collection[Words]) -> Mapping[Words, int]:
    """The number of words at the start of each message that more than MAX_BRANCHES begin with."""
    result = dict.fromkeys(messages, 0)
    size, left = 0, dict.fromkeys(messages, 0)
    while left:
        longer = {
            message: hash((head, message[size]))
            for message, head in left.items()
            if len(message) > size
        }
        numbers = Counter(longer.values())
        left = {each: head for each, head in longer.items() if numbers[head] > MAX_BRANCHES}
        size += 1
        result.update(dict.fromkeys(left, size))
    return result


def _places(message: Words, head: int, tail: int) -> Iterator[tuple[Place, int, int]]:
    """All places that may hold a value, with their start and end.

    At least one and at most `head` words are before them, and at most `tail` behind.
    """
    size = len(message)
    constants = [0]
    for word in message:
        constants.append(constants[-1] + (LETTER.search(word) is not None))
    for start in range(1, min(head, size - 1) + 1):
        for end in range(max(start + 1, size - tail), min(size, start + _MAX_SPAN) + 1):
            before, behind = constants[start], constants[size] - constants[end]
            if (
                before
                and before + behind >= _MIN_AROUND
                and (behind or _ENCLOSED.fullmatch(b" ".join(message[start:end])))
            ):
                around = hash((message[:start], message[end:]))
                yield (start, size - end, around), start, end


def _are_values(texts: Collection[Words]) -> bool:
    """Whether texts have different lengths, and texts of several words have little in common.

    `root` and `invalid user guest` are not two values: all such texts begin with `invalid user`.
    """
    long = [text for text in texts if len(text) > 1]
    if not long or len({len(text) for text in texts}) == 1:
        return False
    ends = ({text[0] for text in long}, {text[-1] for text in long})
    return all(len(words) > 2 and 2 * len(words) > len(long) for words in ends)


def _masked(
    message: Words, places: Sequence[tuple[Place, int, int]], values: Collection[Place]
) -> Words:
    """The message without its value with the most words before it, if it has one."""
    found = [each for each in places if each[0] in values]
    if not found:
        return message
    _, start, end = max(found)
    return (*message[:start], VARIABLE, *message[end:])

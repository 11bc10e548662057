"""Finds the message template of each shape.

First, values are masked that the shape of a line still contains.

Then messages of one length, in words, are compared word by word, as in Brain (S. Yu et al., "Brain:
Log Parsing With Bidirectional Parallel Tree", IEEE Transactions on Services Computing, 2023). A
word that is as frequent as most others of its message is constant. The constant words of a message
are its root. Of the messages with one root, more frequent words are constant if they are equal in
all, and rarer words if their column has few of them.

At last, beginnings of messages that belong to the header are cut off. The name of a component, host
or thread stands before many messages, in which nothing else tells that it is no part of them. But
the same messages follow different names. So a beginning is a part of the header if at least
_MIN_SHARED templates that follow it follow other beginnings, too. It ends with a number, a bracket
or a colon: the first word of `Starting x` and `Stopping x` is none.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from loganalysis.templates.headers import LETTER, Words, messages_of, words_of
from loganalysis.templates.levels import is_access, status_of
from loganalysis.templates.shapes import CLASS, PATH, REST, TIME, VARIABLE
from loganalysis.templates.spans import MAX_BRANCHES, without_spans
from loganalysis.times.time_formats import DAY_NAME, MONTH_NAME

_MIN_SHARED = 3
_MAX_BEGINNING = 8
"""Words of a beginning."""
_MIN_REST = 2
"""Constant words of a template that follows."""
_ENDS = (VARIABLE, b":", b"]", b")", b">", b";", b"|")

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

_RARE = 0.01
"""The part of the lines with a number in a column whose other lines have a constant word."""

_NAMED = frozenset(
    b"user User username host hostname file name process node client group service".split()
)
"""Words before a name."""
_IDENTIFIER = re.compile(rb"[^\s]*[._/\-$@#\x00][^\s]*|[A-Z0-9]{2,}[,;]?|[a-z]+[A-Z][^\s]*")

_Counts = Mapping[tuple[int, bytes], int]


def mine(weights: Mapping[bytes, int]) -> dict[bytes, Words]:
    """The template of each shape. `weights` has the number of lines of each shape.

    The template of a line of an access log is its shape, with the class of its status.
    """
    templates = {shape: _access_template(shape) for shape in weights if is_access(shape)}
    others = {shape: lines for shape, lines in weights.items() if shape not in templates}
    messages = {shape: _masked(words) for shape, words in messages_of(others).items()}
    spans = without_spans(set(messages.values()))
    messages = {shape: spans[message] for shape, message in messages.items()}
    found = _templates(messages, weights)
    known = _without_units(set(found.values()))
    beginnings, spans = _header_beginnings(set(known.values())), without_spans(set(known.values()))
    changed = {
        words: spans[short][_beginning_size(short, beginnings) :] for words, short in known.items()
    }
    if any(words != other for words, other in changed.items()):
        found = _templates({shape: changed[words] for shape, words in found.items()}, weights)
    return templates | found


def _templates(messages: Mapping[bytes, Words], weights: Mapping[bytes, int]) -> dict[bytes, Words]:
    """The template of each shape, whose message is given."""
    by_message = Counter[Words]()
    for shape, message in messages.items():
        by_message[message] += weights[shape]
    found = _templates_of(by_message)
    return {shape: found[message] for shape, message in messages.items()}


def _access_template(shape: bytes) -> Words:
    text = shape.rpartition(TIME)[2]
    status = (status_of(shape) or "").encode()
    text = text[: text.rfind(CLASS)] + status
    return tuple(words_of(text.replace(PATH, VARIABLE).replace(REST, VARIABLE)))


def _header_beginnings(templates: Collection[Words]) -> set[Words]:
    """The beginnings of these templates that belong to the header."""
    rests = Counter(rest for template in templates for _, rest in _cuts(template))
    before: dict[int, set[Words]] = {}
    for template in templates:
        for beginning, rest in _cuts(template):
            if rests[rest] > 1:
                before.setdefault(rest, set()).add(beginning)
    shared = Counter(beginning for found in before.values() for beginning in found)
    return {
        beginning for beginning, number in shared.items() if beginning and number >= _MIN_SHARED
    }


def _cuts(template: Words) -> Iterator[tuple[Words, int]]:
    """All beginnings of a template that may belong to the header, with a hash of what follows."""
    yield (), hash(template)
    for size in range(1, min(_MAX_BEGINNING, len(template) - _MIN_REST) + 1):
        rest = template[size:]
        if template[size - 1].endswith(_ENDS) and _constants(rest) >= _MIN_REST:
            yield template[:size], hash(rest)


def _beginning_size(template: Words, beginnings: Collection[Words]) -> int:
    """The number of words of the longest of these beginnings that a template has."""
    sizes = range(min(_MAX_BEGINNING, len(template)), 0, -1)
    return next((size for size in sizes if template[:size] in beginnings), 0)


def _constants(words: Words) -> int:
    return sum(VARIABLE not in word for word in words)


def _masked(message: Words) -> Words:
    """The message without values of keys, dotted names and lists of values."""
    text = _CLASS.sub(VARIABLE, b" ".join(message))
    text = _VALUE.sub(b"=\0", text)
    text = _CONSTANT.sub(VARIABLE, text)
    text = _DOTTED.sub(VARIABLE, text)
    text = _MARKS.sub(VARIABLE, text.replace(PATH, VARIABLE))
    text = _DATE.sub(VARIABLE + b" ", text)
    return tuple(_LIST.sub(VARIABLE, text).split())


def _without_units(messages: Collection[Words]) -> dict[Words, Words]:
    """Each message; without the units of its numbers, if it differs from others only by these.

    A quantity may be followed by the same in other units, as in `1301 bytes (1.27 KB)`.
    """
    short = {message: _unitless(message) for message in messages}
    numbers = Counter(short.values())
    return {each: other if numbers[other] > 1 else each for each, other in short.items()}


def _unitless(message: Words) -> Words:
    text = _QUANTITY.sub(VARIABLE, b" ".join(message))
    return tuple(_SAME_AGAIN.sub(VARIABLE, text).split())


def _templates_of(weights: Mapping[Words, int]) -> dict[Words, Words]:
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


def _root(message: Words, counts: _Counts) -> tuple[int, frozenset[tuple[int, bytes]]]:
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


def _branches(messages: list[Words], frequency: int, counts: _Counts) -> Iterable[list[Words]]:
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


def _is_usual(column: int, words: Collection[bytes], counts: _Counts) -> bool:
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

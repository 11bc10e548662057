"""Separates the header of a line, such as its time, host, process and level, from its message.

The header of a log is not known in advance. Lines are put into layouts, by the way in which they
begin. The words of the lines of a layout form columns. The header ends with the last column whose
words have one typical kind in nearly all lines, such as a number, a level, a text in brackets, or a
name that ends with a colon. Between such columns, a few others may lie, such as the host. If a dash
stands behind a varying number of words, columns begin after it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import log

from loganalysis.formats.levels import WORDS
from loganalysis.templates.shapes import TIME
from loganalysis.times.time_formats import DAY_NAME, MONTH_NAME

Words = tuple[bytes, ...]

MAX_COLUMNS = 16
_MAX_GAP = 3
"""Columns without a typical kind before one that has a kind."""
_TYPICAL = 0.9
"""The part of the lines of a layout that must have the kind of a column."""
_BRACKETED_WORDS = 8
_MAX_DASH = 6
"""Words at the start of a line that may be a dash which ends the first part of its header."""

_LEVELS = b"|".join(name for name in WORDS if len(name) > 1)
_LETTERS = b"".join(sorted(name.upper() for name in WORDS if len(name) == 1))
_LEVEL = re.compile(rb"[\[(<|]*(?:(?i:" + _LEVELS + rb")|[" + _LETTERS + rb"])[\])>|:,]*")
_CALENDAR = re.compile(
    rb"(?:" + DAY_NAME + b"|" + MONTH_NAME + rb"|AM|PM|UTC|GMT|CET|CEST|PST|PDT|EST|EDT)[,:]?"
)
# At the start: two semicolons within one word.
_SEMICOLONS = re.compile(rb"(?:[^ ;]* ){0,2}[^ ;]*;[^ ;]*;")
LETTER = re.compile(rb"[A-Za-z\x80-\xff]")
_MARK = re.compile(rb"[\x00-\x03]")
_NAME = re.compile(rb"[^\s]*[._/\-$@#\x00][^\s]*")

_JSON_MESSAGE = re.compile(
    rb'"(?:msg|message|log|event|MESSAGE|short_message|text)" ?: ?"((?:[^"\\]|\\.)*)'
)
_LOGFMT_MESSAGE = re.compile(rb'(?:^|[ \x01])(?:msg|message)=(?:"((?:[^"\\]|\\.)*)|([^" ]+))')


def words_of(shape: bytes) -> list[bytes]:
    """The words of a shape. A vertical bar is one, as is a semicolon between the first columns."""
    if found := _SEMICOLONS.match(shape):
        shape = found[0].replace(b";", b" ; ") + shape[found.end() :]
    return shape.replace(b"|", b" | ").split()


def messages_of(weights: Mapping[bytes, int]) -> dict[bytes, Words]:
    """The words of the message of each shape. `weights` has the number of lines of each shape."""
    layouts: dict[str, list[bytes]] = {}
    messages: dict[bytes, Words] = {}
    for shape in weights:
        if (found := _structured_message(shape)) is not None:
            messages[shape] = tuple(words_of(found))
        else:
            layouts.setdefault(_beginning(shape), []).append(shape)
    for shapes in layouts.values():
        lines = {shape: _units(words_of(shape)) for shape in shapes}
        if _have_dash([(units, 1 + log(weights[shape])) for shape, units in lines.items()]):
            lines = {shape: _after_dash(units) for shape, units in lines.items()}
        kinds = _header([(lines[shape], 1 + log(weights[shape])) for shape in shapes])
        for shape, units in lines.items():
            messages[shape] = _without_header(units, kinds)
    return messages


def _structured_message(shape: bytes) -> bytes | None:
    """The message of a line in JSON or logfmt, or None for any other line."""
    if shape.lstrip()[:1] == b"{":
        found = _JSON_MESSAGE.search(shape)
        return found[1] if found else None
    found = _LOGFMT_MESSAGE.search(shape)
    return (found[1] or found[2] or b"") if found else None


def _beginning(shape: bytes) -> str:
    """The layout of a line, by the kinds of its first words."""
    if TIME in shape[:40]:
        before = words_of(shape.partition(TIME)[0])
        return "time" + _kind(before[0] if before else b"-").replace("n", "w")
    units = _units(words_of(shape))
    return "".join(_kind(unit) for unit in units[:2])


def _units(words: Sequence[bytes]) -> list[bytes]:
    """Join the words of each text in brackets at the start of a line."""
    units: list[bytes] = []
    at = 0
    while at < len(words):
        end = at + 1
        if len(units) < MAX_COLUMNS and words[at][:1] == b"[" and b"]" not in words[at]:
            for after in range(at + 1, min(at + _BRACKETED_WORDS, len(words))):
                if b"]" in words[after]:
                    end = after + 1
                    break
        units.append(b" ".join(words[at:end]))
        at = end
    return units


def _have_dash(lines: Sequence[tuple[Sequence[bytes], float]]) -> bool:
    """Whether nearly all lines have a dash near their start, behind a varying number of words."""
    dashes = [(b"-" in units[:_MAX_DASH], weight) for units, weight in lines]
    places = {units.index(b"-") for units, _ in lines if b"-" in units[:_MAX_DASH]}
    total = sum(weight for _, weight in lines)
    return len(places) > 1 and sum(weight for is_, weight in dashes if is_) >= _TYPICAL * total


def _after_dash(units: list[bytes]) -> list[bytes]:
    """The words behind the dash; all words if a line has none."""
    return units[units.index(b"-") + 1 :] if b"-" in units[:_MAX_DASH] else units


def _kind(unit: bytes) -> str:
    """The kind of a word, or of several in brackets.

    s: a vertical bar or a semicolon, n: a number or other punctuation, c: a number with a colon,
    l: a level, b: a text in square brackets, p: one in parentheses, t: a name with a colon, w: any
    other word.
    """
    if unit in (b"|", b";"):
        return "s"
    if _LEVEL.fullmatch(unit):
        return "l"
    if unit[:1] == b"[" and unit.rstrip(b":,")[-1:] == b"]":
        return "b"
    if unit[:1] == b"(" and unit.rstrip(b":,")[-1:] == b")":
        return "p"
    if not LETTER.search(unit) or _CALENDAR.fullmatch(unit):
        return "c" if unit[-1:] == b":" and _MARK.search(unit) else "n"
    if unit[-1:] == b":" and unit[:1] not in b"\"'":
        return "t"
    return "w"


def _header(lines: Sequence[tuple[Sequence[bytes], float]]) -> list[str]:
    """The kind of each column of the header of a layout; "w" if it has no typical kind."""
    kinds: list[str] = []
    end = 0
    are_names = True  # all words since the end of the header so far
    for column in range(MAX_COLUMNS):
        words = [(units[column], weight) for units, weight in lines if len(units) > column]
        if not words or column - end > _MAX_GAP:
            break
        kind = _typical_kind(words)
        if "t" in kinds and kind != "p":
            break
        kinds.append(kind)
        if kind == "w":
            are_names = are_names and _is_most(words, _is_name)
        elif column == end or kind not in "nbp" or are_names or _is_most(words, _is_time):
            end, are_names = column + 1, True
    return kinds[:end]


def _typical_kind(words: Sequence[tuple[bytes, float]]) -> str:
    """The kind of nearly all words of a column, given with their weights; else "w"."""
    kinds = [(_kind(word).encode(), weight) for word, weight in words]
    for kind in "slbpnt":
        if _is_most(kinds, partial(_agrees, kind)):
            return kind
    return "w"


def _is_most(words: Sequence[tuple[bytes, float]], has: Callable[[bytes], bool]) -> bool:
    """Whether nearly all words have a property, by their weights."""
    total = sum(weight for _, weight in words)
    return sum(weight for word, weight in words if has(word)) >= _TYPICAL * total


def _is_time(word: bytes) -> bool:
    return TIME in word


def _is_name(word: bytes) -> bool:
    return _NAME.fullmatch(word) is not None or _kind(word) in "lbpn"


def _without_header(units: Sequence[bytes], kinds: Sequence[str]) -> Words:
    """The words of a line after the columns that agree with the header."""
    end = 0
    for column, kind in enumerate(kinds):
        if column >= len(units) or not _agrees(kind, _kind(units[column]).encode()):
            break
        end = column + 1
    while end and kinds[end - 1] == "w":  # the line differs behind these columns
        end -= 1
    return tuple(b" ".join(units[end:]).split())


def _agrees(typical: str, kind: bytes) -> bool:
    """Whether a kind, as of _kind, is the typical kind of a column."""
    return typical == "w" or kind == typical.encode() or (kind == b"c" and typical in "nt")

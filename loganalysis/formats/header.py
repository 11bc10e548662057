"""Headers of lines in formats that are not listed: what comes before the message, in columns.

    081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_38 …
    └── time ───┘ num level └────── component ────────┘  message

A line is cut into tokens: a time, a group in brackets, or a word. The columns of many lines tell
which of them belong to the header: those up to the last column that nearly always holds a time, a
level, brackets, a component (a word before a colon or a dash) or a number. Words in between belong
to it, if they do not look like the prose of a message.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from loganalysis.formats.levels import level_at_start, level_of
from loganalysis.formats.log_format import BOM, LogFormat, Parts
from loganalysis.formats.times import FieldTimes

MAX_COLUMNS = 14
_MIN_SHARE = 0.9  # of lines in which a column has the same kind
_MAX_SKIPPED = 3  # words between two columns that are certain
_MAX_NAMES = 0.05  # distinct words, for each line, in a column of names such as hosts
_HEADER_BYTES = 400

_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_CLOCK = rb"\d{1,2}:\d\d:\d\d(?:[.,:]\d+)?"
_ZONE = rb"(?:Z| ?[+-]\d\d:?\d\d| (?:UTC|GMT|CES?T|[ECMP][SD]T)\b)?"
_TIME = (
    rb"\d{4}[-/.]\d\d[-/.]\d\d[-T _]\d\d[:.]\d\d[:.]\d\d(?:[.,:]\d+)?" + _ZONE + rb"(?![\d:])"
    rb"|\d{8}[- T_]?" + _CLOCK + rb"(?![\d:])"
    rb"|\d\d[/-](?:\d\d|" + _MONTH + rb")[/-]\d{2,4}[ T:]" + _CLOCK + _ZONE + rb"(?![\d:])"
    rb"|\d{1,2}[-/.]\d\d " + _CLOCK + rb"(?![\d:])"
    rb"|(?:" + _DAY + rb",? )?" + _MONTH + rb" +\d{1,2},?(?: \d{4})? " + _CLOCK + rb"(?: \d{4}\b)?"
    rb"|(?:"
    + _DAY
    + rb",? )?\d{1,2} "
    + _MONTH
    + rb" \d{4} "
    + _CLOCK
    + _ZONE
    + rb"|\d{6} \d{6}(?=\s)"
    rb"|[12]\d{9}(?:\.\d+|\d{3}|\d{6})?(?=[\s,|\]])"
    rb"|\d{4}[-/.]\d\d[-/.]\d\d(?=[\s,|\]])"
    rb"|" + _CLOCK + rb"(?=[\s,|\]])"
)
_TOKEN = re.compile(
    rb"(?P<time>[\[(<]?(?:" + _TIME + rb")[\])>]?,?(?=[\s|:\[]|$))"
    rb"|(?P<brackets>\[(?:[^\[\]]|\[[^\[\]]*\])*\]|<[^<>\s]*>|\([^()]*\)):?(?=[\s|\[]|$)"
    rb"|(?P<word>[^\s|]+)"
)
_GAP = re.compile(rb"(?:[\s|]+(?:[-:=>]+(?=[\s|]))?)+|$")
_NUMBER = re.compile(rb"(?:0x)?\d[\da-fA-F.]*,?")
# Two regexes: as one, with a letter between two stars, it took quadratic time for long words.
_COMPONENT, _LETTER = re.compile(rb"[^\s\"=]+:"), re.compile(rb"[A-Za-z_)\]]")
_PROSE = re.compile(rb"[A-Za-z][a-z]*(?:'[a-z]+)?[,.!?]?")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: bytes
    start: int
    end: int
    """Where the next token begins."""
    before_bar: bool
    """Whether a "|" separates it from the next token."""


def _tokens(line: bytes, most: int = MAX_COLUMNS) -> list[_Token]:
    start = len(BOM) if line.startswith(BOM) else 0
    found: list[_Token] = []
    at = _end_of_gap(line, start)
    while at < min(len(line), _HEADER_BYTES) and len(found) < most:
        match = _TOKEN.match(line, at)
        if not match:
            break
        end = _end_of_gap(line, match.end())
        gap = line[match.end() : end]
        found.append(_Token(_kind_of(match, gap), match[0], at, end, b"|" in gap))
        at = end
    return found


def _end_of_gap(line: bytes, at: int) -> int:
    gap = _GAP.match(line, at)
    return gap.end() if gap else at


def _kind_of(match: re.Match[bytes], gap: bytes) -> str:
    text = match[0]
    if match["time"]:
        return "time"
    bare = text.strip(b"[]()<>:,")
    if (len(bare) > 2 or text.isupper()) and level_of(bare) and not bare.isdigit():
        return "level"
    if match["brackets"]:
        return "brackets"
    if _NUMBER.fullmatch(text):
        return "number"
    if (_COMPONENT.fullmatch(text) and _LETTER.search(text)) or (
        b"-" in gap and not _PROSE.fullmatch(text)
    ):
        return "component"
    return "dash" if not text.strip(b"-:=>") else "prose" if _PROSE.fullmatch(text) else "word"


class HeaderFormat(LogFormat):
    """A format that is known by the columns of its headers only."""

    def __init__(self, columns: Sequence[str], times: FieldTimes) -> None:
        """`columns` are the kinds of the columns, as `learn` finds them."""
        self._columns = tuple(columns)
        self._names = tuple(_named(columns))
        super().__init__("header", "Lines with a header", self._names)
        self._times = times

    def split(self, line: bytes) -> Parts | None:
        """The parts of a line. Its header may end early; without a first column it has none."""
        tokens = _tokens(line.removesuffix(b"\r"), len(self._columns))
        fitting = 0
        for token, kind in zip(tokens, self._columns, strict=False):
            if token.kind != kind and kind != "any":
                break
            fitting += 1
        while fitting and self._columns[fitting - 1] == "any" and fitting < len(self._columns):
            fitting -= 1  # a word before a column that is missing is a word of the message
        if not fitting or not {"time", "level"} & set(self._columns[:fitting]):
            return None
        header = tokens[:fitting]
        texts = {
            name: token.text.strip(b"[]()<>,:" if name != "component" else b":")
            for name, token in zip(self._names, header, strict=False)
        }
        at = header[-1].end
        message = line[at:].removesuffix(b"\r")
        level = level_of(texts.get("level")) or level_at_start(message)
        return Parts(self._time(texts), level, message, texts, at)

    def _time(self, texts: dict[str, bytes]) -> float | None:
        date, clock = texts.get("time", b""), texts.get("time2", b"")
        for text in (b"%b %b" % (date, clock), date, clock):
            if (time := self._times.time_of(text)) is not None:
                return time
        return None


def _named(columns: Sequence[str]) -> list[str]:
    """A name for each column: time, level, component, number; the second one is number2."""
    seen: Counter[str] = Counter()
    names = []
    for kind in columns:
        name = "word" if kind == "any" else kind
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}{seen[name]}")
    return names


def learn(lines: Sequence[bytes], times: FieldTimes) -> HeaderFormat | None:
    """The format of most of these lines, or None if they have no header with a time or a level."""
    rows = _usual([_tokens(line) for line in lines])
    columns = [
        _Column([row[index] for row in rows if len(row) > index], len(rows))
        for index in range(MAX_COLUMNS)
    ]
    header = _header_of(columns)
    return HeaderFormat(header, times) if {"time", "level"} & set(header) else None


def _usual(rows: Sequence[list[_Token]]) -> list[list[_Token]]:
    """The rows that begin as most rows do, so that noise and continued lines do not count."""
    rows = [row for row in rows if row]
    starts = Counter(row[0].kind for row in rows)
    if not starts:
        return []
    kind = max(starts, key=lambda kind: starts[kind] * (2 if kind in ("time", "level") else 1))
    usual = [row for row in rows if row[0].kind == kind]
    return usual if len(usual) >= max(2, len(rows) * 0.1) else []


class _Column:
    """A column of the lines, by the tokens that they have there."""

    def __init__(self, tokens: Sequence[_Token], lines: int) -> None:
        kinds = Counter(token.kind for token in tokens)
        kind, count = kinds.most_common(1)[0] if kinds else ("", 0)
        is_certain = count >= lines * _MIN_SHARE and kind not in ("word", "prose", "dash")
        self.kind = kind if is_certain else "any" if len(tokens) > lines / 2 else ""
        names = len({token.text for token in tokens})
        self.is_prose = kinds["prose"] > len(tokens) / 4
        self.before_bar = sum(token.before_bar for token in tokens) >= max(1, lines * _MIN_SHARE)
        self.is_name = not self.is_prose or names <= max(1, lines * _MAX_NAMES)


def _header_of(columns: Sequence[_Column]) -> list[str]:
    """The columns up to the last certain one that no prose separates from those before it."""
    kinds = [column.kind for column in columns]
    bars = [index for index, column in enumerate(columns) if column.before_bar]
    if len(bars) > 1:
        return [kind or "any" for kind in kinds[: bars[-1] + 1]]
    end, skipped = 0, list[_Column]()
    for index, column in enumerate(columns):
        if column.kind in ("any", ""):
            skipped.append(column)
            if not column.kind or len(skipped) > _MAX_SKIPPED:
                break
            continue
        if not _joins(column.kind, skipped):
            break
        end, skipped = index + 1, []
    return kinds[:end]


def _joins(kind: str, skipped: Sequence[_Column]) -> bool:
    """Whether a certain column belongs to the header, if these columns lie before it."""
    if kind in ("time", "level"):
        return all(column.is_name or index < 2 for index, column in enumerate(skipped))
    if kind in ("component", "brackets"):
        return all(column.is_name for column in skipped)
    return not any(column.is_prose for column in skipped)

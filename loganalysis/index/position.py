"""Positions in the data of a file, and their form for clients: a cursor. Imports nothing of ours.

The data is the text of the file, decompressed, as UTF-8.
"""

import base64
import binascii
import json
from dataclasses import dataclass

MAX_CURSOR_LENGTH = 300
_MAX = 2**53


class CursorError(ValueError):
    """The text is not a cursor."""


@dataclass(frozen=True)
class Position:
    """The start of a line.

    `offset` counts bytes of data, `line` from 1. `time` is the last time in the lines before, in
    epoch seconds. `mid_line` is true within a line that is too long to be read at once.
    `after` is the number of lines that are still to be shown as context of a line before.
    `searched` is the number of bytes behind it that were searched already; they can be context.
    """

    offset: int = 0
    line: int = 1
    time: float | None = None
    mid_line: bool = False
    after: int = 0
    searched: int = 0

    def of_line(self, data: bytes, at: int) -> "Position":
        """The position of a line that begins at `at` in data from this position on."""
        return Position(self.offset + at, self.line + data.count(b"\n", 0, at), self.time)


START = Position()


@dataclass(frozen=True)
class MemberPosition:
    """A position in a member of an archive.

    `member` is the number of the member, from 0. `lines_before` is the number of lines in the
    members before it that are read, too.
    """

    position: Position = START
    member: int = 0
    lines_before: int = 0


def to_cursor(position: Position | MemberPosition) -> str:
    """Encode a position as text that is opaque to clients."""
    if isinstance(position, MemberPosition):
        fields = [*vars(position.position).values(), position.member, position.lines_before]
    else:
        fields = [*vars(position).values()]
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).rstrip(b"=").decode()


def from_cursor(text: str) -> Position:
    """Decode the cursor of a file that is no archive. Raises CursorError.

    A client can make up any position. Then it gets other lines of the same file, or none.
    """
    return _decoded(text, 0)[0]


def from_member_cursor(text: str) -> MemberPosition:
    """Decode the cursor of an archive. Raises CursorError."""
    position, others = _decoded(text, 2)
    return MemberPosition(position, *others)


def _decoded(text: str, more: int) -> tuple[Position, list[int]]:
    """The position in a cursor, and so many numbers behind it. Raises CursorError."""
    problem = CursorError("it is not a cursor: use the value of `next` from the previous page")
    if len(text) > MAX_CURSOR_LENGTH:
        raise problem
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        offset, line, time, mid_line, after, searched, *others = json.loads(decoded)
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise problem from None
    numbers = (offset, line, after, searched, *others)
    if not all(type(each) is int and 0 <= each < _MAX for each in numbers) or line < 1:
        raise problem
    if len(others) != more:
        raise problem
    if type(mid_line) is not bool or not (time is None or type(time) in (int, float)):
        raise problem
    if time is not None and not abs(time) < _MAX:
        raise problem
    return Position(offset, line, time, mid_line, after, searched), others

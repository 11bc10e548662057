"""Compiled regexes of RE2, called without the Python objects that its package makes.

This is the only module that uses undocumented parts of `google-re2`: the class `_Regexp`, its
attribute `_regexp` and `_Anchor`. The documented `re2.compile(...).finditer(...)` makes an object
for each match; regexes with many matches then take up to 1.6 times as long. Tested with google-re2
1.1.20251105 on Python 3.11 and 3.13. `tests/loganalysis/test_re2_regex.py` fails if an upgrade
changes
what is used here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import re2

TESTED_VERSION = "1.1.20251105"

ANYWHERE, AT_START, WHOLE = (
    *(re2._Anchor.UNANCHORED, re2._Anchor.ANCHOR_START, re2._Anchor.ANCHOR_BOTH),
)
"""Where a match must be between two positions: anywhere, at the first, or from one to the other."""

Match = Callable[[object, object, int, int], Sequence[tuple[int, int]]]
"""Takes one of the three, bytes, and two positions. Returns the span of the first match in a list,
or (-1, -1)."""


class RegexError(Exception):
    """RE2 does not accept a regex. The text is its message."""


class CapturingRegex:
    """A regex that ignores newlines. `match` returns the spans of the match and of its groups."""

    def __init__(self, source: str, max_memory: int) -> None:
        """`max_memory` is in bytes. Raises RegexError."""
        regexp = _compiled(source, max_memory, never_capture=False)
        self.match: Match = regexp.Match
        self.group_count = int(regexp.NumberOfCapturingGroups())
        named = regexp.NamedCapturingGroups()
        self.groups: dict[str, int] = {name.decode(): number for name, number in named}
        """The numbers of the groups that have a name."""


def _compiled(source: str, max_memory: int, never_capture: bool) -> Any:
    options = re2.Options()
    options.never_nl, options.never_capture = True, never_capture
    options.log_errors = False
    options.max_mem = max_memory
    try:
        return re2._Regexp(source, options)._regexp
    except re2.error as error:
        raw = error.args[0]
        raise RegexError(
            raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)
        ) from None


class CompiledRegex:
    """A regex that ignores newlines and has no groups.

    `match` searches for it, and `instructions` is the size of its program.
    """

    def __init__(self, source: str, max_memory: int) -> None:
        """`max_memory` is in bytes. Raises RegexError."""
        regexp = _compiled(source, max_memory, never_capture=True)
        self.match: Match = regexp.Match
        self.instructions: int = regexp.ProgramSize()

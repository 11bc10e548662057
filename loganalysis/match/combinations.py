"""Searches a window for lines that meet several conditions at once.

A line matches if all of `all` are in it, one of `any` if there are some, and none of `none`. Only
lines with a driver are looked at: the drivers are one member of `all` or, without any, all members
of `any`. Searching for a driver skips the other lines at several GB/s.
"""

from collections.abc import Callable, Iterator
from functools import partial

from stringzilla import Str

from loganalysis.match.patterns import Combination, Literal, Regex
from loganalysis.match.re2_regex import ANYWHERE, CompiledRegex
from loganalysis.read.window import Window, WindowPart

_BATCH_LINES = 10_000  # matches in memory at once
_NOWHERE = 1 << 62  # find's -1 modulo this is behind every position


class CombinationSearch:
    """A combination, compiled. It is used as AdaptiveRegex is."""

    folded = False
    """Positions are searched in the text as it is; `lowercase` is a copy in lower case."""

    def __init__(self, pattern: Combination, memory: int) -> None:
        """`memory` is the number of bytes for RE2, for each regex."""
        self.index = pattern.index
        members = (*pattern.all, *pattern.any, *pattern.none)
        self.needs_lowercase = any(isinstance(e, Literal) and e.folded for e in members)
        self.lowercase: Str | None = None
        self._all, self._any, self._none = (
            [_Member(each, memory) for each in group]
            for group in (pattern.all, pattern.any, pattern.none)
        )
        self._drivers = self._any
        if self._all:
            driver = max(self._all, key=lambda member: member.length)
            self._drivers = [driver]
            self._all.remove(driver)

    def search(self, part: Window | WindowPart, text: Str) -> Iterator[list[int]]:
        """Yield the positions of a driver in each matching line, ascending, in batches."""
        batch: list[int] = []
        for at in self._matches(part, text):
            batch.append(at)
            if len(batch) == _BATCH_LINES:
                yield batch
                batch = []
        if batch:
            yield batch

    def _matches(self, part: Window | WindowPart, text: Str) -> Iterator[int]:
        start, end = part.start, part.end
        for member in (*self._all, *self._any, *self._none, *self._drivers):
            member.open(part, text, self.lowercase)
        following = [driver.find(start, end) % _NOWHERE for driver in self._drivers]
        while (at := min(following)) < end:
            line = text.rfind(b"\n", start, at) + 1 or start
            newline = text.find(b"\n", at, end)
            line_end = end if newline < 0 else newline
            if self._is_match(line, line_end):
                yield at
            for number, driver in enumerate(self._drivers):
                if following[number] < line_end + 1:
                    following[number] = driver.find(line_end, end) % _NOWHERE

    def _is_match(self, line: int, end: int) -> bool:
        """Whether a line with a driver meets the other conditions, too."""
        return (
            all(member.find(line, end) >= 0 for member in self._all)
            and (
                not self._any
                or self._drivers is self._any
                or any(member.find(line, end) >= 0 for member in self._any)
            )
            and not any(member.find(line, end) >= 0 for member in self._none)
        )


class _Member:
    """A text or regex of a combination.

    `find` returns the position of its first match between two positions of the view, or -1.
    """

    def __init__(self, pattern: Literal | Regex, memory: int) -> None:
        self._literal = pattern if isinstance(pattern, Literal) else None
        regex = None if isinstance(pattern, Literal) else CompiledRegex(pattern.source, memory)
        self._match = regex and regex.match
        self.length = len(pattern.text) if isinstance(pattern, Literal) else 0
        self.find: Callable[[int, int], int] = lambda start, end: -1

    def open(self, part: Window | WindowPart, text: Str, lowercase: Str | None) -> None:
        """Search this window from now on."""
        if self._literal:
            searched = lowercase if self._literal.folded else text
            assert searched is not None
            self.find = partial(searched.find, self._literal.text)
        else:
            # Otherwise ^ and $ would look at the bytes before and behind the window.
            view = part.view[part.start : part.end]
            self.find = partial(self._find_regex, view, part.start)

    def _find_regex(self, view: memoryview, offset: int, start: int, end: int) -> int:
        assert self._match
        if start >= end:
            return -1
        at = self._match(ANYWHERE, view, start - offset, end - offset)[0][0]
        return at + offset if at >= 0 else -1

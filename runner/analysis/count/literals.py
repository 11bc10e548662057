"""All literals of a scan at once, by the kernel, and what it finds as tallies."""

from collections.abc import Sequence

from runner.analysis.count.lines import Lines, Search
from runner.analysis.input.window import Window
from runner.analysis.match.kernel import Kernel
from runner.analysis.match.patterns import Literal


class MultiLiteralSearch:
    """Searches windows one after another. Only where the kernel is available."""

    def __init__(
        self, literals: Sequence[Literal], searches: Sequence[Search], lines: Lines | None
    ) -> None:
        """`searches`: those of the literals, in their order."""
        self._searches, self._lines = searches, lines
        each = lines is not None and lines.looks_at_each(searches[0].tally)
        self._kernel = Kernel(literals, lines is not None, each)

    @property
    def newlines(self) -> int:
        """In all windows so far, if lines are wanted."""
        return self._kernel.newlines

    @property
    def ascii(self) -> bool:
        """Whether what was new in the last window is known to be ASCII."""
        return self._kernel.ascii

    def search(self, window: Window) -> None:
        """Find the literals in what is new in the window."""
        view = window.view[: window.end]
        for hits in self._kernel.scan(view, window.base, window.start, window.end):
            for number, at in hits:
                self._look_at(number, at)

    def take(self) -> None:
        """Put what was found so far into the tallies."""
        for search, found in zip(self._searches, self._kernel.found, strict=True):
            tally = search.tally
            tally.count, tally.matching_lines = found.count, found.lines
            tally.first_line, tally.last_line = found.first_line or None, found.last_line or None

    def _look_at(self, number: int, at: int) -> None:
        tally = self._searches[number].tally
        assert self._lines is not None
        self._lines.look_at(tally, at)
        if not self._lines.looks_at_each(tally):
            self._kernel.unwant(number)

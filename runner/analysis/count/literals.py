"""Searches for all literals of a scan at once with the kernel."""

from collections.abc import Sequence

from runner.analysis.count.lines import Lines, PatternState
from runner.analysis.input.window import Window
from runner.analysis.match.kernel import Kernel
from runner.analysis.match.patterns import Literal


class MultiLiteralSearch:
    """Searches one window after another. Requires that the kernel is available."""

    def __init__(
        self, literals: Sequence[Literal], states: Sequence[PatternState], lines: Lines | None
    ) -> None:
        """`states` belong to the literals, in the same order."""
        self._states, self._lines = states, lines
        report_lines = lines is not None and lines.needs_each_line(states[0].result)
        self._kernel = Kernel(literals, lines is not None, report_lines)

    @property
    def newlines(self) -> int:
        """The number of newlines in all windows so far, if lines are counted."""
        return self._kernel.newlines

    @property
    def ascii(self) -> bool:
        """Whether the new bytes of the last window are known to be ASCII."""
        return self._kernel.ascii

    def search(self, window: Window) -> None:
        """Find the literals in the new bytes of the window."""
        view = window.view[: window.end]
        for hits in self._kernel.scan(view, window.base, window.start, window.end):
            for number, at in hits:
                self._record_line(number, at)

    def update_results(self) -> None:
        """Copy the counts so far from the kernel to the results of the patterns."""
        for state, counts in zip(self._states, self._kernel.literals, strict=True):
            result = state.result
            result.count, result.matching_lines = counts.count, counts.lines
            result.first_line, result.last_line = (
                counts.first_line or None,
                counts.last_line or None,
            )

    def _record_line(self, number: int, at: int) -> None:
        result = self._states[number].result
        assert self._lines is not None
        self._lines.record_line(result, at)
        if not self._lines.needs_each_line(result):
            self._kernel.stop_reporting(number)

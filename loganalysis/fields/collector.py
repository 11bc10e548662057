"""Counts the fields of the lines of a moving window."""

import ctypes
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from stringzilla import Str

from loganalysis.fields.memory import MAX_WALKERS, CWalker, FieldMemory, library
from loganalysis.fields.plan import FieldPlan, FieldRegex
from loganalysis.fields.program import Walker
from loganalysis.fields.table import FieldTable
from loganalysis.match.patterns import MAX_MEMORY, MIN_MEMORY
from loganalysis.match.re2_regex import ANYWHERE, CapturingRegex
from loganalysis.read.window import WindowPart

_FIRST_BYTES, _FIRST_LINES = 64 << 10, 300
_BATCH = 8192  # values that wait for C
_RETURN = 13
_TOTAL_MEMORY = 16 << 20  # bytes for RE2, for all regexes


class FieldCollector:
    """Counts fields window by window; `table` has the fields of all windows so far."""

    def __init__(self, plan: FieldPlan) -> None:
        self._plan = plan
        self._numbers = {name: number for number, name in enumerate(plan.names)}
        self._kernel = FieldKernel(plan)
        memory = max(MIN_MEMORY, min(MAX_MEMORY, _TOTAL_MEMORY // max(len(plan.regexes), 1)))
        self._regexes = [(each, CapturingRegex(each.source, memory)) for each in plan.regexes]

    def feed(self, window: WindowPart, timeline: int, base: int, searched: WindowPart) -> None:
        """Add some lines of a window.

        `timeline` is TimelineKernel.handle, with the times of the window, for fields over time, or
        0 without times; `base` is the offset of the window's view in the data. Regexes see the
        bytes of `searched`.
        """
        if timeline and self._plan.over_time:
            self._kernel.use_times(timeline, window.view, base)
        if self._plan.from_lines:
            first = bytes(window.view[window.start : window.end][:_FIRST_BYTES])
            lines = (line.partition(b"\f")[0] for line in first.split(b"\n")[:_FIRST_LINES])
            self._plan = self._plan.from_lines([*lines])  # \f ends the first line of a record
            self._kernel.use(self._plan.walkers)
        if self._plan.walkers:
            self._kernel.add_lines(window.view, window.start, window.end, window.starts_mid_line)
        elif self._plan.split:
            self._split_lines(window)
        for each, regex in self._regexes:
            self._search(window, searched, each, regex)

    def table(self) -> FieldTable:
        """The statistics of the fields, in the order of their names."""
        return FieldTable(self._kernel.memory)

    def _split_lines(self, window: WindowPart) -> None:
        """Add the fields of a format that only Python can read."""
        assert self._plan.split is not None
        for start, end in self._lines(window):
            fields = self._plan.split(bytes(window.view[start:end])) or {}
            for name in self._plan.format_fields:
                if name in fields:
                    number, value = self._numbers[name], fields[name]
                    self._kernel.add_value_of_line(number, value, window.view, start)

    def _lines(self, window: WindowPart) -> Iterator[tuple[int, int]]:
        """The start and end of the lines that begin in the window and are not empty."""
        text, end = window.text, window.end
        at = _first_line(window)
        while at < end:
            newline = text.find(b"\n", at, end)
            stop = end if newline < 0 else newline
            if stop > at:
                yield at, min(stop, at + self._plan.line_bytes)
            at = stop + 1

    def _search(
        self, window: WindowPart, searched: WindowPart, each: FieldRegex, regex: CapturingRegex
    ) -> None:
        """Add the groups of the first match in each line."""
        waiting = [(group, self._numbers[name], array("I")) for group, name in each.groups]
        for spans in _matches(searched, each.required, regex, self._plan.line_bytes):
            for group, _, values in waiting:
                if spans[group][0] >= 0:
                    values.extend(spans[group])
            if max(len(values) for *_, values in waiting) >= _BATCH:
                self._add(window, waiting)
        self._add(window, waiting)

    def _add(self, window: WindowPart, waiting: list[tuple[int, int, "array[int]"]]) -> None:
        for _, field, values in waiting:
            if values:
                spans = (ctypes.c_uint32 * len(values)).from_buffer(values)
                self._kernel.add_values(field, window.view, spans, len(values) // 2)
                del spans
                del values[:]


def _first_line(window: WindowPart) -> int:
    """Where the first line begins that does not continue one of the window before."""
    if not window.starts_mid_line:
        return window.start
    newline = window.text.find(b"\n", window.start, window.end)
    return window.end if newline < 0 else newline + 1


def _search(regex: CapturingRegex, view: memoryview, start: int, end: int) -> int:
    return regex.match(ANYWHERE, view, start, end)[0][0]


def _matches(
    window: WindowPart, required: bytes, regex: CapturingRegex, line_bytes: int
) -> Iterator[list[tuple[int, int]]]:
    """The spans of the first match in each line, and of its groups, as positions in the view."""
    text, match = window.text, regex.match
    view = window.view[: window.end]  # otherwise $ would look at the byte behind the window
    at, size = _first_line(window), window.end
    while at < size:
        found = text.find(required, at, size) if required else _search(regex, view, at, size)
        if found < 0:
            return
        start = max(text.rfind(b"\n", at, found) + 1, at)
        end = text.find(b"\n", found, size)
        end = size if end < 0 else end
        has_return = end > start and view[end - 1] == _RETURN
        line, stop = (view[: end - 1], end - 1) if has_return else (view, end)
        spans = match(ANYWHERE, line, start, min(stop, start + line_bytes))
        if spans[0][0] >= 0:
            yield list(spans)
        at = end + 1


class FieldKernel:
    """Finds fields in the lines of windows. `memory` has the statistics of all windows so far."""

    def __init__(self, plan: FieldPlan) -> None:
        """Of the plan's walkers, the first that fits a line will find its fields."""
        self.memory = FieldMemory(len(plan.names), plan.bounds, plan.over_time, plan.line_bytes)
        self._handle, self._fields = self.memory.handle, self.memory.content
        self._kept: list[Any] = []
        self.use(plan.walkers)

    def use(self, walkers: Sequence[Walker]) -> None:
        """Find fields with these walkers, with the first four if there are more."""
        walkers = walkers[:MAX_WALKERS]
        for number, walker in enumerate(walkers):
            self._set(self._fields.walkers[number], walker)
        self._fields.walker_count = len(walkers)

    def _set(self, target: CWalker, walker: Walker) -> None:
        steps = (ctypes.c_uint32 * max(len(walker.steps), 1))(*walker.steps)
        texts, classes = (
            ctypes.create_string_buffer(each) for each in (walker.texts, walker.classes)
        )
        self._kept += [steps, texts, classes]
        target.kind, target.step_count = walker.kind, len(walker.steps)
        target.steps = ctypes.addressof(steps)
        target.classes, target.texts = ctypes.addressof(classes), ctypes.addressof(texts)

    def use_times(self, timeline: int, view: memoryview, base: int) -> None:
        """Count the values that are added next by the times that a timeline has read in a view.

        `timeline` is TimelineKernel.handle. The view begins at the offset `base` of the data.
        """
        library().fields_times(self._handle, timeline, Str(view).address, base)

    def add_lines(self, view: memoryview, start: int, end: int, mid_line: bool) -> None:
        """Add the lines between two positions of a view.

        `mid_line` tells that the first of them began before, so that it is left out.
        """
        address = Str(view).address
        library().fields_lines(self._handle, address + start, address + end, mid_line)

    def add_values(
        self, field: int, view: memoryview, spans: "ctypes.Array[Any]", count: int
    ) -> None:
        """Add values of a field: pairs of a start and an end in the view."""
        library().fields_values(self._handle, field, Str(view).address, spans, count, None)

    def add_value_of_line(self, field: int, value: bytes, view: memoryview, line: int) -> None:
        """Add a value of the line that begins at a position of the view."""
        spans, text = (ctypes.c_uint32 * 2)(0, len(value)), Str(value or b"\0").address
        address = Str(view).address + line
        library().fields_values(self._handle, field, text, spans, 1, address)

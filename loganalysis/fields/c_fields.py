"""The C code that finds the fields of lines; native/fields.h describes it."""

import ctypes
from collections.abc import Sequence
from typing import Any

from stringzilla import Str

from loganalysis.fields.memory import MAX_WALKERS, CWalker, FieldMemory, library
from loganalysis.fields.plan import FieldPlan
from loganalysis.fields.program import Walker


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

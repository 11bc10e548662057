"""The overview of a file and its timeline, on one axis, as JSON: in the result, and during a scan.

scan ──every window──▶ SoFar.watch ──now and then──▶ partial results ──▶ SoFar.found ──▶ progress

A job that ends within four seconds makes no part. Parts take at most 2 % of the time so far: SoFar
makes one only if its predicted time fits. A scan that fails makes a last part in any case.
"""

import json
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from math import lcm

from loganalysis.count.result import PartialResult
from loganalysis.read.json_values import Json
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.scan import Look
from loganalysis.templates.overview import overview
from loganalysis.templates.table import ShapeTable
from loganalysis.times.axis import Axis
from loganalysis.times.timeline import Timeline

MAX_BYTES = 16 << 10
"""Of `found` as JSON. Progress of more than 64 KiB is dropped."""
_FIRST_SECONDS, _SECONDS = 4.0, 1.5
"""When the first part is made, and the shortest time between two."""
_PART_OF_TIME = 50
"""The time so far is at least this many times as long as making all parts has taken."""
_SECONDS_PER_SHAPE, _FURTHER_SHAPES = 3e-4, 100
"""What making the first part takes: so much per shape, and for the rest as for so many shapes. With
600 to 4,000 shapes, 0.2 to 0.35 ms of CPU per shape were measured, and with 20 shapes 20 to 60 ms
in all. What a part took predicts the next one."""
_MAX_TEMPLATES, _SHOWN_CHARACTERS, _MAX_SERIES = 10, 200, 8


class SoFar:
    """The newest part of the result, in `found`: a `timeline` and an `overview`, if there are."""

    def __init__(
        self,
        keys: Sequence[str],
        options: AnalysisOptions,
        modified: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`keys` are the keys of the patterns; `modified` is the time of the file."""
        self._keys, self._options, self._modified, self._clock = keys, options, modified, clock
        self._started = clock()
        self._next = self._started + _FIRST_SECONDS
        self._seconds, self._seconds_per_shape = 0.0, _SECONDS_PER_SHAPE
        self._is_wanted = options.has_timeline or options.overview
        if len(json.dumps(keys)) > MAX_BYTES:  # the counts alone fill the progress
            self._is_wanted = False
        self.found: Json = {}

    def watch(self, look: Look, has_failed: bool) -> None:
        """Make a new part if it is time, or if the scan has failed."""
        shapes = look.size() + _FURTHER_SHAPES
        if not self._is_wanted or not (has_failed or self._is_time(shapes)):
            return
        started = self._clock()
        found = self._make(_merged(look.results()))
        ended = self._clock()
        self._seconds += ended - started
        self._seconds_per_shape = (ended - started) / shapes
        self._next = ended + _SECONDS
        if len(json.dumps(found)) <= MAX_BYTES:
            self.found = found

    def _is_time(self, shapes: int) -> bool:
        """Whether a part of so many shapes fits into the time for parts."""
        now, expected = self._clock(), shapes * self._seconds_per_shape
        has_room = _PART_OF_TIME * (self._seconds + expected) <= now - self._started
        return now >= self._next and has_room

    def _make(self, partial: PartialResult) -> Json:
        if isinstance(partial.table, ShapeTable) and not partial.table.shapes:
            return {}  # an overview needs lines
        axis = shared_axis(partial) if self._options.has_timeline else None
        found = over_time(partial, self._keys, self._modified, self._options, axis)
        if "overview" in found:
            found["overview"] = _shortened(found["overview"])
        timeline = found.pop("timeline", None)
        if timeline and timeline["start"]:
            found["timeline"] = {
                name: _largest(rows) if isinstance(rows, dict) else rows
                for name, rows in timeline.items()
                if name != "templates"
            }
        return found


def _merged(partials: Sequence[PartialResult]) -> PartialResult:
    """The figures of consecutive parts in one; these parts do not change."""
    if len(partials) == 1:
        return partials[0]
    whole = PartialResult.of(0)
    for each in partials:
        figures = deepcopy((each.timeline, each.table))
        whole.merge(PartialResult([], timeline=figures[0], table=figures[1]), 0)
    return whole


def _shortened(whole: Json) -> Json:
    """An overview with fewer templates, and without what only a complete file shows."""
    templates = [
        {
            **each,
            "template": each["template"][:_SHOWN_CHARACTERS],
            "sample": each["sample"][:_SHOWN_CHARACTERS],
            "state": "steady",
        }
        for each in whole["templates"][:_MAX_TEMPLATES]
    ]
    return {**whole, "templates": templates, "bursts": []}


def _largest(rows: dict[str, list[int]]) -> dict[str, list[int]]:
    """The series with the most lines, in their order."""
    chosen = sorted(rows, key=lambda name: -sum(rows[name]))[:_MAX_SERIES]
    return {name: row for name, row in rows.items() if name in chosen}


def shared_axis(partial: PartialResult) -> Axis | None:
    """The time axis, whose bins are made of whole bins of the overview and of the fields."""
    if partial.timeline is None:
        return None
    table, fields = partial.table, partial.fields
    also = table.bin_seconds if isinstance(table, ShapeTable) else 1
    return partial.timeline.axis(lcm(also, fields.cell_seconds if fields else 1))


def timeline_of(partial: PartialResult, keys: Sequence[str]) -> Timeline:
    """The timeline, or one of no lines."""
    return partial.timeline or Timeline.of(len(keys))


def over_time(
    partial: PartialResult,
    keys: Sequence[str],
    modified: float,
    options: AnalysisOptions,
    axis: Axis | None,
) -> Json:
    """The `overview` and the `timeline`, if they were asked for.

    `keys` are the keys of the patterns; `modified` is the time of the file in epoch seconds.
    """
    table, found, lists = partial.table, Json(), None
    if isinstance(table, ShapeTable):
        found["overview"], lists = overview(table, modified, axis)
    if options.has_timeline:
        series = lists if lists and axis else {}
        found["timeline"] = {**series, **timeline_of(partial, keys).to_json(keys, axis)}
    elif lists:
        found["timeline"] = lists
    return found

"""The overview of a file and its timeline, on one axis, as the JSON that clients get."""

from collections.abc import Sequence
from math import lcm

from loganalysis.count.result import PartialResult
from loganalysis.read.json_values import Json
from loganalysis.scan.options import AnalysisOptions
from loganalysis.templates.overview import overview
from loganalysis.templates.table import ShapeTable
from loganalysis.times.axis import Axis
from loganalysis.times.timeline import Timeline


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

    `keys` are those of the patterns; `modified` is the time of the file in epoch seconds.
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

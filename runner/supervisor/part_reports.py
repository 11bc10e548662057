"""What job processes report about the parts of a job: their plan, and their progress."""

import contextlib
import math
from collections.abc import Sequence
from typing import Any

from storage.records.job import Json

_ALWAYS_ALLOWED = 1000
"""A plan may have this many parts even if the file is small."""
_FACTOR = 4
"""A plan may have this many times the parts that were asked for."""


def check_plan(planned: Any, size: int, part_bytes: int) -> str | None:
    """Return what is wrong with the result of a plan step; None if it is a list of parts.

    `size` is that of the file, `part_bytes` the size of the parts that were asked for.
    """
    most = _ALWAYS_ALLOWED + _FACTOR * size // part_bytes
    if not isinstance(planned, list) or len(planned) > most:
        return f"a plan is a list of at most {most} parts"
    for part in planned:
        is_part = isinstance(part, dict) and part.keys() == {"spec", "progress"}
        if not is_part or not isinstance(part["progress"], dict):
            return "each part of a plan has a spec, and an object as progress"
    return None


def sum_progress(progresses: Sequence[Json]) -> Json:
    """Add up the progress of parts, name by name, also in nested objects.

    A name is left out unless it has numbers, or objects, in all the parts that report it. So are
    sums beyond the range of a double, which JSON cannot hold.
    """
    total: dict[str, Any] = {}
    for name in dict.fromkeys(name for progress in progresses for name in progress):
        values = [progress[name] for progress in progresses if name in progress]
        if all(isinstance(value, dict) for value in values):
            total[name] = sum_progress(values)
        elif all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
            with contextlib.suppress(OverflowError):  # an integer that no float can hold
                if math.isfinite(number := sum(values)):
                    total[name] = number
    return total

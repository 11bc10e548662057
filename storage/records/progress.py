"""Reads the progress that jobs report, such as `{"bytes_done": 10, "bytes_total": 50}`."""

from collections.abc import Iterator

from storage.records.json_values import JsonValue
from storage.records.states import Status


def shown_progress(status: str, progress: JsonValue) -> JsonValue:
    """Return the progress of a job; None for a succeeded job that has not reported the end.

    Reports come about once a second, so the last one of a job is often from before its end.
    """
    if status == Status.SUCCEEDED and any(done < total for _, done, total in steps(progress)):
        return None
    return progress


def steps(progress: JsonValue) -> Iterator[tuple[str, float, float]]:
    """Yield the unit, the finished and the total number of each pair of numbers in a progress."""
    for name, done in progress.items() if isinstance(progress, dict) else ():
        unit = name.removesuffix("_done")
        total = progress.get(f"{unit}_total")
        if unit != name and _is_count(done) and _is_count(total) and total > 0:
            yield unit, float(done), float(total)


def _is_count(value: JsonValue) -> bool:
    """Whether a value is a number from 0 on that a double can hold."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value < 1e300

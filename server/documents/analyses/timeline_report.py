"""Lines over time, and samples, as plain text."""

from collections.abc import Iterator, Mapping, Sequence

from server.documents.analyses.text_table import clean, shortened, width
from storage.records.counted import counted
from storage.records.json_values import JsonValue

CURVE_WIDTH = 100
"""Characters of a curve over time, at most."""
_HEIGHTS = " ▁▂▃▄▅▆▇█"

Document = Mapping[str, JsonValue]


def sample_lines(sample: str | Document) -> Iterator[str]:
    """Yield a sample or, with context, the lines around it, and its number."""
    if isinstance(sample, str):
        yield from _record("  ", sample)
        return
    for record in sample["before"]:
        yield from _record("    ", record)
    yield from _record(f"  {sample['line']}: ", sample["text"])
    for record in sample["after"]:
        yield from _record("    ", record)


def _record(head: str, text: str) -> Iterator[str]:
    """Yield a line, or the lines of a record below one another."""
    first, *others = text.split("\n")
    yield f"{head}{clean(first)}"
    yield from (f"{' ' * len(head)}{clean(line)}" for line in others)


def timeline_lines(timeline: Document, unit: str) -> Iterator[str]:
    """Yield a curve of all lines, and one of each pattern: a character for one or two bins.

    `unit` is what was counted: lines or records.
    """
    if not timeline["bins"]:
        yield from ("", "no line has a time")
        return
    one = unit.removesuffix("s")
    per_character = -(-timeline["bins"] // CURVE_WIDTH)
    seconds = timeline["bin_seconds"] * per_character
    yield from (
        "",
        f"{unit} over time from {timeline['start']}, {counted(seconds, 'second')} a character:",
    )
    yield from _curves({f"all {unit}": timeline["total"], **timeline["patterns"]}, per_character)
    if timeline["undated"]:
        yield f"and {counted(timeline['undated'], one)} before the first time"
    if "before" in timeline:
        before, after = timeline["before"], timeline["after"]
        yield f"and, far away from these times, {counted(before, one)} before and {after:,} after"


def field_curves(found: Document, timeline: Document, unit: str) -> Iterator[str]:
    """Yield the curves of a field: of percentiles, or of lines with each of the frequent values.

    A character has the largest percentile of its bins. Negative ones are shown as zero.
    """
    per_character = -(-timeline["bins"] // CURVE_WIDTH)
    if not found["p50"]:
        rows = {each["value"]: each["counts"] for each in found["top"]}
        yield from _curves({f"all {unit}": found["count"], **rows}, per_character)
        return
    for name in ("p50", "p95", "p99"):
        most = max((each for each in found[name] if each is not None), default=0.0)
        groups = _groups([max(0.0, each or 0.0) for each in found[name]], per_character)
        heights = [round(1000 * max(group) / most) if most > 0 else 0 for group in groups]
        yield f"{name}  {_curve(heights)}  at most {most:.6g}"


def _curves(rows: Mapping[str, Sequence[int]], per_character: int) -> Iterator[str]:
    """Yield a curve for each row of counts, with its name in front."""
    names = [shortened(name) for name in rows]
    widest = max(map(width, names))
    for name, curve in zip(names, rows.values(), strict=True):
        counts = [sum(group) for group in _groups(curve, per_character)]
        yield f"{name}{' ' * (widest - width(name))}  {_curve(counts)}  at most {max(counts):,}"


def _groups(values: Sequence[JsonValue], size: int) -> list[Sequence[JsonValue]]:
    return [values[at : at + size] for at in range(0, len(values), size)]


def _curve(counts: Sequence[int]) -> str:
    """A character for each count, as high as its part of the largest; a space for 0."""
    most = max(counts)
    return "".join(
        _HEIGHTS[-(-count * (len(_HEIGHTS) - 1) // most) if most else 0] for count in counts
    )

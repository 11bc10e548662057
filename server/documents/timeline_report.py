"""Lines over time, and samples, as plain text."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.documents.text_table import clean, shortened, width

CURVE_WIDTH = 100
"""Characters of a curve over time, at most."""
_HEIGHTS = " ▁▂▃▄▅▆▇█"

Document = Mapping[str, Any]


def sample_lines(sample: str | Document) -> Iterator[str]:
    """Yield a sample or, with context, the lines around it, and its number."""
    if isinstance(sample, str):
        yield f"  {clean(sample)}"
        return
    yield from (f"    {clean(line)}" for line in sample["before"])
    yield f"  {sample['line']}: {clean(sample['text'])}"
    yield from (f"    {clean(line)}" for line in sample["after"])


def timeline_lines(timeline: Document) -> Iterator[str]:
    """Yield a curve of all lines, and one of each pattern: a character for one or two bins."""
    if not timeline["bins"]:
        yield from ("", "no line has a time")
        return
    per_character = -(-timeline["bins"] // CURVE_WIDTH)
    seconds = timeline["bin_seconds"] * per_character
    yield from ("", f"lines over time from {timeline['start']}, {seconds:,} seconds a character:")
    names = ["all lines", *map(shortened, timeline["patterns"])]
    curves = [timeline["total"], *timeline["patterns"].values()]
    widest = max(map(width, names))
    for name, curve in zip(names, curves, strict=True):
        counts = [sum(curve[at : at + per_character]) for at in range(0, len(curve), per_character)]
        shown = _curve(counts)
        yield f"{name}{' ' * (widest - width(name))}  {shown}  at most {max(counts):,}"
    if timeline["undated"]:
        yield f"and {timeline['undated']:,} lines before the first time"
    if "before" in timeline:
        before, after = timeline["before"], timeline["after"]
        yield f"and, far away from these times, {before:,} lines before and {after:,} after"


def _curve(counts: Sequence[int]) -> str:
    """A character for each count, as high as its part of the largest; a space for 0."""
    most = max(counts)
    return "".join(
        _HEIGHTS[-(-count * (len(_HEIGHTS) - 1) // most) if most else 0] for count in counts
    )

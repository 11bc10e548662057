"""Bar charts as inline SVG: without scripts, for screens and for paper. Imports nothing of ours."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 720, 90
_TOP, _BOTTOM = 14, 16
MAX_BARS = 240
"""A chart of more values adds up neighbours."""


def bar_chart(title: str, values: Sequence[int], first: str, last: str) -> str:
    """Return a chart of values over time, with its maximum and the first and the last time.

    Its title is read aloud, and the numbers are in a table beside it.
    """
    shown = _condensed(values)
    most, step = max(shown, default=0), WIDTH / max(1, len(shown))
    height, base = HEIGHT - _TOP - _BOTTOM, HEIGHT - _BOTTOM
    bars = "".join(
        f"M{_number(index * step)} {base}v-{_number(max(1.0, height * value / most))}"
        f"h{_number(max(0.5, step - 0.5))}V{base}z"
        for index, value in enumerate(shown)
        if value
    )
    label = f"{title}: {sum(values):,} from {first} to {last}, at most {most:,} at once"
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(label)}"><path class="axis" d="M0 {base}.5H{WIDTH}"/>'
        f'<path class="bar" d="{bars}"/>'
        f'<text x="0" y="10">{most:,}</text><text x="0" y="{HEIGHT - 3}">{escape(first)}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 3}" text-anchor="end">{escape(last)}</text></svg>'
    )


def bar(share: float) -> str:
    """Return a bar for a cell of a table; a share of 1 fills it."""
    width = _number(100 * share)
    return (
        '<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="bar" d="M0 0h{width}v8H0z"/></svg>'
    )


def _condensed(values: Sequence[int]) -> list[int]:
    group = -(-len(values) // MAX_BARS) or 1
    return [sum(values[start : start + group]) for start in range(0, len(values), group)]


def _number(value: float) -> str:
    """The number with one decimal, without a zero at the end."""
    return f"{value:.1f}".removesuffix(".0")

"""Charts as inline SVG: without scripts, for screens and for paper. Imports nothing of ours."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 90
_TOP, _BOTTOM = 14, 16
_BASE = HEIGHT - _BOTTOM
MAX_BARS = 240
"""A chart of more values adds up neighbours."""


def bar_chart(title: str, values: Sequence[int], first: str, last: str) -> str:
    """Return a chart of values over time, with its maximum and the first and the last time.

    Its title is read aloud, and the numbers are in a table beside it.
    """
    shown = _condensed(values)
    most, step = max(shown, default=0), WIDTH / max(1, len(shown))
    height = _BASE - _TOP
    bars = "".join(
        f"M{_number(index * step)} {_BASE}v-{_number(max(1.0, height * value / most))}"
        f"h{_number(max(0.5, step - 0.5))}V{_BASE}z"
        for index, value in enumerate(shown)
        if value
    )
    label = f"{title}: {sum(values):,} from {first} to {last}, at most {most:,} at once"
    return _chart(label, f'<path class="bar" d="{bars}"/>', f"{most:,}", first, last)


def line_chart(
    title: str, series: Mapping[str, Sequence[float | None]], first: str, last: str
) -> str:
    """Return a chart of figures over time, a line for each name, from 0 or the least figure on.

    A line has a gap where a figure is missing. Its name is at the top.
    """
    known = [each for values in series.values() for each in values if each is not None]
    least, most = min([0.0, *known]), max([0.0, *known])
    scale = (_BASE - _TOP) / (most - least) if most > least else 0.0
    lines = "".join(
        f'<path class="line s{number}" d="{"".join(_line(values, least, scale))}"/>'
        f'<text class="s{number}" x="{WIDTH - 50 * (len(series) - number)}" y="10">'
        f"{escape(name)}</text>"
        for number, (name, values) in enumerate(series.items())
    )
    names = ", ".join(series)
    label = f"{title}: {names} from {first} to {last}, between {least:.6g} and {most:.6g}"
    return _chart(label, lines, f"{most:.6g}", first, last)


def _chart(label: str, drawing: str, most: str, first: str, last: str) -> str:
    """Return a drawing with its axis, its maximum, and the first and the last time."""
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="{escape(label)}"><path class="axis" d="M0 {_BASE}.5H{WIDTH}"/>{drawing}'
        f'<text x="0" y="10">{most}</text><text x="0" y="{HEIGHT - 3}">{escape(first)}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT - 3}" text-anchor="end">{escape(last)}</text></svg>'
    )


def _line(values: Sequence[float | None], least: float, scale: float) -> Iterator[str]:
    """Yield the steps of a line: each figure holds for the width of its bin."""
    step, is_open = WIDTH / max(1, len(values)), False
    for index, value in enumerate(values):
        if value is None:
            is_open = False
            continue
        y = _number(_BASE - scale * (value - least))
        yield f"{'V' if is_open else f'M{_number(index * step)} '}{y}H{_number((index + 1) * step)}"
        is_open = True


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

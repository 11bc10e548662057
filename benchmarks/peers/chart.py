"""Draws findings as bars in plain SVG, in the reader's light or dark color scheme."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.peers.contestant import Contestant
from benchmarks.peers.findings import FILLED, OURS, RESULT, RUN, SUBMIT, TRIP, Figure, Findings
from benchmarks.peers.table import number

FIGURES = (RUN, FILLED, TRIP, SUBMIT, RESULT)
WIDTH, LABELS, BARS = 760, 250, 420
ROW, BAR, GAP = 22, 14, 34
SYNCED, NOTE = "*", "what is accepted is on the disk before the answer"
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.theirs { fill: #8c959f }
.ours { fill: #1f6feb }
@media (prefers-color-scheme: dark) {
  text { fill: #d0d7de }
  .theirs { fill: #6e7681 }
  .ours { fill: #58a6ff }
}
"""


def chart(contestants: Sequence[Contestant], findings: Findings) -> str:
    """A panel for each figure that was measured, with a bar for each contestant that has it."""
    lines: list[str] = []
    height = 0
    for figure in FIGURES:
        values = [
            (each, value)
            for each in contestants
            if (value := findings.median(each.key, figure)) is not None
        ]
        if values:
            height += GAP
            lines += panel(figure, values, height)
            height += ROW * len(values)
    height += GAP
    lines.append(f'<text x="0" y="{height}">{SYNCED} {escape(NOTE)}</text>')
    height += GAP // 2
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", *lines, "</svg>", ""])


def panel(figure: Figure, values: Sequence[tuple[Contestant, float]], top: int) -> list[str]:
    """The bars of a figure below its title, whose baseline is at `top`."""
    better = "more" if figure.more_is_better else "less"
    title = escape(f"{figure.title}, {figure.unit} ({better} is better)")
    lines = [f'<text class="title" x="0" y="{top}">{title}</text>']
    most = max(value for _, value in values)
    for place, (contestant, value) in enumerate(values):
        y = top + 8 + ROW * place
        width = max(1.0, BARS * value / most)
        kind = "ours" if contestant.group == OURS else "theirs"
        label = escape(f"{contestant.title} {SYNCED}" if contestant.synced else contestant.title)
        lines += [
            f'<text x="{LABELS - 8}" y="{y + 12}" text-anchor="end">{label}</text>',
            f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{width:.1f}" height="{BAR}"/>',
            f'<text x="{LABELS + width + 6:.1f}" y="{y + 12}">{number(value)}</text>',
        ]
    return lines

"""Makes the logs: the same lines and labels for the same format, on any machine."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

from tests.support.loganalysis.log_corpus import (
    data,
    platform,
    services,
    software,
    system,
    tools,
    web,
)
from tests.support.loganalysis.log_corpus.headers import Header
from tests.support.loganalysis.log_corpus.values import fill

_FIRST: Mapping[str, tuple[Header, str]] = {
    **system.FORMATS,
    **web.FORMATS,
    **data.FORMATS,
    **platform.FORMATS,
    **software.FORMATS,
}
_SECOND: Mapping[str, tuple[Header, str]] = {**services.FORMATS, **tools.FORMATS}

FORMATS: Mapping[str, tuple[Header, str]] = {**_FIRST, **_SECOND}
"""By name: the header, and the templates, one a line after its level."""

HELD_BACK = (*sorted(_FIRST)[2::3], *sorted(_SECOND)[1::2])
"""Formats for measuring only: no rule for headers or templates is made by looking at them."""
_START = datetime(2026, 11, 25, tzinfo=UTC)


def make_log(name: str, lines: int = 600) -> tuple[list[bytes], list[int]]:
    """Lines of a format, and the number of the template of each."""
    rng = Random(name)
    header, text = FORMATS[name]
    templates = [line.partition(" ")[::2] for line in text.strip().splitlines()]
    weights = [1 / (rank + 1) for rank in range(len(templates))]
    now, made, labels = _START, list[bytes](), list[int]()
    for _ in range(lines):
        now += timedelta(seconds=rng.random() * 20)
        (label,) = rng.choices(range(len(templates)), weights)
        level, template = templates[label]
        made.append(header(rng, now, level, fill(template, rng)).encode())
        labels.append(label)
    return made, labels

"""Explanations as sentences, the same for all who show them."""

from collections.abc import Iterator

from loganalysis.read.json_values import Json


def reasons(explanation: Json, unit: str = "lines") -> Iterator[str]:
    """Yield a sentence for each cause, slow field, new template and template that has stopped.

    path /api/cart: 18,323 of 30,066 lines, 33.5 times its share elsewhere
    first seen at 2026-11-25T11:40:00.123Z: connection refused to <*>

    `unit` is what was counted: lines or records.
    """
    for cause in explanation["causes"]:
        name = f"{cause['field'] or cause['kind']} {cause['text']}"
        yield f"{name}: {_figures(cause, explanation, unit)}"
    for slow in explanation["slow"]:
        yield f"{slow['field']}: 95th percentile {slow['p95']:.4g} instead of {slow['usual']:.4g}"
    for name, what in (("first", "first seen"), ("stopped", "last seen")):
        for each in explanation[name]:
            yield f"{what} at {each['time']}: {each['template']}"


def _figures(cause: Json, explanation: Json, unit: str) -> str:
    inside, ratio = cause["inside"], cause["ratio"]
    if ratio is not None and ratio < 1:
        return f"{inside:,} {unit} instead of {cause['expected']:,.0f}"
    of_all = f"{inside:,} of {explanation['lines']:,} {unit}"
    return (
        f"{of_all}, none elsewhere"
        if ratio is None
        else f"{of_all}, {ratio:g} times its share elsewhere"
    )

"""Fields as a plain implementation finds and counts them, for comparison."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from loganalysis.fields.numbers import RELATIVE_ERROR
from loganalysis.formats import LogFormat

_NUMBER = re.compile(rb"-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?")


def number_of(value: bytes) -> float | None:
    """The number that a value is, within the limits of native/numbers.c."""
    found = _NUMBER.fullmatch(value)
    if not found:
        return None
    digits = (found[1] + (found[2] or b"")).lstrip(b"0")
    power = int(found[3] or 0) - len(found[2] or b"")
    if len(digits) > 19 or not -22 <= power <= 22:
        return None
    size = float(int(digits or b"0"))
    size = size / 10.0**-power if power < 0 else size * 10.0**power
    if size >= 2.0**64:
        return None
    return -size if value.startswith(b"-") else size


def lines_of(data: bytes) -> list[bytes]:
    """The lines of some data without their ends, and without empty ones."""
    lines = [line for line in data.split(b"\n") if line]
    return [line.removesuffix(b"\r").removeprefix(b"\xef\xbb\xbf") for line in lines]


def values_in(data: bytes, form: LogFormat, name: str) -> list[bytes]:
    """The values of a field, read by Python."""
    parts = (form.split(line) for line in lines_of(data))
    return [each.fields[name] for each in parts if each and name in each.fields]


def check_numbers(found: dict[str, Any] | None, values: Sequence[bytes]) -> None:
    """Compare the figures of numbers with exact ones."""
    numbers = sorted(each for each in map(number_of, values) if each is not None)
    if not numbers or 2 * len(numbers) < len(values):
        assert found is None
        return
    assert found is not None
    assert (found["count"], found["min"], found["max"]) == (len(numbers), numbers[0], numbers[-1])
    mean = float(sum(map(Fraction, numbers)) / len(numbers))
    assert math.isclose(found["mean"], mean, rel_tol=1e-15, abs_tol=2.0**-64)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        exact = numbers[int(share * (len(numbers) - 1))]
        assert abs(found[name] - exact) <= RELATIVE_ERROR * abs(exact) + 2.0**-64


def check_counts(found: dict[str, Any], values: Iterable[bytes], slack: int = 0) -> None:
    """Compare the count, the most frequent values and the number of distinct values.

    Fewer than 1,000 distinct values are never estimated, except in tests with little memory. The
    stated error is too small for them: `slack` is added.
    """
    exact = Counter(values)
    assert found["count"] == exact.total()
    error = found["distinct_error"] * len(exact)
    assert abs(found["distinct"] - len(exact)) <= error + slack
    by_text: dict[str, list[int]] = {}
    for key, count in exact.items():
        by_text.setdefault(key.decode(errors="replace"), []).append(count)
    for each in found["top"]:
        least = each["count"] - each["error"]
        assert any(least <= count <= each["count"] for count in by_text[each["value"]])
    counts = [each["count"] for each in found["top"]]
    assert counts == sorted(counts, reverse=True)

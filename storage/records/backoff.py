"""How long a job waits before its retries, as its submission says. Imports nothing of ours."""

from storage.records.json_values import JsonValue

LONGEST_WAIT_SECONDS = 3600
"""The longest wait before a retry."""
MAX_WAITS = 100
"""Most waits in a list: no job has more retries."""
_EXAMPLES = '30, [1, 10, 60] or {"base": 2, "factor": 2, "max": 600}'
_LIMITS = {"base": (0, LONGEST_WAIT_SECONDS), "factor": (1, 10), "max": (0, LONGEST_WAIT_SECONDS)}
_DEFAULTS = {"factor": 2, "max": LONGEST_WAIT_SECONDS}
_MAX_POWER = 250  # 10.0 ** 309 overflows a float


def seconds_before_retry(backoff: JsonValue, count: int) -> float:
    """Return the seconds before the n-th retry; `count` is n, from 1.

    `backoff` is a number for all retries; a list with one number for each, whose last number is
    repeated; or {"base", "factor", "max"} for base · factorⁿ⁻¹, at most max.
    """
    if isinstance(backoff, list):
        return float(backoff[min(count, len(backoff)) - 1])
    if not isinstance(backoff, dict):
        return float(backoff)
    grown = backoff["base"] * float(backoff["factor"]) ** min(count - 1, _MAX_POWER)
    return float(min(grown, backoff["max"]))


def _require_number(name: str, value: JsonValue, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{name} must be a number from {least} to {most}, for example {_EXAMPLES}")


def parse_backoff(value: JsonValue) -> JsonValue:
    """Check a backoff, and return it with its defaults. Raises ValueError with the reason."""
    if isinstance(value, list):
        if not 1 <= len(value) <= MAX_WAITS:
            raise ValueError(f"it must have 1 to {MAX_WAITS} waits, not {len(value)}")
        for each in value:
            _require_number("each wait", each, 0, LONGEST_WAIT_SECONDS)
        return value
    if not isinstance(value, dict):
        _require_number("it", value, 0, LONGEST_WAIT_SECONDS)
        return value
    if unknown := sorted(value.keys() - _LIMITS):
        raise ValueError(f"it has no {unknown[0][:50]!r}, only base, factor and max")
    if "base" not in value:
        raise ValueError(f"base is missing, for example {_EXAMPLES}")
    given = {**_DEFAULTS, **value}
    for name, limits in _LIMITS.items():
        _require_number(name, given[name], *limits)
    return given

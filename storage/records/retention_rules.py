"""Rules that say how long final jobs are kept: `failed:30d,type=analyze:12h,tag=audit:forever`."""

import re
from dataclasses import dataclass

from storage.records.states import FINAL

MAX_RULES = 20
MAX_KEEP_SECONDS = 100 * 366 * 86400
EXAMPLE = "failed:30d,type=analyze:12h"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"([0-9]{1,10}(?:\.[0-9]{1,6})?)([smhdw]?)")


@dataclass(frozen=True)
class RetentionRule:
    """A condition on final jobs, and how long after its end a job that matches it is kept.

    status, type, tag: what a job must have; None for any. `keep_ms` is None for forever.
    """

    keep_ms: int | None
    status: str | None = None
    type: str | None = None
    tag: str | None = None


def parse_rules(text: str) -> tuple[RetentionRule, ...]:
    """Parse rules that are separated by commas. Raises ValueError, which names the wrong ones."""
    given = [each.strip() for each in text.split(",") if each.strip()]
    if len(given) > MAX_RULES:
        raise ValueError(f"it has {len(given)} rules, at most {MAX_RULES} are allowed")
    rules: list[RetentionRule] = []
    errors: list[str] = []
    for each in given:
        try:
            rules.append(_parse(each))
        except ValueError as error:
            errors.append(str(error))
    if errors:
        raise ValueError("; ".join(errors))
    return tuple(rules)


def _parse(text: str) -> RetentionRule:
    condition, colon, duration = text.rpartition(":")
    if not colon:
        raise ValueError(f"{text!r} is not CONDITION:DURATION, for example {EXAMPLE}")
    keep_ms = _keep_ms(text, duration.strip().lower())
    name, equals, value = (each.strip() for each in condition.partition("="))
    if not equals and name in FINAL:
        return RetentionRule(keep_ms, status=name)
    if name in ("type", "tag") and value:
        return RetentionRule(keep_ms, **{name: value})
    known = ", ".join(sorted(FINAL))
    raise ValueError(f"{text!r} must begin with one of {known}, or with type=NAME or tag=NAME")


def _keep_ms(rule: str, duration: str) -> int | None:
    if duration == "forever":
        return None
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(f"{rule!r} must end with a duration such as 90s, 12h, 30d, or forever")
    if not found[2]:
        raise ValueError(
            f"{rule!r} has no unit after {found[1]}: add s, m, h, d or w, for example {found[1]}d"
        )
    seconds = float(found[1]) * _SECONDS[found[2]]
    if seconds > MAX_KEEP_SECONDS:
        raise ValueError(f"{rule!r} is longer than 100 years: use forever")
    return round(seconds * 1000)

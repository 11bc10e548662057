"""Quotas: limits of single callers, as options of their tokens or in CALLER_QUOTAS.

    ci:submit queued=1000 bytes=10GB requests=50:sha256:HEX
    CALLER_QUOTAS=queued=1000 bytes=10GB requests=50

`unlimited` as a value lifts a limit that CALLER_QUOTAS or RATE_LIMIT sets for others. No message
repeats a value: in a malformed entry, it could be a token.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache

from storage.settings.settings import parse_size

UNLIMITED = "unlimited"
MAX_REQUESTS = 10**6
MAX_BYTES = 2**60
_UNITS = {"TB": 1024**4, "GB": 1024**3, "MB": 1024**2, "KB": 1024}
_WHOLE = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Quotas:
    """The limits of a caller. None is a limit that is not given, and infinity is none at all."""

    queued: float | None = None
    """Jobs of the caller that may be queued at once."""
    bytes: float | None = None
    """Bytes that the files of the caller's jobs and its resumable uploads may have."""
    requests: float | None = None
    """Requests per second."""

    def __bool__(self) -> bool:
        """Whether any limit is given."""
        return any(value is not None for value in vars(self).values())

    def __str__(self) -> str:
        """The options that `quotas_of` reads."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return " ".join(f"{name}={_text(name, value)}" for name, value in given.items())

    def document(self) -> dict[str, float | str | None]:
        """Return the limits as JSON has them: null if they are not given, or `unlimited`."""
        return {
            name: UNLIMITED if value == math.inf else value for name, value in vars(self).items()
        }


NAMES = tuple(field.name for field in fields(Quotas))
EXAMPLE = "queued=1000 bytes=10GB requests=50"


@lru_cache(1024)
def merged(own: Quotas, default: Quotas) -> Quotas:
    """Return the limits of a caller, with the default of each that it has not."""
    values = {
        name: vars(default)[name] if value is None else value for name, value in vars(own).items()
    }
    return Quotas(**values)


def split_options(options: Iterable[str], known: Iterable[str], problem: str) -> dict[str, str]:
    """Return the values of options such as `requests=50`, by name.

    Raises ValueError, for an unknown option with the text `problem`.
    """
    values: dict[str, str] = {}
    for option in filter(None, options):
        name, _, value = option.partition("=")
        if name not in known:
            raise ValueError(problem)
        if "," in value:
            raise ValueError("options are separated by spaces, not by commas")
        if name in values:
            raise ValueError(f"{name}= is given twice")
        values[name] = value
    return values


def quotas_of(values: Mapping[str, str]) -> Quotas:
    """Return the quotas among options; their values are given by name. Raises ValueError."""
    quotas: dict[str, float] = {}
    for name in NAMES:
        try:
            quotas |= {name: parse_quota(name, values[name])} if name in values else {}
        except ValueError as error:
            raise ValueError(f"{name}=: {error}") from None
    return Quotas(**quotas)


def parse_quotas(text: str) -> Quotas:
    """Parse the value of CALLER_QUOTAS. Raises ValueError."""
    return quotas_of(split_options(text.split(), NAMES, f"the quotas are {EXAMPLE}"))


def parse_quota(name: str, text: str) -> float:
    """Parse the value of one option. Raises ValueError."""
    if text == UNLIMITED:
        return math.inf
    if name == "queued":
        if not (_WHOLE.fullmatch(text) and int(text)):
            raise ValueError(f"it must be a number of jobs from 1 to 999999999, or {UNLIMITED}")
        return int(text)
    if name == "bytes":
        return _parse_bytes(text)
    value = float(text) if _NUMBER.fullmatch(text) else 0.0
    if not 0 < value <= MAX_REQUESTS:
        what = f"a number of requests per second, above 0 and at most {MAX_REQUESTS}"
        raise ValueError(f"it must be {what}, or {UNLIMITED}")
    return value


def _parse_bytes(text: str) -> int:
    try:
        size = int(parse_size(text))
    except ValueError:
        size = 0
    if not 0 < size <= MAX_BYTES:
        raise ValueError(f"it must be a number of bytes, such as 500MB, 10GB, or {UNLIMITED}")
    return size


def _text(name: str, value: float) -> str:
    """Return a limit as `parse_quota` reads it."""
    if value == math.inf:
        return UNLIMITED
    if name == "bytes":
        unit = next((each for each in _UNITS if not value % _UNITS[each]), "")
        return f"{int(value) // _UNITS.get(unit, 1)}{unit}"
    return str(int(value)) if value == int(value) else repr(value)

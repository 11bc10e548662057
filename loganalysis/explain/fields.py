"""Chooses fields of a file that can explain a burst: values that repeat, and one duration.

The lines of a sample tell the format, and the values of each field. A field with a new value in
nearly every line explains nothing, and one that always has the same value seldom does. Names that
usually tell where or what come first: status, path, host, service, client and the like.
"""

import re
from collections.abc import Sequence

from loganalysis.formats import detect
from loganalysis.formats.key_values import LEVELS, MESSAGES, TIMES

MOST_FIELDS = 5
_USUAL = (
    *("status", "path", "host", "service", "client", "server", "upstream", "vhost", "program"),
    *("logger", "component", "module", "container", "pod", "app", "method", "user", "database"),
)
_OTHER = frozenset((*TIMES, *LEVELS, *MESSAGES, "priority", "pid", "thread", "line", "ident"))
_DURATION = re.compile(
    r"(?i)(?:^|[_.])(?:seconds|duration|elapsed|latency|took|response_time|request_time|ms)"
    r"(?:$|[_.](?:ms|s|seconds))"
)
_MOST_DISTINCT = 0.7
"""Of the lines that have a field: with more different values it is an identifier."""
_LEAST_LINES = 0.02
"""The least share of lines that have a field."""


def fields_that_explain(lines: Sequence[bytes], modified: float | None) -> list[str]:
    """The names of at most MOST_FIELDS fields of these lines, the most usual names first.

    `modified` is the time of the file in epoch seconds, see `formats.detect`.
    """
    form = detect(lines, modified)
    values: dict[str, list[bytes]] = {}
    for line in lines:
        parts = form.split(line)
        for name, value in (parts.fields if parts else {}).items():
            values.setdefault(name, []).append(value)
    known = [name for name, found in values.items() if len(found) >= _LEAST_LINES * len(lines)]
    groups = [name for name in known if name not in _OTHER and _is_group(values[name])]
    groups.sort(key=lambda name: (len(set(values[name])) < 2, _rank(name), len(set(values[name]))))
    durations = [name for name in known if _DURATION.search(name)][:1]
    return [*groups[: MOST_FIELDS - len(durations)], *durations]


def _rank(name: str) -> int:
    last = name.rpartition(".")[2].rpartition("_")[2].lower()
    return _USUAL.index(last) if last in _USUAL else len(_USUAL)


def _is_group(values: Sequence[bytes]) -> bool:
    """Whether values repeat. Numbers with a fraction, and long texts, are measures or messages."""
    distinct = set(values)
    if any(len(value) > 100 for value in distinct):
        return False
    is_measure = sum(re.fullmatch(rb"-?\d+\.\d+", value) is not None for value in values)
    is_number = sum(value.isdigit() for value in values) * 2 > len(values)
    if is_measure * 2 > len(values) or (is_number and len(distinct) > 30):
        return False
    return len(distinct) <= max(_MOST_DISTINCT * len(values), 20)

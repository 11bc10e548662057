"""Keeps the result of an analysis below the limit of a job's result, whatever the file contains.

All numbers in a result are bounded. Texts are long only in samples, with the lines around them, and
in the values of fields; control characters take six bytes in JSON. If the result is too large, the
larger one of these two parts is cut: texts to half the characters, values to half their number. A
text that is cut ends with `…`, and a warning names the parts that are cut.
"""

import json
from collections.abc import Callable

from loganalysis.read.json_values import Json, JsonValue

MAX_BYTES = 15 << 20
"""Of a result as JSON. The limit of a job is 16 MiB."""
_MOST_CHARACTERS, _MOST_VALUES = 512, 512
"""Of a text of a sample, and values of a field, when a part is cut for the first time."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def shorten(report: Json, max_bytes: int = MAX_BYTES) -> None:
    """Cut the samples and the values of fields of a result until it has `max_bytes` or less."""
    sizes = {name: _size(value) for name, value in report.items()}
    cutters: dict[str, tuple[Callable[[JsonValue, int], None], int]] = {
        "samples": (_cut_samples, _MOST_CHARACTERS),
        "fields": (_cut_fields, _MOST_VALUES),
    }
    left = {name: most for name, (_, most) in cutters.items() if name in report}
    cut: list[str] = []
    while left and sum(sizes.values()) > max_bytes:
        name = max(left, key=lambda each: sizes[each])
        cutters[name][0](report[name], left[name])
        sizes[name] = _size(report[name])
        cut += [name] if name not in cut else []
        left[name] //= 2
        if not left[name]:
            del left[name]
    if cut:
        message = f"the result would be too large: {' and '.join(cut)} are cut"
        report["warnings"] = [*report["warnings"], {"code": "result_cut", "message": message}]


def _size(value: JsonValue) -> int:
    """The bytes of a value as JSON. Each member is encoded alone, so that little memory is used."""
    if isinstance(value, dict):
        return sum(len(_encode(each).encode()) + _size(key) + 2 for key, each in value.items())
    return len(_encode(value).encode())


def _cut_samples(samples: dict[str, list[JsonValue]], most: int) -> None:
    for found in samples.values():
        found[:] = [_cut_sample(each, most) for each in found]


def _cut_sample(sample: JsonValue, most: int) -> JsonValue:
    """A sample, which is a text or an object, with texts of at most `most` characters and `…`."""
    if isinstance(sample, str):
        return sample if len(sample) <= most + 1 else f"{sample[:most]}…"
    around = {name: [_cut_sample(line, most) for line in sample[name]] for name in _AROUND}
    return {**sample, "text": _cut_sample(sample["text"], most), **around}


_AROUND = ("before", "after")


def _cut_fields(fields: dict[str, Json], most: int) -> None:
    for found in fields.values():
        del found["top"][most:]

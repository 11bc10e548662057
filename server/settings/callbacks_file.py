"""Reads CALLBACKS_FILE: a JSON object of callbacks for all jobs, by their names.

{"ops": {"url": "https://hooks.example.org/jobs", "status": "failed", "tag": ["nightly"]}}
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from server.http import strict_json
from storage.records.json_values import Json, JsonValue
from storage.records.queue_name import validate_queue_name
from storage.records.service_callback import ServiceCallback
from storage.records.states import FINAL

MAX_BYTES = 1024**2
MAX_CALLBACKS = 100
MAX_VALUES = 50
MAX_LENGTH = 200
"""Most characters of a value of a filter, and 2,000 of a URL."""
MAX_URL_LENGTH = 2000
MAX_SHOWN = 10
"""How many errors are reported."""
FILTERS = {"status": "statuses", "type": "types", "queue": "queues", "tag": "tags"}
FIELDS = ("url", *FILTERS)
EXAMPLE = '{"ops": {"url": "https://hooks.example.org/jobs", "status": ["failed"]}}'


def read_callbacks(path: Path) -> dict[str, ServiceCallback]:
    """Return the callbacks in a file by their names.

    Raises ValueError, which says what is wrong, with the name and the field, one in each line.
    """
    document = _parse(path)
    errors = [*_errors(document)]
    if errors:
        more = [f"and {len(errors) - MAX_SHOWN} more"] if len(errors) > MAX_SHOWN else []
        raise ValueError("; ".join([*errors[:MAX_SHOWN], *more]))
    return {name: _callback(given) for name, given in document.items()}


def _parse(path: Path) -> Json:
    try:
        document = strict_json.read_file(path, MAX_BYTES)
        if not isinstance(document, dict):
            raise ValueError(
                f"it must be an object of callbacks by their names, for example {EXAMPLE}"
            )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return document


def _errors(document: Mapping[str, JsonValue]) -> Iterator[str]:
    if len(document) > MAX_CALLBACKS:
        yield f"it has {len(document)} callbacks, at most {MAX_CALLBACKS} are allowed"
        return
    for name, given in document.items():
        try:
            validate_queue_name(name)
        except ValueError as error:
            yield f"the name {name[:100]!r}: {error}"
        if not isinstance(given, dict):
            yield f"{name[:100]}: it must be an object, for example {EXAMPLE}"
            continue
        for field, reason in _field_errors(given):
            yield f"{name[:100]}: {field}: {reason}"


def _field_errors(given: Mapping[str, JsonValue]) -> Iterator[tuple[str, str]]:
    for field in given:
        if field not in FIELDS:
            yield field[:100], f"unknown field; the known ones are {', '.join(FIELDS)}"
    if reason := _url_error(given.get("url")):
        yield "url", reason
    for field in FILTERS:
        if field in given and (reason := _filter_error(field, given[field])):
            yield field, reason


def _url_error(url: JsonValue) -> str | None:
    example = "a URL such as https://hooks.example.org/jobs, without a user or a fragment"
    if not isinstance(url, str) or not url.isprintable() or " " in url:
        return f"it must be {example}"
    if len(url) > MAX_URL_LENGTH:
        return f"it has {len(url)} characters, at most {MAX_URL_LENGTH} are allowed"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return f"it must be {example}"
    is_plain = parts.scheme in {"http", "https"} and host and "@" not in parts.netloc
    return None if is_plain and not parts.fragment else f"it must be {example}"


def _filter_error(field: str, given: JsonValue) -> str | None:
    values = [given] if isinstance(given, str) else given
    example = "failed" if field == "status" else "nightly"
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        return f'it must be a text or a list of texts, for example "{example}"'
    if not 1 <= len(values) <= MAX_VALUES:
        return f"it has {len(values)} values, 1 to {MAX_VALUES} are allowed"
    if not all(1 <= len(each) <= MAX_LENGTH for each in values):
        return f"each value must have 1 to {MAX_LENGTH} characters"
    if field == "status" and (wrong := sorted({*values} - FINAL)):
        known = ", ".join(sorted(FINAL))
        return f"{wrong[0]!r} is none of the statuses with which jobs end: {known}"
    return None


def _callback(given: Mapping[str, JsonValue]) -> ServiceCallback:
    values = {
        name: frozenset([given[field]] if isinstance(given[field], str) else given[field])
        for field, name in FILTERS.items()
        if field in given
    }
    return ServiceCallback(given["url"], **values)

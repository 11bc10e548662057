"""The messages about the end of a call: from a job process to its keeper, and on to the pool.

A library inside the job process may be compromised, so nothing of it is trusted: names, types,
ranges, sizes and JSON are checked in the keeper. The pool checks what the keeper passes on again,
because the keeper runs as the same user as the job. Each call has a nonce, a random text that the
job process gets with the call. A message with another nonce is late or forged.

    job process ─▶ keeper   {"kind": "progress", "nonce", "text": JSON of an object}
                            {"kind": "returned", "nonce", …usage}      + body: JSON of the result
                            {"kind": "raised" | "out_of_memory", "nonce", …usage, …error}
                                                                       + body: the traceback
    keeper ─▶ pool          {"kind": "outcome", "call_id", "outcome": fields of AttemptOutcome}
                                                                       + one of these bodies
"""

import re
import secrets
from collections.abc import Callable, Collection, Mapping
from itertools import chain, islice
from typing import get_args

import orjson

from runner.pool.protocol import messages
from storage.records.attempt_outcome import AttemptOutcome, Kind
from storage.records.json_values import JsonValue

TYPE_LENGTH = 200
MESSAGE_LENGTH = 4000
TRACEBACK_BYTES = 16384
MAX_INTEGER = 2**53
"""Every reader of JSON, and both databases, can hold integers up to this one exactly."""
MAX_LEVELS = 100
"""How deep arrays and objects of JSON may be nested."""
MAX_VALUES = 1_000_000
"""How many values JSON may contain: millions of empty arrays would take 27 times its size."""
RESULT_LOST = "the result could not be received: too many open files"
"""The kernel has dropped the descriptor of the result."""
_MAX_SECONDS = 1e10
_MAX_PID = 2**22
_STRING_OR_VALUE = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]', re.DOTALL)

Fields = Mapping[str, JsonValue]


class InvalidMessage(ValueError):
    """A message that an honest process would not send. The text says why."""


_RETURNED = frozenset({"kind", "nonce", "cpu_seconds", "peak_memory_bytes", "memory_bytes"})
_FAILED = _RETURNED | {"error_type", "error_message", "retryable"}
_NAMES = {
    "progress": {"kind", "nonce", "text"},
    "returned": _RETURNED,
    "raised": _FAILED,
    "out_of_memory": _FAILED,
}
"""The fields of each message of a job process."""
_KINDS = frozenset(get_args(Kind))
_DEFAULTS = AttemptOutcome("killed")._asdict()
del _DEFAULTS["result"], _DEFAULTS["traceback"]
"""The fields of an outcome in a message. Those without a value may be None."""


def new_nonce() -> str:
    """Return a new nonce."""
    return secrets.token_hex(16)


def read_answer(
    message: messages.Message, nonce: str, max_result_bytes: int
) -> str | tuple[AttemptOutcome, int]:
    """Return the progress in a message of a job process, as JSON text. If the message is the answer
    to the call, return its outcome, and the memory in bytes that the process holds now.

    Frees the body. Raises ValueError, mostly InvalidMessage.
    """
    body = _read_body(message, max_result_bytes)
    values = message.fields
    kind = choice(values, "kind", _NAMES)
    if values.keys() != _NAMES[kind]:
        raise InvalidMessage(f"its fields are not {', '.join(sorted(_NAMES[kind]))}")
    if values["nonce"] != nonce:
        raise InvalidMessage("it belongs to no running call")
    if kind == "progress":
        if body is not None:
            raise InvalidMessage("progress has no body")
        return check_progress(values)
    outcome = {name: value for name, value in values.items() if name in _DEFAULTS}
    for name in ("cpu_seconds", "peak_memory_bytes"):
        field(values, name)  # without a value only in an outcome of the keeper
    return _outcome(outcome, message, body, max_result_bytes), field(values, "memory_bytes")


def read_outcome(message: messages.Message, max_result_bytes: int) -> AttemptOutcome:
    """Return the outcome in a keeper's message, and free its body.

    Raises ValueError, mostly InvalidMessage.
    """
    body = _read_body(message, max_result_bytes)
    received = message.fields.get("outcome")
    if not isinstance(received, dict) or not received.keys() <= _DEFAULTS.keys():
        raise InvalidMessage("it has no outcome")
    return _outcome(received, message, body, max_result_bytes)


def _outcome(
    received: Fields, message: messages.Message, body: bytes | None, max_result_bytes: int
) -> AttemptOutcome:
    values = {**_DEFAULTS, **received}
    kind = choice(values, "kind", _KINDS)
    result = traceback = None
    if kind != "returned":
        traceback = None if body is None else _traceback(body)
    elif body is not None:
        result = _result(body, max_result_bytes)
    elif message.body_lost:
        kind = values["kind"] = "lost"
        values |= {"error_type": "Lost", "error_message": RESULT_LOST}
    else:
        raise InvalidMessage("it has no result")
    has_error = kind not in ("returned", "killed")
    for name, value in values.items():
        if name in ("error_type", "error_message"):
            values[name] = field(values, name) if has_error else None
        elif name != "kind" and (value is not None or _DEFAULTS[name] is not None):
            field(values, name)
    return AttemptOutcome(**values, result=result, traceback=traceback)


def choice(values: Fields, name: str, allowed: Collection[str]) -> str:
    """Return a field that is one of the allowed texts. Raises InvalidMessage."""
    value = values.get(name)
    if not isinstance(value, str) or value not in allowed:
        raise InvalidMessage(f"{name} is not one of {', '.join(sorted(allowed))}")
    return value


def field(values: Fields, name: str) -> JsonValue:
    """Return a field with a known name. Raises InvalidMessage if its value is not allowed."""
    value, (is_allowed, what) = values.get(name), _FIELDS[name]
    if not is_allowed(value):
        raise InvalidMessage(f"{name} is not {what}")
    return value


def check_progress(values: Fields) -> str:
    """Return the progress in a message, as JSON text. Raises InvalidMessage."""
    progress: str = field(values, "text")
    if not isinstance(_parse(progress.encode(), "progress"), dict):
        raise InvalidMessage("progress is not a JSON object")
    return progress


def parse_json(text: bytes) -> JsonValue:
    """Return the value of JSON text in UTF-8, as strictly as every later reader.

    Accepted text is stored unchanged. A listener parses it with Python's json, whose recursion is
    limited, and encodes it again for clients, which need finite numbers and valid Unicode. Raises
    ValueError if it is not JSON, or if it contains NaN, an infinite number, an integer beyond the
    range of a double, a lone surrogate, too many levels or too many values.
    """
    if len(text) > MAX_VALUES and _has_too_many_values(text):
        raise ValueError(f"more than {MAX_VALUES} values")
    value = orjson.loads(text)
    brackets = text.count(b"[") + text.count(b"{") if len(text) > MAX_LEVELS else 0
    if brackets > MAX_LEVELS and _levels(value) > MAX_LEVELS:
        raise ValueError(f"nested deeper than {MAX_LEVELS} levels")
    return value


def _read_body(message: messages.Message, max_result_bytes: int) -> bytes | None:
    if message.body is None:
        return None
    return messages.read_bytes(message.body, max(max_result_bytes, TRACEBACK_BYTES))


def _result(body: bytes, max_bytes: int) -> str:
    if len(body) > max_bytes:
        raise InvalidMessage(f"the result has {len(body)} bytes, more than {max_bytes}")
    _parse(body, "the result")
    return body.decode()


def _traceback(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidMessage("the traceback is not UTF-8") from None
    if len(body) > TRACEBACK_BYTES or "\0" in text:
        raise InvalidMessage(f"the traceback is not text of up to {TRACEBACK_BYTES} bytes")
    return text


def _parse(text: bytes, what: str) -> JsonValue:
    try:
        return parse_json(text)
    except ValueError as error:
        raise InvalidMessage(f"{what} is not JSON: {error}") from None


def _has_too_many_values(text: bytes) -> bool:
    """Return whether more than MAX_VALUES values begin: after a bracket, a brace or a comma."""
    if text.count(b",") + text.count(b"[") + text.count(b"{") <= MAX_VALUES:
        return False  # some of these may be inside strings, which only a slow search can tell
    matches = _STRING_OR_VALUE.finditer(text)
    begins = (match for match in matches if text[match.start()] != ord('"'))
    return any(True for _ in islice(begins, MAX_VALUES, None))


def _levels(value: JsonValue) -> int:
    """Return how deep a value is nested, without recursion."""
    levels, inner = 0, [value]
    while containers := [each for each in inner if isinstance(each, dict | list)]:
        levels += 1
        values = (each.values() if isinstance(each, dict) else each for each in containers)
        inner = list(chain.from_iterable(values))
    return levels


Check = tuple[Callable[[JsonValue], bool], str]
"""Whether a value is allowed, and what an allowed value is."""


def _text(most: int) -> Check:
    """Text without NUL, which PostgreSQL refuses."""
    return (
        lambda value: isinstance(value, str) and len(value) <= most and "\0" not in value,
        f"text of up to {most} characters without NUL",
    )


def _integer(highest: int = MAX_INTEGER) -> Check:
    return (
        lambda value: type(value) is int and 0 <= value <= highest,
        f"an integer from 0 to {highest}",
    )


_FLAG: Check = (lambda value: isinstance(value, bool), "true or false")
_SECONDS: Check = (
    # NaN compares false.
    lambda value: type(value) in (int, float) and 0 <= value <= _MAX_SECONDS,
    "a number of seconds",
)
_FIELDS: Mapping[str, Check] = {
    "text": _text(messages.MESSAGE_BYTES),
    "error_type": _text(TYPE_LENGTH),
    "error_message": _text(MESSAGE_LENGTH),
    "retryable": _FLAG,
    "not_at_fault": _FLAG,
    "has_files": _FLAG,
    "seconds": _SECONDS,
    "cpu_seconds": _SECONDS,
    "peak_memory_bytes": _integer(),
    "memory_bytes": _integer(),
    "pid": _integer(_MAX_PID),
    "position": _integer(),
    "size": _integer(),
}
"""What the fields of messages may hold. The limits are those of the database and of JSON's readers;
no true value reaches them."""

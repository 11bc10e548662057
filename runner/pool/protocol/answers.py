"""What a job process sends to its keeper: progress, and the answer that ends a call.

A library inside the job process may be compromised, so nothing of it is trusted: names, types,
ranges, sizes and JSON are checked here, in the keeper. Each call has a nonce, a random text that
the job process gets with the call. A message with another nonce is late or forged.

    {"kind": "progress", "nonce", "text": JSON of an object}
    {"kind": "returned", "nonce", …usage}                           + body: JSON of the result
    {"kind": "raised" | "out_of_memory", "nonce", …usage, …error}   + body: the traceback
"""

import secrets
from typing import Any, NamedTuple

from runner.pool.protocol import fields, messages
from runner.pool.protocol.fields import Fields, InvalidMessage
from runner.pool.protocol.json_text import parse_json

TYPE_LENGTH = 200
MESSAGE_LENGTH = 4000
TRACEBACK_BYTES = 16384
_RETURNED = frozenset({"kind", "nonce", "cpu_seconds", "peak_memory_bytes", "memory_bytes"})
_FAILED = _RETURNED | {"error_type", "error_message", "retryable"}
_NAMES = {
    "progress": {"kind", "nonce", "text"},
    "returned": _RETURNED,
    "raised": _FAILED,
    "out_of_memory": _FAILED,
}


class Answer(NamedTuple):
    """The checked answer to a call."""

    kind: str
    cpu_seconds: float
    peak_memory_bytes: int
    memory_bytes: int
    error: tuple[str, str] | None = None
    """The type and message of the error, unless the call returned."""
    retryable: bool = True
    body: bytes | None = None
    """The JSON text of the result, or the traceback of the error; None if it was lost because too
    many descriptors were open."""


def new_nonce() -> str:
    """Return a new nonce."""
    return secrets.token_hex(16)


def read(message: messages.Message, nonce: str, max_result_bytes: int) -> str | Answer:
    """Return the progress, as JSON text, or the answer that a message contains.

    Frees its body. Raises ValueError, mostly InvalidMessage.
    """
    most = max(max_result_bytes, TRACEBACK_BYTES)
    body = None if message.body is None else messages.read_bytes(message.body, most)
    kind = fields.choice(message.fields, "kind", _NAMES)
    fields.require_names(message.fields, _NAMES[kind])
    if message.fields["nonce"] != nonce:
        raise InvalidMessage("it belongs to no running call")
    if kind != "progress":
        return _read_answer(message, kind, body, max_result_bytes)
    if body is not None:
        raise InvalidMessage("progress has no body")
    return check_progress(message.fields)


def _read_answer(
    message: messages.Message, kind: str, body: bytes | None, max_result_bytes: int
) -> Answer:
    values = message.fields
    usage = (
        fields.seconds(values, "cpu_seconds"),
        fields.integer(values, "peak_memory_bytes"),
        fields.integer(values, "memory_bytes"),
    )
    if kind != "returned":
        if body is not None:
            check_traceback(body)
        error = check_error(values)
        return Answer(kind, *usage, error, fields.flag(values, "retryable"), body)
    if body is not None:
        check_result(body, max_result_bytes)
    elif not message.body_lost:
        raise InvalidMessage("it has no result")
    return Answer(kind, *usage, body=body)


def check_progress(values: Fields) -> str:
    """Return the progress in a message, as JSON text. Raises InvalidMessage."""
    progress = fields.text(values, "text", messages.MESSAGE_BYTES)
    if not isinstance(_parse(progress.encode(), "progress"), dict):
        raise InvalidMessage("progress is not a JSON object")
    return progress


def check_error(values: Fields) -> tuple[str, str]:
    """Return the type and message of the error in a message. Raises InvalidMessage."""
    error_type = fields.text(values, "error_type", TYPE_LENGTH)
    return error_type, fields.text(values, "error_message", MESSAGE_LENGTH)


def check_result(body: bytes, max_bytes: int) -> None:
    """Check that a body is the JSON text of a result. Raises InvalidMessage."""
    if len(body) > max_bytes:
        raise InvalidMessage(f"the result has {len(body)} bytes, more than {max_bytes}")
    _parse(body, "the result")


def check_traceback(body: bytes) -> str:
    """Return the traceback in a body. Raises InvalidMessage."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidMessage("the traceback is not UTF-8") from None
    if len(body) > TRACEBACK_BYTES or "\0" in text:
        raise InvalidMessage(f"the traceback is not text of up to {TRACEBACK_BYTES} bytes")
    return text


def _parse(text: bytes, what: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise InvalidMessage(f"{what} is not JSON: {error}") from None

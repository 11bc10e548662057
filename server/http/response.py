"""The headers that all responses have, and how documents and whole responses become bytes."""

import json
from collections.abc import Mapping
from http.client import responses
from typing import Any

HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
"""Of every response: JSON, and nothing that a browser would guess, run, or show in a frame."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "))


def encode(document: Any) -> bytes:
    """JSON in UTF-8, with a newline for those who read it at a terminal."""
    return _JSON.encode(document).encode() + b"\n"


def http_answer(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole answer of HTTP/1.1, with the length of its body."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    start = f"HTTP/1.1 {status} {responses[status]}\r\n"
    return f"{start}{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body

"""Responses as bytes: the default headers, JSON bodies, and whole HTTP/1.1 responses.

Imports nothing of ours.
"""

import json
from collections.abc import Mapping
from http.client import responses
from typing import Any

DEFAULT_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Headers of every response. Browsers may not guess its type, run it, or show it in a frame. No
cache may keep it; only the files of the front end have another Cache-Control."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "))


def encode_json(document: Any) -> bytes:
    """Encode a document as JSON in UTF-8. It ends with a newline, for use at a terminal."""
    return _JSON.encode(document).encode() + b"\n"


def http_response(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole HTTP/1.1 response. Content-Length is added to the headers."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    start = f"HTTP/1.1 {status} {responses[status]}\r\n"
    return f"{start}{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body

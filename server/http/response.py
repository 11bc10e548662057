"""Responses as bytes, and the headers of all responses: the default ones and the id of the request.

Imports nothing of ours.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from http.client import responses
from random import getrandbits

HEADER = "X-Request-Id"
MAX_LENGTH = 128
_VALID = re.compile(f"[A-Za-z0-9._:/+=@~-]{{1,{MAX_LENGTH}}}")
"""No spaces, quotes or line breaks, so that an id cannot imitate other text in a log."""
JSON_TYPE = "application/json; charset=utf-8"
DEFAULT_HEADERS = {
    "Content-Type": JSON_TYPE,
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every response. Browsers may not guess its type, run it, or show it in a frame or as a
part of a page of another origin. No cache may keep it; only the files of the front end have another
Cache-Control."""
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "))


def given_request_id(headers: Mapping[str, str]) -> str | None:
    """Return the id that the client chose. None without one, or if it is not valid."""
    given = headers.get(HEADER)
    return given if given is not None and _VALID.fullmatch(given) else None


def new_request_id() -> str:
    """Draw an id: 16 hexadecimal digits."""
    return f"{getrandbits(64):016x}"


def encode_json(document: object) -> bytes:
    """Encode a document as JSON in UTF-8. It ends with a newline, for use at a terminal."""
    return _JSON.encode(document).encode() + b"\n"


def etag_of(body: bytes) -> str:
    """Return the entity tag of a response body."""
    return f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'


def http_response(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """A whole HTTP/1.1 response. Content-Length is added to the headers."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    start = f"HTTP/1.1 {status} {responses[status]}\r\n"
    return f"{start}{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body

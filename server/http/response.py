"""Responses as bytes, and the headers of all responses: the default ones, the id of the request,
and cross-origin resource sharing (CORS).

Imports nothing of ours.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
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
_EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Link, Location,"
    " Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, Tus-Checksum-Algorithm,"
    " Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Expires, Upload-Length,"
    " Upload-Metadata, Upload-Offset, X-Request-ID"
)
_ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, If-Range,"
    " Last-Event-ID, Prefer, Range, Traceparent, Tracestate, Tus-Resumable, Upload-Checksum,"
    " Upload-Length, Upload-Metadata, Upload-Offset, X-Request-ID"
)
_PREFLIGHT_SECONDS = 600


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


def cors_headers(request: Mapping[str, str], origins: Collection[str]) -> dict[str, str]:
    """Headers that let a page of an allowed origin read the response.

    `request` holds the request's headers, `origins` the allowed origins. Credentials are never
    allowed: such a page must send a token of its own.
    """
    if not origins:
        return {}
    headers = {"Vary": "Origin"}
    origin = request.get("Origin")
    if origin is not None and origin in origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
    return headers


def preflight_headers(
    request: Mapping[str, str], origins: Collection[str], methods: str
) -> dict[str, str]:
    """Headers that let a page of an allowed origin send a request.

    `methods` lists the supported methods, in the form of the Allow header.
    """
    if request.get("Origin") not in origins or "Access-Control-Request-Method" not in request:
        return {}
    return {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
        "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
    }

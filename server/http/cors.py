"""Cross-origin resource sharing (CORS): the headers that let pages of other origins use the API.

Imports nothing of ours.
"""

from collections.abc import Collection, Mapping

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

"""Pages of other origins (CORS): none may use the API but those that the operator names.

Never with credentials: a page has to send a token of its own. Imports nothing of ours.
"""

from collections.abc import Collection, Mapping

_EXPOSED = "ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After"
_TAKEN = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer"
_PREFLIGHT_SECONDS = 600


def answer_headers(request: Mapping[str, str], origins: Collection[str]) -> dict[str, str]:
    """What lets a page of a named origin read the answer."""
    if not origins:
        return {}
    headers = {"Vary": "Origin"}
    origin = request.get("Origin")
    if origin is not None and origin in origins:
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = _EXPOSED
    return headers


def preflight_headers(
    request: Mapping[str, str], origins: Collection[str], methods: str
) -> dict[str, str]:
    """What lets it send a request; `methods` are those that are supported, as in Allow."""
    if request.get("Origin") not in origins or "Access-Control-Request-Method" not in request:
        return {}
    return {
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": _TAKEN,
        "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
    }

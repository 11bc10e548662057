"""Content negotiation: what the headers Accept and Accept-Encoding allow (RFC 9110, section 12).

Imports nothing of ours.
"""

from collections.abc import Mapping

JSON = "application/json"
TEXT = "text/plain"
HTML = "text/html"
CSV = "text/csv"


def wants_page(accept: str) -> bool:
    """Return whether an Accept header prefers HTML to JSON; `*/*` alone does not."""
    weights = _weights(accept)
    html = weights.get("text/html", 0.0)
    return html > 0 and html >= weights.get(JSON, 0.0)


def wants_text(accept: str) -> bool:
    """Return whether an Accept header prefers plain text to JSON; `*/*` alone does not."""
    weights = _weights(accept)
    text = weights.get(TEXT, 0.0)
    return text > 0 and text >= weights.get(JSON, 0.0)


def prefers_json(accept: str) -> bool:
    """Return whether an Accept header prefers JSON to plain text.

    With equal weights, the type that the header names first is preferred. Plain text is preferred
    if it names neither, or excludes both.
    """
    return _prefers(JSON, TEXT, accept)


def prefers_csv(accept: str) -> bool:
    """Return whether an Accept header prefers CSV to HTML, as `prefers_json` does for JSON."""
    return _prefers(CSV, HTML, accept)


def _prefers(kind: str, usual: str, accept: str) -> bool:
    weights = _weights(accept)
    wanted, other = _weight_of(kind, weights), _weight_of(usual, weights)
    if wanted != other:
        return wanted > other
    named = [each for each in weights if each in (kind, usual)]
    return wanted > 0 and named[:1] == [kind]


def takes_gzip(accept_encoding: str | None) -> bool:
    """Return whether an Accept-Encoding header names gzip; `*` alone is not enough."""
    return accept_encoding is not None and _weights(accept_encoding).get("gzip", 0.0) > 0


def _weight_of(kind: str, weights: Mapping[str, float]) -> float:
    """The weight of the most specific range that contains a media type."""
    ranges = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((weights[each] for each in ranges if each in weights), 0.0)


def _weights(header: str) -> dict[str, float]:
    """Parse a header such as Accept into the weight (q) of each value."""
    parts = [part.strip().partition(";") for part in header.lower().split(",")]
    return {name.strip(): _weight(options) for name, _, options in parts}


def _weight(options: str) -> float:
    for option in options.split(";"):
        name, _, value = option.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0

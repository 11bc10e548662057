"""Compresses responses for clients that ask for it with `Accept-Encoding: gzip`.

The compressed and the plain form of a response are two representations, so their ETags differ, by
the suffix of the former: "abc-gzip". Conditions take both for the same version.

Imports nothing of ours.
"""

import zlib

MIN_BYTES = 1024
"""Shorter bodies are not compressed: they fit into one packet as they are."""
MAX_BYTES = 4 * 1024**2
"""Longer bodies are not compressed: that would block the event loop for too long."""
LEVEL = 1
"""The fastest level: about 600 MB/s for a list of jobs. The slowest takes five times as long, for a
result that is 30 % smaller."""
_GZIP = 31  # zlib's number for the largest window and the format of gzip
_SUFFIX = "-gzip"
_KINDS = (
    "application/json",  # and application/jsonl
    "application/x-ndjson",
    "application/problem+json",
    "application/openmetrics-text",
    "text/",
)
_STREAM = "text/event-stream"


def is_compressible(content_type: str, size: int) -> bool:
    """Return whether a body is compressed for clients that ask for it."""
    if not MIN_BYTES <= size <= MAX_BYTES:  # most bodies are short
        return False
    return content_type.startswith(_KINDS) and not content_type.startswith(_STREAM)


def compress(body: bytes) -> bytes:
    """Compress a body with gzip. Equal bodies become equal."""
    return zlib.compress(body, LEVEL, wbits=_GZIP)


def gzip_etag(etag: str) -> str:
    """Return the ETag of the compressed form of a response with this ETag."""
    return f'{etag[:-1]}{_SUFFIX}"'


def plain_etag(etag: str) -> str:
    """Return an ETag without the suffix of a compressed form."""
    return etag.replace(f'{_SUFFIX}"', '"')

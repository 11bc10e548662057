"""Says errors of the service, which speak of HTTP, in the words of this client."""

from __future__ import annotations

import re

_WORDS = (
    (r"\bsend multipart/form-data with a file part named filename\b", "give file=PATH"),
    (r"\binput\.from\b|^input(?=: )", "input_from"),
    (r"\bupload\.sha256\b", "file"),
    (r"^filename(?=: )", "file"),
    (r"`?POST /uploads\b`?", "client.uploads.send(FILE)"),
    (r"`?PUT /pattern-sets/NAME\b`?", "client.put_pattern_set(NAME, PATTERNS)"),
    (r"`?GET /pattern-sets\b`?", "client.pattern_sets()"),
    (r"`?PUT /schedules/NAME\b`?", "client.schedules.put(NAME, TYPE)"),
    (r"`?GET /schedules\b`?", "client.schedules.list()"),
    (r"`?PUT /queues/([\w.-]+)`?", r"client.put_queue('\1')"),
    (r"`?GET /queues\b`?", "client.queues()"),
    (r"`?GET /failures\b`?", "client.failures.list()"),
    (r"`?POST /jobs/([\w-]+)/(cancel|retry)\b`?", r"client.get('\1').\2()"),
    (r"`?DELETE /jobs/([\w-]+)`?", r"client.get('\1').delete()"),
    (r"`?GET /jobs/([\w-]+)`?", r"client.get('\1')"),
)
"""Patterns of fields and requests, and the words of this client for them."""


def in_python(detail: str) -> str:
    """Replace requests by calls, and fields by arguments of `Client.submit`."""
    for pattern, words in _WORDS:
        detail = re.sub(pattern, words, detail)
    return detail

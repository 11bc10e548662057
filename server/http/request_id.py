"""The id of a request, in its response, in its log lines and in problem documents.

A client or a proxy may choose the id; else the listener draws one. Imports nothing of ours.
"""

import re
from collections.abc import Mapping
from random import getrandbits

HEADER = "X-Request-Id"
MAX_LENGTH = 128
_VALID = re.compile(f"[A-Za-z0-9._:/+=@~-]{{1,{MAX_LENGTH}}}")
"""No spaces, quotes or line breaks, so that an id cannot imitate other text in a log."""


def given_request_id(headers: Mapping[str, str]) -> str | None:
    """Return the id that the client chose. None without one, or if it is not valid."""
    given = headers.get(HEADER)
    return given if given is not None and _VALID.fullmatch(given) else None


def new_request_id() -> str:
    """Draw an id: 16 hexadecimal digits."""
    return f"{getrandbits(64):016x}"

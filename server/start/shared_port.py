"""Whether two listeners may listen on one port: the next one starts while the last one ends.

The environment variable has the value FIRST for a listener whose port must be free, and NEXT for
one that follows another. Only the service that reloads job types sets it.
"""

import os

VARIABLE = "SHARED_PORT"
FIRST, NEXT = "first", "next"


def is_shared() -> bool:
    """Return whether the port may be shared with another listener of this user."""
    return bool(os.environ.get(VARIABLE))


def must_be_free() -> bool:
    """Return whether nothing may listen on the port yet."""
    return os.environ.get(VARIABLE) != NEXT

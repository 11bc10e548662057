"""Places in a list, as clients get them. Imports nothing of ours."""

import base64
import binascii
from uuid import UUID


def cursor(job_id: UUID) -> str:
    """A place in the list, opaque to clients."""
    return base64.urlsafe_b64encode(job_id.bytes).rstrip(b"=").decode()


def cursor_or_none(job_id: UUID | None) -> str | None:
    """The same; None at the end of the list."""
    return None if job_id is None else cursor(job_id)


def parse_cursor(text: str) -> UUID:
    """The place a cursor names. Raises ValueError if it is none of ours."""
    try:
        return UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("not a cursor: use the value of `next` from the page before") from None

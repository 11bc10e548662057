"""Cursors: opaque positions in the list of jobs. Imports no other module of the service."""

import base64
import binascii
from uuid import UUID


def encode_cursor(job_id: UUID) -> str:
    """Encode the id of the last job of a page as a cursor, opaque to clients."""
    return base64.urlsafe_b64encode(job_id.bytes).rstrip(b"=").decode()


def encode_optional_cursor(job_id: UUID | None) -> str | None:
    """Encode a job id as a cursor; None, at the end of the list, stays None."""
    return None if job_id is None else encode_cursor(job_id)


def parse_cursor(text: str) -> UUID:
    """Decode a cursor into a job id. Raises ValueError if the text is not a cursor."""
    try:
        return UUID(bytes=base64.b64decode(text + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("not a cursor: use the value of `next` from the previous page") from None

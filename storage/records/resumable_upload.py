"""`ResumableUpload`: a file that arrives by several requests."""

from dataclasses import dataclass
from uuid import UUID

UPLOAD_KEEP_SECONDS = 86_400.0
"""How long a resumable upload is kept after its last change, also if it is not complete. Jobs keep
their own files."""


@dataclass(frozen=True)
class ResumableUpload:
    """A file that arrives, or has arrived, by several requests.

    `name` is the client's name for it, `size` its final size in bytes, and `offset` how many bytes
    are stored. Times are in milliseconds since 1970. `sha256` is None until the file is complete.
    """

    id: UUID
    name: str
    size: int
    created_by: str | None
    created_at: int
    offset: int = 0
    changed_at: int = 0
    sha256: str | None = None

    @property
    def has_all(self) -> bool:
        """Whether all bytes have arrived; the SHA-256 may still be missing."""
        return self.offset == self.size

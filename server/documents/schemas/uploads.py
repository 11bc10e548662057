"""The JSON documents of resumable uploads, as types."""

from typing_extensions import TypedDict

from server.documents.schemas.common import Id, Time


class UploadStateDocument(TypedDict):
    """A file that arrives, or has arrived, by several requests."""

    upload_id: Id
    """Id of the upload."""
    name: str
    """The name of the file, without folders."""
    size: int
    """The size of the whole file in bytes."""
    offset: int
    """How many bytes are stored."""
    sha256: str | None
    """The SHA-256 of the file in hexadecimal; null until it is complete and was computed."""
    created_by: str | None
    """Name of the caller who has begun the upload; null without tokens."""
    created_at: Time
    """When the upload was begun."""
    expires_at: Time
    """When the upload is deleted, unless it is changed before."""


class UploadsDocument(TypedDict):
    """The resumable uploads of a caller, or those of all callers."""

    items: list[UploadStateDocument]
    """The oldest first."""

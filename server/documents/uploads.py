"""The JSON document of a resumable upload."""

from server.documents.jobs import rfc3339
from server.documents.schemas.uploads import UploadStateDocument
from storage.records.resumable_upload import ResumableUpload


def upload_document(upload: ResumableUpload, expires_at: int) -> UploadStateDocument:
    """Return the document of an upload that is deleted at a time in milliseconds since 1970."""
    return {
        "upload_id": str(upload.id),
        "name": upload.name,
        "size": upload.size,
        "offset": upload.offset,
        "sha256": upload.sha256,
        "created_by": upload.created_by,
        "created_at": rfc3339(upload.created_at),
        "expires_at": rfc3339(expires_at),
    }

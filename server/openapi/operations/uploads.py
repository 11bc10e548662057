"""The operations on resumable uploads."""

from server.auth.callers import Role
from server.documents.schemas.uploads import UploadsDocument, UploadStateDocument
from server.openapi.operations.operation import OFFSET_STREAM, Operation

_STATE = ("Tus-Resumable", "Upload-Offset", "Upload-Expires")
UPLOADS = (
    Operation(
        "/uploads",
        "List resumable uploads",
        {200: UploadsDocument},
        id="listUploads",
        tag="uploads",
        description="Those that the caller has begun; for an admin of all queues, those of all"
        " callers. Expired ones are left out.",
        response_headers={200: ("Tus-Resumable",)},
    ),
    Operation(
        "/uploads",
        "Begin a resumable upload",
        {201: UploadStateDocument},
        id="beginUpload",
        tag="uploads",
        description="Its bytes follow by PATCH requests, as tus 1.0 describes them. A job then"
        " names it as `upload`.",
        method="post",
        role=Role.SUBMIT,
        problems=(409, 507),
        request_headers=("Upload-Length", "Upload-Metadata"),
        response_headers={201: ("Location", *_STATE)},
    ),
    Operation(
        "/uploads/{upload_id}",
        "The state of an upload",
        {200: UploadStateDocument},
        id="getUpload",
        tag="uploads",
        description="HEAD sends the offset as `Upload-Offset`, after it has ended a request that is"
        " writing to the upload. Only the caller who has begun the upload, and admins, may read"
        " it.",
        problems=(403,),
        response_headers={200: _STATE},
    ),
    Operation(
        "/uploads/{upload_id}",
        "Send bytes of an upload",
        {204: None},
        id="continueUpload",
        tag="uploads",
        description="Appends the body at `Upload-Offset`, which must be the number of bytes that"
        " are stored. If the connection breaks, the bytes that have arrived are kept.",
        method="patch",
        role=Role.SUBMIT,
        body=OFFSET_STREAM,
        problems=(409, 423, 460, 507),
        request_headers=("Upload-Offset", "Upload-Checksum"),
        response_headers={204: _STATE},
    ),
    Operation(
        "/uploads/{upload_id}",
        "Delete an upload",
        {204: None},
        id="deleteUpload",
        tag="uploads",
        description="Jobs that use it keep their files.",
        method="delete",
        role=Role.SUBMIT,
        response_headers={204: ("Tus-Resumable",)},
    ),
)

"""The operations on stored files."""

from server.documents.files import DownloadQuery
from server.openapi.operations.operation import ANY_TYPE, Operation

_HEADERS = ("Accept-Ranges", "Content-Disposition")

FILES = (
    Operation(
        "/jobs/{job_id}/upload",
        "The file that a job was given",
        {200: ANY_TYPE, 206: ANY_TYPE},
        id="getJobUpload",
        tag="files",
        description="Sends the file as it was stored; several files of one submission are one zip"
        " archive. The Etag is the SHA-256 of the file in double quotes. With Range, only a part is"
        " sent, so that an interrupted download can go on.",
        queries=(DownloadQuery,),
        problems=(410, 416),
        response_headers={200: _HEADERS, 206: (*_HEADERS, "Content-Range", "Etag")},
        request_headers=("Range", "If-Range"),
    ),
)

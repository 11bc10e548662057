"""The operations on stored files."""

from server.documents.files import BundleQuery, DownloadQuery
from server.documents.schemas.files import FilesDocument, KnownFileDocument
from server.openapi.operations.operation import ANY_TYPE, ZIP, Operation

_HEADERS = ("Accept-Ranges", "Content-Disposition")

FILES = (
    Operation(
        "/jobs/{job_id}/files",
        "The files that a job has left",
        {200: FilesDocument},
        id="listJobFiles",
        tag="files",
        description="A job type leaves files in its folder. They are stored when the job has"
        " succeeded, and deleted with it.",
    ),
    Operation(
        "/jobs/{job_id}/files/{name}",
        "A file that a job has left",
        {200: ANY_TYPE, 206: ANY_TYPE},
        id="getJobFile",
        tag="files",
        description="Sends the file, or with Range a part of it. The Etag is its SHA-256 in double"
        " quotes. The slashes of a name may be written as they are, or as %2F.",
        queries=(DownloadQuery,),
        problems=(410, 416),
        response_headers={200: _HEADERS, 206: (*_HEADERS, "Content-Range", "Etag")},
        request_headers=("Range", "If-Range"),
    ),
    Operation(
        "/jobs/{job_id}/files.zip",
        "All files that a job has left, as a zip archive",
        {200: ZIP},
        id="getJobFilesArchive",
        tag="files",
        description="The archive is made while it is sent. Files are not compressed in it.",
        problems=(410,),
        response_headers={200: _HEADERS},
    ),
    Operation(
        "/jobs/{job_id}/bundle",
        "All that is stored about a job, as a zip archive",
        {200: ZIP},
        id="getJobBundle",
        tag="files",
        description="For a report of a fault, or to run the job elsewhere: its document, its"
        " changes and the output of its attempts; with `files=true`, also the file that it was"
        " given and those that it has left. The archive has the payload and the result.",
        queries=(BundleQuery,),
        problems=(410,),
        response_headers={200: _HEADERS},
    ),
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
    Operation(
        "/files/{hash}",
        "A file, by its hash",
        {200: KnownFileDocument},
        id="findFile",
        tag="files",
        description="HEAD, too, tells whether a job has a file with this SHA-256, as its upload or"
        " as a file that it has left: then a submission can name it as `upload`, and the file need"
        " not be sent.",
    ),
)

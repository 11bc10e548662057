"""Builds the requests about files of jobs and resumable uploads."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

from jobservice.pieces import Piece
from jobservice.requests.request import HasId, HasUploadId, Request, get, job_path, upload_path

_SHA256 = re.compile("[0-9A-Fa-f]{64}")

_TUS = {"Tus-Resumable": "1.0.0"}


def get_upload(job: str | HasId) -> Request:
    """Get the file that a job was given."""
    return Request("GET", f"{job_path(job)}/upload")


def find_file(sha256: str) -> Request:
    """Ask whether a job has a file with a SHA-256. Raises ValueError if the text is not one."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"a SHA-256 has 64 hexadecimal digits, which {sha256[:100]!r} has not")
    return get(f"/files/sha256:{sha256}")


def list_files(job: str | HasId) -> Request:
    """List the files that a job has left."""
    return get(f"{job_path(job)}/files")


def get_file(job: str | HasId, name: str) -> Request:
    """Get a file that a job has left.

    Raises TypeError if the name is not a text, and ValueError if a part of it is empty, `.` or
    `..`.
    """
    given: object = name
    if not isinstance(given, str):
        raise TypeError(f"a file is named by a text, not by {repr(given)[:100]}")
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{name!r} is not the name of a file of a job")
    return Request("GET", f"{job_path(job)}/files/{'/'.join(quote(each, '') for each in parts)}")


def get_bundle(job: str | HasId, with_files: bool) -> Request:
    """Get all that is stored about a job, as one zip archive."""
    return Request("GET", f"{job_path(job)}/bundle", [("files", "true")] if with_files else [])


def get_archive(job: str | HasId) -> Request:
    """Get all files that a job has left, as one zip archive."""
    return Request("GET", f"{job_path(job)}/files.zip")


def begin_upload(name: str, size: int) -> Request:
    """Begin an upload. If the response is lost, another one is begun, and the first expires."""
    encoded = base64.b64encode(name.encode(errors="replace")).decode()
    headers = {"Upload-Length": str(size), "Upload-Metadata": f"filename {encoded}"}
    return Request("POST", "/uploads", headers=_TUS | headers)


def upload_offset(upload: str | HasUploadId) -> Request:
    """Ask how many bytes the service has. A request that is still sending bytes is ended."""
    return Request("HEAD", upload_path(upload), headers=_TUS)


def send_piece(upload: str | HasUploadId, piece: Piece) -> Request:
    """Send bytes. This is not repeated: the offset is asked for first."""
    headers = _TUS | piece.headers()
    path = upload_path(upload)
    return Request("PATCH", path, headers=headers, form=piece, repeats=False)


def finish_upload(upload: str | HasUploadId, size: int) -> Request:
    """Let the service compute the hash of an upload that has all bytes, if it does not yet."""
    headers = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": str(size)}
    return Request("PATCH", upload_path(upload), headers=_TUS | headers, body=b"")


def delete_upload(upload: str | HasUploadId) -> Request:
    """Delete an upload. Jobs keep their files."""
    return Request("DELETE", upload_path(upload), headers=_TUS, done_status=404)

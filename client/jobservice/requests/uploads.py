"""Builds the requests about resumable uploads: begin, ask for the offset, send a piece, delete."""

from __future__ import annotations

import base64

from jobservice.pieces import Piece
from jobservice.requests.request import HasUploadId, Request, upload_path

_TUS = {"Tus-Resumable": "1.0.0"}


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

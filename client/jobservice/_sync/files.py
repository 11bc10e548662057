# Made from ../_async by client/generate_sync.py. Edit the file there, not here.
"""`client.files`: downloads of the files of jobs."""

from __future__ import annotations

from jobservice import requests
from jobservice._sync.transport import Transport
from jobservice.blocking import call
from jobservice.downloads import Download, DownloadProgress, Target
from jobservice.requests import Request


class FileCalls:
    """Downloads files. A broken download continues, and the digest of each file is checked.

    A file appears under its name when it is complete. If the service has chosen the name, no
    other file is replaced: then FileExistsError is raised.
    """

    def __init__(self, transport: Transport):
        self._transport = transport

    def download_upload(
        self, job_id: str, target: Target = None, *, on_progress: DownloadProgress | None = None
    ) -> Download:
        """Download the file that a job was given; several files are one zip archive.

        target: a path, a folder, or a binary stream; by default the current folder.
        on_progress: a function that gets the bytes received and the size of the file.

        The answer has `path`, `size` and `sha256`. Raises ApiError 404 (file_not_found) if the job
        was given no file, 410 (file_gone), and FileDamaged if other bytes arrive.
        """
        return self._receive(requests.get_upload(job_id), target, on_progress)

    def _receive(
        self, request: Request, target: Target, on_progress: DownloadProgress | None
    ) -> Download:
        download = Download(target, on_progress)
        try:
            self._transport.download(request, download)
            call(download.finish)
        finally:
            call(download.abort)
        return download

"""`client.files`: the files that jobs were given and have left."""

from __future__ import annotations

import io
import os
from functools import partial
from pathlib import Path

from jobservice import requests
from jobservice._async.transport import AsyncTransport
from jobservice.blocking import async_call
from jobservice.downloads import Download, DownloadProgress, Target
from jobservice.file_data import FileData, is_there, place_of, read_files
from jobservice.requests import HasId, Request


class AsyncFileCalls:
    """Lists and downloads files. A broken download continues, and its digest is checked.

    A file appears under its name when it is complete. If the service has chosen the name, no
    other file is replaced: one with equal bytes counts as downloaded, for another one
    FileExistsError is raised. All calls raise ApiError 404 if the job or the file does not exist,
    410 (file_gone), and FileDamaged if wrong bytes arrive.

    job_id: the id of a job, or the job.
    target: a path, a folder, or a binary stream; by default the current folder.
    on_progress: a function that gets the bytes received and the size of the file.
    """

    def __init__(self, transport: AsyncTransport):
        self._transport = transport

    async def list(self, job_id: str | HasId) -> list[FileData]:
        """Return the files that a job has left, sorted by name; none before it has succeeded."""
        return read_files(await self._transport.document(requests.list_files(job_id)))

    async def download(
        self,
        job_id: str | HasId,
        name: str,
        target: Target = None,
        *,
        on_progress: DownloadProgress | None = None,
    ) -> Download:
        """Download a file that a job has left. The answer has `path`, `size` and `sha256`."""
        return await self._receive(requests.get_file(job_id, name), target, on_progress)

    async def read(self, job_id: str | HasId, name: str) -> bytes:
        """Return the bytes of a file that a job has left."""
        stream = io.BytesIO()
        await self._receive(requests.get_file(job_id, name), stream, None)
        return stream.getvalue()

    async def download_all(
        self,
        job_id: str | HasId,
        folder: str | os.PathLike[str] = ".",
        *,
        on_progress: DownloadProgress | None = None,
    ) -> Paths:
        """Download all files that a job has left into a folder, which is made if need be.

        Files that are there already, with equal bytes, are not downloaded again.
        """
        files = await self.list(job_id)
        size, before = sum(file.size for file in files), 0
        paths = []
        for file in files:
            path = place_of(file, folder)
            if not await async_call(partial(is_there, file, path)):
                await async_call(partial(_make_room, path))
                report = _shifted(on_progress, before, size)
                await self.download(job_id, file.name, path, on_progress=report)
            before += file.size
            paths.append(path)
        return paths

    async def download_zip(
        self,
        job_id: str | HasId,
        target: Target = None,
        *,
        on_progress: DownloadProgress | None = None,
    ) -> Download:
        """Download all files that a job has left as one zip archive, named after the job.

        If the connection breaks, the archive is downloaded again from its start.
        """
        return await self._receive(requests.get_archive(job_id), target, on_progress)

    async def download_upload(
        self,
        job_id: str | HasId,
        target: Target = None,
        *,
        on_progress: DownloadProgress | None = None,
    ) -> Download:
        """Download the file that a job was given; several files are one zip archive.

        The answer has `path`, `size` and `sha256`.
        """
        return await self._receive(requests.get_upload(job_id), target, on_progress)

    async def download_bundle(
        self,
        job_id: str | HasId,
        target: Target = None,
        *,
        files: bool = False,
        on_progress: DownloadProgress | None = None,
    ) -> Download:
        """Download all that is stored about a job as one zip archive, which `client.replay` takes.

        files: whether the archive also has the file that the job was given, and the files that
            it has left.
        """
        return await self._receive(requests.get_bundle(job_id, files), target, on_progress)

    async def _receive(
        self, request: Request, target: Target, on_progress: DownloadProgress | None
    ) -> Download:
        download = Download(target, on_progress)
        try:
            await self._transport.download(request, download)
            await async_call(download.finish)
        finally:
            await async_call(download.abort)
        return download


Paths = list[Path]
"""A name for a list: in the class, `list` is a method."""


def _make_room(path: Path) -> None:
    """Make the folder of a path. Raises FileExistsError if another file has the path."""
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists already, and is another file")
    path.parent.mkdir(parents=True, exist_ok=True)


def _shifted(report: DownloadProgress | None, before: int, size: int) -> DownloadProgress | None:
    """Report the bytes of one file as a part of all files."""
    if report is None:
        return None
    return lambda received, _: report(before + received, size)

"""Resumable uploads: sends large files, and goes on where a broken connection has ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from jobservice import requests
from jobservice._async.transport import AsyncTransport
from jobservice.blocking import async_call, async_sleep
from jobservice.errors import ApiError, ConnectionFailed, FileChanged, JobServiceError
from jobservice.file_data import KnownFile, read_known_file
from jobservice.pieces import Hashed, Piece, UploadState, is_large, read_upload
from jobservice.requests import Request
from jobservice.retries import Retries
from jobservice.uploads import File, Files, Progress, Source

_UploadStates = list[UploadState]
READY_SECONDS = 0.5
"""How long to pause until the service may have computed the hash of a file."""


class AsyncUploads:
    """The resumable uploads of a service: `client.uploads`."""

    def __init__(self, transport: AsyncTransport):
        self._transport = transport

    async def send(
        self,
        file: File,
        *,
        upload_id: str | UploadState | None = None,
        on_progress: Progress | None = None,
        on_begin: Callable[[UploadState], object] | None = None,
    ) -> UploadState:
        """Upload a file, or with `upload_id` the rest of one, and return the complete upload.

        If the connection breaks, the upload goes on after the bytes that the service has. A job may
        then use it: `client.submit("analyze", …, upload=ID)`. It expires one day after its last
        change, by default. Raises FileChanged if the service has other bytes than the file, and
        ValueError if the file is a stream whose size is unknown.

        on_progress: a function that gets the bytes sent and the size of the file.
        on_begin: a function that gets the upload before the first byte is sent.
        """
        source = Source(file)
        if source.size is None or not source.can_restart:
            raise ValueError(f"{source.name} is a stream without a size: it cannot be resumed")
        if upload_id is None:
            upload = await self.begin(source.name, source.size)
        else:
            upload = await self.get(upload_id)
            if upload.size != source.size:
                raise FileChanged(
                    f"{source.name} has {source.size} bytes, and the upload is for {upload.size}"
                )
        if on_begin is not None:
            on_begin(upload)
        return await self._send_whole(upload, source, on_progress)

    async def get(self, upload_id: str | UploadState) -> UploadState:
        """Return the present state of an upload, by its id or an earlier state."""
        path = requests.upload_path(upload_id)
        return read_upload(await self._transport.document(requests.get(path)))

    async def list(self) -> _UploadStates:
        """Return your uploads, the oldest first; for an admin of all queues, all uploads."""
        found = await self._transport.document(requests.get("/uploads"))
        return [read_upload(each) for each in found["items"]]

    async def delete(self, upload_id: str | UploadState) -> None:
        """Delete an upload. Jobs keep their files."""
        await self._transport.send(requests.delete_upload(upload_id))

    async def begin(self, name: str, size: int) -> UploadState:
        """Begin an upload without sending bytes: `send` continues it."""
        return read_upload(await self._transport.document(requests.begin_upload(name, size)))

    async def find(self, sha256: str, name: str = "") -> KnownFile | None:
        """Return a file with this hash that a job was given or has left; None if there is none.

        `client.submit("analyze", …, upload=found)` then uses it, and shows it as `name`.
        """
        try:
            found = await self._transport.document(requests.find_file(sha256))
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return read_known_file(found, name)

    async def find_file(self, file: Files | None) -> KnownFile | None:
        """Read a file, and return the equal one that the service has; None if it has none.

        Raises ValueError if it is not one file that can be read again.
        """
        if file is None or isinstance(file, list):
            raise ValueError("by_hash needs one file")
        source = Source(file)
        if not source.can_restart:
            raise ValueError(f"{source.name} is a stream that cannot be read twice: omit by_hash")
        return await self.find(await async_call(source.sha256), source.name)

    async def send_for(
        self,
        file: Files | None,
        job: Callable[[UploadState], Request],
        on_progress: Progress | None,
        *,
        check: bool,
    ) -> UploadState | None:
        """Send the file of a submission, if it is large; return its complete upload.

        `job` builds the dry run of the submission. With `check`, the service checks it before the
        file is sent. Returns None if the file is not large, or if the service knows no resumable
        uploads. Raises as `send`, and ApiError if the service refuses the job.
        """
        if file is None or isinstance(file, list) or not is_large(file):
            return None
        source = Source(file)
        try:
            upload = await self.begin(source.name, source.size or 0)
        except ApiError as error:
            if error.status in (404, 405):
                return None
            raise
        if check:
            try:
                await self._transport.send(job(upload))
            except ApiError:
                await self.discard(upload)
                raise
        return await self._send_whole(upload, source, on_progress)

    async def discard(self, upload: UploadState | None) -> None:
        """Delete an upload that is no longer needed, if there is one. If that fails, it expires."""
        if upload is None:
            return
        with suppress(JobServiceError):
            await self.delete(upload.upload_id)

    async def _send_whole(
        self, upload: UploadState, source: Source, on_progress: Progress | None
    ) -> UploadState:
        """Send the bytes of a file that the service lacks, and return the complete upload.

        Bytes that were added to the file after `source` was made are left out. Raises FileChanged
        if the service then has other bytes than the file.
        """
        hashed, size = Hashed(source), upload.size
        await self._send_rest(upload.upload_id, hashed, size, on_progress)
        complete = await self._complete(upload.upload_id)
        if complete.sha256 != await async_call(lambda: hashed.sha256(size)):
            raise FileChanged(f"{source.name} has changed since the upload was begun")
        return complete

    async def _send_rest(
        self, upload_id: str, file: Hashed, size: int, on_progress: Progress | None
    ) -> None:
        """Send pieces until the service has all bytes."""
        retries = self._transport.new_retries()
        furthest = 0
        while True:
            answer = await self._transport.send(requests.upload_offset(upload_id))
            offset = int(answer.headers["upload-offset"])
            while offset < size:
                await async_call(partial(file.move, offset))
                piece = Piece(file, offset, size, on_progress)
                try:
                    answer = await self._transport.send(requests.send_piece(upload_id, piece))
                except (ApiError, ConnectionFailed) as failure:
                    if piece.furthest > furthest:
                        furthest = piece.furthest
                        retries.reset()
                    await self._pause(retries, failure)
                    break
                offset = int(answer.headers["upload-offset"])
                furthest = max(furthest, offset)
                retries.reset()
            else:
                return

    async def _pause(self, retries: Retries, failure: ApiError | ConnectionFailed) -> None:
        """Pause before the next try, or raise the failure if there is none."""
        seconds = retries.pause(failure, time.monotonic())
        if seconds is None:
            raise failure
        await async_sleep(seconds)

    async def _complete(self, upload_id: str) -> UploadState:
        """Wait until the service has computed the hash of the file."""
        while True:
            upload = await self.get(upload_id)
            if upload.sha256 is not None:
                return upload
            await self._transport.send(requests.finish_upload(upload_id, upload.size))
            await async_sleep(READY_SECONDS)

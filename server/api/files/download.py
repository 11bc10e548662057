"""The base class of handlers that send stored files: one, as a whole or in part, or an archive."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from server.api.files.archive import FilesArchive
from server.api.files.downloads import PIECE_BYTES, Downloads
from server.api.files.headers import content_disposition, wanted_range
from server.api.jobs.job import OneJobHandler
from server.api.openapi.operation import ANY_TYPE, Operation
from server.documents.file_queries import DownloadQuery
from server.handlers.query import query_parameters, read_query
from server.http.codes import Code
from server.http.conditions import conditions_of
from server.http.file_range import FileRange
from server.http.problems import Problem
from storage.files.reading import FileReader
from storage.records.job import StoreUnavailable

log = logging.getLogger(__name__)

POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""The Content-Security-Policy of a file. A page that a job has made runs no script, loads nothing,
and is of no origin, so it can do nothing in the name of a person who opens it."""
FILE_HEADERS = ("Accept-Ranges", "Content-Disposition")
"""Headers of the responses with a file."""


@dataclass(frozen=True)
class StoredFile:
    """A file that can be sent. `open` returns a reader of its bytes from one offset to another, or
    None if the file is gone; it may block."""

    name: str
    size: int
    media_type: str
    sha256: str
    open: Callable[[int, int], FileReader | None]

    @property
    def etag(self) -> str:
        """The ETag: the SHA-256 of the bytes."""
        return f'"{self.sha256}"'


def download_operation(name: str) -> Operation:
    """Return the description of an operation that sends one file, whole or in part."""
    return Operation(
        name,
        "files",
        {200: ANY_TYPE, 206: ANY_TYPE},
        queries=(DownloadQuery,),
        problems=(410, 416),
        response_headers={200: FILE_HEADERS, 206: (*FILE_HEADERS, "Content-Range", "Etag")},
        request_headers=("Range", "If-Range"),
    )


class DownloadHandler(OneJobHandler):
    """Sends stored files."""

    downloads: Downloads

    async def send_file(self, file: StoredFile) -> None:
        """Answer the request with the file, or with the part of it that the request asks for.

        Raises Problem 410, 412, 416 and 503.
        """
        query = read_query(DownloadQuery, query_parameters(self))
        if self._begin(file.etag):
            return
        is_head = self.request.method == "HEAD"  # for which Range has no meaning
        part = None if is_head else wanted_range(self.request.headers, file.etag, file.size)
        start, end = part or (0, file.size)
        reader = await self.downloads.run(partial(self._open, file, start, end))
        try:
            self._describe(file, part, query)
            if is_head or start == end:
                self.finish()
            elif (descriptor := reader.fileno()) is not None:
                threads = self.downloads.threads
                await self._send_local(FileRange(descriptor, start, end - start, threads))
            else:
                with self.downloads.slow(self.caller.sharer):
                    await self._send_pieces(partial(reader.read, PIECE_BYTES))
        finally:
            reader.close()

    async def send_archive(self, name: str, archive: FilesArchive[Any]) -> None:
        """Answer the request with an archive, which is made meanwhile.

        Raises Problem 410, 412 and 503.
        """
        if self._begin(archive.etag):
            return
        self.set_headers(
            {
                "Content-Type": "application/zip",
                "Content-Length": str(archive.size),
                "Content-Disposition": content_disposition("attachment", name),
                "Accept-Ranges": "none",
            }
        )
        if self.request.method == "HEAD":
            self.finish()
            return
        with self.downloads.slow(self.caller.sharer), closing(archive.pieces()) as pieces:
            await self._send_pieces(partial(next, pieces, b""))

    def _begin(self, etag: str) -> bool:
        """Begin the response. Return whether it is a 304, because the client has the file already.

        Raises Problem 412.
        """
        self.is_timed = False  # the client decides how long it takes
        conditions = conditions_of(self.request.headers, is_read=True)
        conditions.require_match(etag)
        self.set_header("ETag", etag)
        if conditions.is_new(etag):
            return False
        self.set_status(304)
        self.finish()
        return True

    def _open(self, file: StoredFile, start: int, end: int) -> FileReader:
        reader = file.open(start, end)
        if reader is None:
            raise Problem(Code.FILE_GONE, f"the file {file.name[:200]!r} was deleted or changed")
        return reader

    def _describe(
        self, file: StoredFile, part: tuple[int, int] | None, query: DownloadQuery
    ) -> None:
        """Set the status and the headers of the response."""
        start, end = part or (0, file.size)
        is_text = file.media_type.startswith("text/")
        kind = f"{file.media_type}; charset=utf-8" if is_text else file.media_type
        self.set_headers(
            {
                "Content-Type": kind,
                "Content-Length": str(end - start),
                "Content-Disposition": content_disposition(query.disposition, file.name),
                "Content-Security-Policy": POLICY,
                "Cross-Origin-Resource-Policy": "same-origin",
                "Accept-Ranges": "bytes",
            }
        )
        if part:
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {start}-{end - 1}/{file.size}")

    async def _send_local(self, file: FileRange) -> None:
        """Let the kernel send the file."""
        await self.flush()
        connection: Any = self.request.connection
        connection.write(file)
        if await file.wait():
            self.finish()
        else:
            self._break_off("the client is gone, or the file was cut")

    async def _send_pieces(self, read: Callable[[], bytes]) -> None:
        """Send pieces until one is empty. The next one is read while the client receives one.

        `read` may block, and raise StoreUnavailable or a Problem. No two calls of it overlap, and
        none is under way afterwards.
        """
        upcoming = self.downloads.run(read)
        piece = await upcoming  # before any header is sent: an error becomes a response
        try:
            while piece and not self.client.closed():
                upcoming = self.downloads.run(read)
                self.write(piece)
                await self.flush()
                piece = await upcoming
        except (StoreUnavailable, Problem) as error:
            return self._break_off(str(error))
        finally:
            await asyncio.gather(upcoming, return_exceptions=True)
        if not self.client.closed():
            self.finish()

    def _break_off(self, reason: str) -> None:
        """Close the connection, so that the client notices that bytes are missing."""
        extra = {"reason": reason, "request_id": self.request_id}
        log.info("a download ended early", extra=extra)
        self.close_connection()

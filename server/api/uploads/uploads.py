"""`/uploads`: files that arrive by several requests, by the protocol tus 1.0 (https://tus.io).

The extensions creation, expiration, checksum and termination are supported.
"""

import base64
import binascii
import re
from collections.abc import Callable
from email.utils import formatdate
from typing import Any
from uuid import UUID

from typing_extensions import TypedDict

from server.api.openapi.operation import OFFSET_STREAM, Operation
from server.api.uploads.file_part import FilePart
from server.api.uploads.resumable_body import (
    BATCH_BYTES,
    CHECKSUM_HEADER,
    CHECKSUMS,
    Checksum,
    Digests,
    ResumableBody,
    parse_checksum,
)
from server.auth.callers import Role
from server.documents.file_queries import display_name
from server.documents.job_documents import rfc3339
from server.documents.schemas.common import Id, Time
from server.handlers.base import Handler
from server.http.blocking import RunBlocking, T
from server.http.body import Body, NoBody, content_length, media_type
from server.http.codes import Code
from server.http.connections.receive_buffer import limit_receive_buffer
from server.http.problems import FieldError, Problem, unacceptable
from server.jobs.admission import DiskWatermark
from server.jobs.uploads.resumable_uploads import (
    ResumableService,
    offset_conflict,
    upload_not_found,
    upload_problems,
)
from storage.files.resumable.uploads import ResumableWriter
from storage.records.resumable_upload import ResumableUpload


class UploadStateDocument(TypedDict):
    """A file that arrives, or has arrived, by several requests."""

    upload_id: Id
    """Id of the upload."""
    name: str
    """The name of the file, without folders."""
    size: int
    """The size of the whole file in bytes."""
    offset: int
    """How many bytes are stored."""
    sha256: str | None
    """The SHA-256 of the file in hexadecimal; null until it is complete and was computed."""
    created_by: str | None
    """Name of the caller who has begun the upload; null without tokens."""
    created_at: Time
    """When the upload was begun."""
    expires_at: Time
    """When the upload is deleted, unless it is changed before."""


class UploadsDocument(TypedDict):
    """The resumable uploads of a caller, or those of all callers."""

    items: list[UploadStateDocument]
    """The oldest first."""


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


TUS_VERSION = "1.0.0"
EXTENSIONS = "creation,expiration,checksum,termination"
MAX_METADATA = 4096
_NUMBER = re.compile("[0-9]{1,18}")

_STATE = ("Tus-Resumable", "Upload-Offset", "Upload-Expires")


class TusHandler(Handler):
    """The base of all handlers of the protocol."""

    LIMITED = True
    resumable: ResumableService
    max_upload_bytes: int
    is_timed = False

    def set_default_headers(self) -> None:
        """Name the version of the protocol in all responses."""
        super().set_default_headers()
        self.set_header("Tus-Resumable", TUS_VERSION)

    def options(self, *args: str) -> None:
        """Send what the protocol can do here."""
        super().options(*args)
        self.set_header("Tus-Version", TUS_VERSION)
        self.set_header("Tus-Extension", EXTENSIONS)
        self.set_header("Tus-Max-Size", str(self.max_upload_bytes))
        self.set_header("Tus-Checksum-Algorithm", ",".join(CHECKSUMS))

    def require_version(self) -> None:
        """Raise Problem 412 for another version. A client that knows no tus names none."""
        version = self.request.headers.get("Tus-Resumable", TUS_VERSION)
        if version != TUS_VERSION:
            detail = f"Tus-Resumable: it must be {TUS_VERSION}, not {version[:20]!r}"
            headers = {"Tus-Version": TUS_VERSION}
            raise Problem(Code.TUS_VERSION_UNSUPPORTED, detail, headers=headers)

    def number(self, header: str, example: str) -> int:
        """Return a header that is a number of bytes. Raises Problem 422."""
        value = self.request.headers.get(header)
        if value is None:
            detail = f"send this header, for example {header}: {example}"
            raise unacceptable([FieldError(header, detail, "missing")])
        if not _NUMBER.fullmatch(value):
            detail = f"it must be a number of bytes, for example {header}: {example}"
            raise unacceptable([FieldError(header, detail)])
        return int(value)

    def show(self, upload: ResumableUpload) -> None:
        """Set the headers that tell the state of an upload."""
        self.set_header("Upload-Offset", str(upload.offset))
        seconds = self.resumable.expires_at(upload) / 1000
        self.set_header("Upload-Expires", formatdate(seconds, usegmt=True))


class UploadsHandler(TusHandler):
    """All uploads, and the creation of new ones."""

    disk_watermark: DiskWatermark
    ROUTE = "/uploads"

    @Operation(
        "listUploads", "uploads", {200: UploadsDocument}, response_headers={200: ("Tus-Resumable",)}
    )
    async def get(self) -> None:
        """List resumable uploads.

        Those that the caller has begun; for an admin of all queues, those of all callers. Expired
        ones are left out.
        """
        found = await self.resumable.all_of(self.caller)
        expires_at = self.resumable.expires_at
        self.send_json({"items": [upload_document(each, expires_at(each)) for each in found]})

    @Operation(
        "beginUpload",
        "uploads",
        {201: UploadStateDocument},
        role=Role.SUBMIT,
        problems=(409, 507),
        response_headers={201: ("Location", *_STATE)},
        request_headers=("Upload-Length", "Upload-Metadata"),
    )
    async def post(self) -> None:
        """Begin a resumable upload.

        Its bytes follow by PATCH requests, as tus 1.0 describes them. A job then names it as
        `upload`.
        """
        self.require_body()
        self.require_version()
        size = self.number("Upload-Length", "1048576")
        name = _file_name(self.request.headers.get("Upload-Metadata", ""))
        self.resumable.require_size(size)
        self.disk_watermark.admit_upload(size)
        upload = await self.resumable.create(self.caller, name, size)
        if not size:
            await self.resumable.complete(upload.id)
            upload = await self.resumable.get(upload.id, self.caller)
        self.set_header("Location", f"{self.root_path}/uploads/{upload.id}")
        self.show(upload)
        self.send_json(upload_document(upload, self.resumable.expires_at(upload)), 201)


class OneUploadHandler(TusHandler):
    """One upload."""

    disk_watermark: DiskWatermark
    run_file_io: RunBlocking
    ROUTE = "/uploads/{upload_id}"
    _upload: ResumableUpload | None = None
    _writer: ResumableWriter | None = None
    _sha256: Any = None

    @Operation(
        "getUpload",
        "uploads",
        {200: UploadStateDocument},
        problems=(403,),
        response_headers={200: _STATE},
    )
    async def get(self, upload_id: str) -> None:
        """The state of an upload.

        HEAD sends the offset as `Upload-Offset`, after it has ended a request that is writing to
        the upload. Only the caller who has begun the upload, and admins, may read it.
        """
        upload = await self.resumable.get(parse_upload_id(upload_id), self.caller)
        self.show(upload)
        self.send_json(upload_document(upload, self.resumable.expires_at(upload)))

    async def head(self, upload_id: str) -> None:
        """Send the offset, after the request that is writing to the upload was ended."""
        self.require_version()
        parsed_id = parse_upload_id(upload_id)
        upload = await self.resumable.get(parsed_id, self.caller)
        await self.resumable.interrupt(parsed_id)
        upload = await self.resumable.get(parsed_id, self.caller)
        self.show(upload)
        self.set_header("Upload-Length", str(upload.size))
        encoded = base64.b64encode(upload.name.encode()).decode()
        self.set_header("Upload-Metadata", f"filename {encoded}")
        self.finish()

    async def body(self) -> Body:
        """Accept bytes for PATCH.

        Raises Problem 403, 404, 409, 412, 413, 415, 422, 429 and 507.
        """
        self.require_version()
        if self.request.method != "PATCH":
            return NoBody()
        if media_type(self.request.headers)[0] != OFFSET_STREAM:
            raise Problem(Code.MEDIA_TYPE_UNSUPPORTED, f"send {OFFSET_STREAM}")
        offset = self.number("Upload-Offset", "0")
        checksum = parse_checksum(self.request.headers.get(CHECKSUM_HEADER))
        upload = await self.resumable.get(parse_upload_id(self.path_args[0]), self.caller)
        if offset != upload.offset:
            raise offset_conflict(upload.offset)
        size = content_length(self.request.headers.get("Content-Length")) or 0
        await self.resumable.require_quota(self.caller)
        self._require_room(upload, size, checksum)
        self._upload = upload
        limit_receive_buffer(self.client.socket)
        body = ResumableBody(
            lambda: self._open(upload, checksum, body), self._discard, self.offer_buffer, checksum
        )
        return body

    @Operation(
        "continueUpload",
        "uploads",
        {204: None},
        role=Role.SUBMIT,
        body=OFFSET_STREAM,
        problems=(409, 423, 460, 507),
        response_headers={204: _STATE},
        request_headers=("Upload-Offset", "Upload-Checksum"),
    )
    async def patch(self, upload_id: str) -> None:
        """Send bytes of an upload.

        Appends the body at `Upload-Offset`, which must be the number of bytes that are stored. If
        the connection breaks, the bytes that have arrived are kept.
        """
        self.require_body()
        assert self._upload
        assert isinstance(self.received, ResumableBody)
        upload = self._upload
        with upload_problems():
            offset = await self.received.finish()
        self.resumable.appended(upload.id, offset, self._sha256)
        if offset == upload.size:
            await self.resumable.complete(upload.id)
        self.show(await self.resumable.get(upload.id, self.caller))
        self.set_status(204)

    @Operation(
        "deleteUpload",
        "uploads",
        {204: None},
        role=Role.SUBMIT,
        response_headers={204: ("Tus-Resumable",)},
    )
    async def delete(self, upload_id: str) -> None:
        """Delete an upload.

        Jobs that use it keep their files.
        """
        self.require_body()
        upload = await self.resumable.get(parse_upload_id(upload_id), self.caller)
        await self.resumable.delete(upload.id)
        self.set_status(204)

    def offer_buffer(self, buffer: memoryview) -> None:
        """Let the connection read the next bytes of the body into this memory."""
        self.client.offer_buffer(buffer)

    async def _open(
        self, upload: ResumableUpload, checksum: Checksum | None, body: ResumableBody
    ) -> FilePart:
        """Open the file for the bytes of this request."""
        known = self.resumable.digest(upload.id, upload.offset)
        if known is None and upload.offset == 0:
            known = self.resumable.new_digest()
        self._writer = await self.resumable.open(
            upload.id, upload.offset, checksum is not None, body
        )
        self._sha256 = known
        digests = [known] if known is not None else []
        digests += [checksum.found] if checksum else []
        return FilePart(
            self._writer,
            b"",
            self._run,
            self.disk_watermark.admit_upload,
            upload.size - upload.offset,
            Digests(*digests),
            BATCH_BYTES,
        )

    async def _run(self, call: Callable[[], T]) -> T:
        with upload_problems():
            return await self.run_file_io(call)

    async def _discard(self) -> None:
        assert self._writer
        await self._run(self._writer.discard)

    def _require_room(self, upload: ResumableUpload, size: int, checksum: Checksum | None) -> None:
        """Raise Problem 413 and 507 for more bytes than the upload or the disk can take."""
        if upload.offset + size > upload.size:
            detail = (
                f"the body has {size} bytes, and the upload lacks only"
                f" {upload.size - upload.offset} of its {upload.size}"
            )
            raise Problem(Code.BODY_TOO_LARGE, detail)
        most = self.resumable.max_verified_bytes
        if checksum and most is not None and size > most:
            detail = f"with {CHECKSUM_HEADER}, a body may have at most {most} bytes"
            raise Problem(Code.BODY_TOO_LARGE, detail)
        self.disk_watermark.admit_upload(size)


def parse_upload_id(text: str) -> UUID:
    """Parse the id of an upload in a path. Raises Problem 404."""
    try:
        return UUID(text)
    except ValueError:
        raise upload_not_found() from None


def _file_name(metadata: str) -> str:
    """The file name in `Upload-Metadata`. Raises Problem 422."""
    name = ""
    try:
        if len(metadata) > MAX_METADATA:
            raise ValueError
        for pair in filter(None, map(str.strip, metadata.split(","))):
            key, _, encoded = pair.partition(" ")
            value = base64.b64decode(encoded.strip(), validate=True)
            if key in ("filename", "name") and (key == "filename" or not name):
                name = value.decode()
    except (binascii.Error, ValueError):
        example = "filename YXBwLmxvZw=="
        detail = (
            "it must be pairs of a key, a space and a value in Base64 of UTF-8, separated by"
            f" commas, at most {MAX_METADATA} characters, for example {example}"
        )
        raise unacceptable([FieldError("Upload-Metadata", detail)]) from None
    return display_name(name)

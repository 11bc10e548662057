"""`ResumableService`: begins, continues and completes resumable uploads, and gives them to jobs.

Its methods raise Problem, and StoreError when the store of files fails.
"""

import asyncio
import contextlib
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

from server.auth.callers import Caller
from server.documents.options.upload_reference import UploadReference
from server.http.blocking import RunBlocking
from server.http.codes import Code
from server.http.problems import FieldError, Problem, too_large, unacceptable
from server.jobs.quotas.quotas import JobQuotas
from storage.files.resumable.uploads import (
    OffsetConflict,
    ResumableUploads,
    ResumableWriter,
    UploadBusy,
    UploadGone,
)
from storage.records.job import Upload
from storage.records.resumable_upload import UPLOAD_KEEP_SECONDS, ResumableUpload
from storage.records.shares import NoRoom, require_room

T = TypeVar("T")

MAX_UPLOADS = 1000
"""Most resumable uploads at once, complete or not."""
READY_SECONDS = 10.0
"""How long a request waits until a complete upload has its SHA-256."""
_MAX_DIGESTS = 256
"""Hashes that are kept in memory between the requests of uploads."""


class Interruptible(Protocol):
    """The body of a request, which another request can end."""

    async def interrupt(self, problem: Problem) -> None:
        """Keep what has arrived, and answer the request with a problem."""


class ResumableService:
    """The resumable uploads of a listener."""

    def __init__(
        self,
        uploads: ResumableUploads,
        run: RunBlocking,
        max_bytes: int,
        quotas: JobQuotas,
    ):
        """`run` runs a function in a thread. `max_bytes` is the largest size of a file.

        An upload is kept for UPLOAD_KEEP_SECONDS after its last change.
        """
        self._uploads, self._run = uploads, run
        self._max_bytes, self._keep_ms = max_bytes, round(UPLOAD_KEEP_SECONDS * 1000)
        self._digests: OrderedDict[UUID, tuple[int, Any]] = OrderedDict()
        self._completing: dict[UUID, asyncio.Future[None]] = {}
        self._bodies: dict[UUID, Interruptible] = {}
        self._stopped = False
        self._creating = asyncio.Lock()
        self._quotas = quotas

    @property
    def max_verified_bytes(self) -> int | None:
        """The most bytes of a request with a checksum; None: no limit."""
        return self._uploads.MAX_VERIFIED_BYTES

    def stop(self) -> None:
        """Let the computing of hashes end soon. The next listener begins it again."""
        self._stopped = True

    def expires_at(self, upload: ResumableUpload) -> int:
        """When an upload is deleted, in milliseconds since 1970."""
        return upload.changed_at + self._keep_ms

    def require_size(self, size: int) -> None:
        """Raise Problem 413 if a file is too large."""
        if size > self._max_bytes:
            raise too_large("the file", self._max_bytes, Code.FILE_TOO_LARGE)

    async def create(self, caller: Caller, name: str, size: int) -> ResumableUpload:
        """Begin an upload. Raises Problem 409 if there are too many, and 413 and 429 if the quota
        of the caller has no room for it."""
        reserved = await self._quotas.reserve(caller, 0, size)
        try:
            upload = await self._create(caller, name, size)
            reserved.keep(jobs=0, size=size)
        finally:
            reserved.release()
        return upload

    async def _create(self, caller: Caller, name: str, size: int) -> ResumableUpload:
        now = await self._run(self._uploads.now)
        upload = ResumableUpload(uuid4(), name, size, caller.name, now, changed_at=now)
        async with self._creating:  # or several could take the last place
            try:
                await self._run(partial(self._create_if_room, upload, caller.sharer))
            except NoRoom as error:
                detail = error.text(MAX_UPLOADS, "resumable uploads")
                raise Problem(Code.TOO_MANY_UPLOADS, detail) from None
        return upload

    def _create_if_room(self, upload: ResumableUpload, sharer: str | None) -> None:
        """Begin an upload. Raises NoRoom."""
        most = self._uploads.count()
        if most >= MAX_UPLOADS // 2:  # else there is room, however many of them are the caller's
            found = self._uploads.unexpired(self._keep_ms)
            own = [each for each in found if each.created_by == sharer]
            require_room(MAX_UPLOADS, len(found), None if sharer is None else len(own))
        self._uploads.create(upload)

    async def get(self, id: UUID, caller: Caller) -> ResumableUpload:
        """Return an upload. Raises Problem 403 and 404."""
        found: ResumableUpload | None = await self._run(partial(self._uploads.get, id))
        if found is None or self.expires_at(found) <= await self._run(self._uploads.now):
            raise upload_not_found()
        if not (caller.is_own(found.created_by) or caller.may_change_all):
            detail = f"{caller.name} has not begun this upload"
            raise Problem(Code.NOT_YOUR_UPLOAD, detail)
        return found

    async def all_of(self, caller: Caller) -> list[ResumableUpload]:
        """Return the uploads that a caller may use, the oldest first: its own, or the uploads of
        all callers for an admin of all queues."""
        found: list[ResumableUpload] = await self._run(
            partial(self._uploads.unexpired, self._keep_ms)
        )
        own = [each for each in found if caller.may_change_all or caller.is_own(each.created_by)]
        return sorted(own, key=lambda upload: (upload.created_at, upload.id))

    async def interrupt(self, id: UUID) -> None:
        """End the request that is writing to an upload, so that its offset does not change."""
        detail = "this request was ended by one that asked for the offset"
        await self._interrupt(id, Problem(Code.UPLOAD_BUSY, detail, headers={"Retry-After": "1"}))

    async def _interrupt(self, id: UUID, problem: Problem) -> None:
        if body := self._bodies.pop(id, None):
            await body.interrupt(problem)

    async def require_quota(self, caller: Caller) -> None:
        """Raise Problem 429 if a caller uses more bytes than its quota allows."""
        await self._quotas.require_bytes(caller)

    async def open(
        self, id: UUID, offset: int, verify: bool, body: Interruptible
    ) -> ResumableWriter:
        """Begin to append bytes, which `body` receives. Raises Problem 404, 409 and 423."""
        with upload_problems():
            writer: ResumableWriter = await self._run(
                partial(self._uploads.append, id, offset, verify)
            )
        self._bodies[id] = body
        return writer

    def digest(self, id: UUID, offset: int) -> Any:
        """Return the SHA-256 of the bytes before an offset, to be continued; None if unknown."""
        at, digest = self._digests.pop(id, (-1, None))
        return digest if at == offset else None

    def new_digest(self) -> Any:
        """Return a SHA-256 of no bytes."""
        return hashlib.sha256()

    def appended(self, id: UUID, offset: int, digest: Any) -> None:
        """Note that an upload has all bytes up to an offset, whose hash is `digest` or unknown."""
        self._bodies.pop(id, None)
        if digest is not None:
            self._digests[id] = offset, digest
            if len(self._digests) > _MAX_DIGESTS:
                self._digests.popitem(last=False)

    async def complete(self, id: UUID) -> None:
        """Give a complete upload its SHA-256, and wait for that, at most for READY_SECONDS."""
        task = self._completing.get(id)
        if task is None:
            task = self._completing[id] = asyncio.ensure_future(self._complete(id))
            task.add_done_callback(lambda done: self._completed(id, done))
        await asyncio.wait([task], timeout=READY_SECONDS)
        if task.done():
            with upload_problems():
                task.result()

    async def delete(self, id: UUID) -> None:
        """Delete an upload. Jobs keep their files."""
        await self._interrupt(id, upload_not_found())
        self._digests.pop(id, None)
        await self._run(partial(self._uploads.delete, id))

    async def find(self, reference: UploadReference, caller: Caller) -> ResumableUpload:
        """Return the complete upload that a submission names. Raises Problem 403, 409 and 422."""
        assert reference.id
        try:
            found = await self.get(reference.id, caller)
            if found.has_all and found.sha256 is None:
                await self.complete(found.id)
                found = await self.get(reference.id, caller)
        except Problem as problem:
            if problem.code is Code.UPLOAD_NOT_FOUND:
                raise _unknown() from None
            if problem.code is not Code.UPLOAD_BUSY:  # else another listener computes it
                raise
            found = await self.get(reference.id, caller)
        if not found.has_all:
            detail = f"upload.id: {found.offset} of its {found.size} bytes have arrived"
            raise Problem(Code.UPLOAD_INCOMPLETE, detail)
        if found.sha256 is None:
            detail = "upload.id: the SHA-256 of the file is being computed"
            raise Problem(Code.UPLOAD_NOT_READY, detail, headers={"Retry-After": "2"})
        return found

    async def look_at(self, reference: UploadReference, caller: Caller) -> ResumableUpload:
        """Return the upload that a submission names, complete or not. Raises Problem 403, 422."""
        assert reference.id
        try:
            return await self.get(reference.id, caller)
        except Problem as problem:
            raise (_unknown() if problem.code is Code.UPLOAD_NOT_FOUND else problem) from None

    async def take(
        self,
        reference: UploadReference,
        caller: Caller,
        reserve: Callable[[int, str], Awaitable[None]],
    ) -> Upload:
        """Return a copy of a complete upload for a job. Raises as `find`.

        `reserve` reserves the bytes of a file by its size and its hash, and may raise a Problem.
        """
        found = await self.find(reference, caller)
        await reserve(found.size, found.sha256 or "")
        try:
            upload: Upload = await self._run(partial(self._uploads.copy, found))
        except UploadGone:
            raise _unknown() from None
        return upload

    async def _complete(self, id: UUID) -> None:
        _, digest = self._digests.pop(id, (0, None))
        sha256 = digest.hexdigest() if digest is not None else None
        await self._run(partial(self._uploads.complete, id, sha256, lambda: self._stopped))

    def _completed(self, id: UUID, task: "asyncio.Future[None]") -> None:
        self._completing.pop(id, None)
        task.exception()  # retrieved, so that asyncio does not log it


def upload_not_found() -> Problem:
    """404: there is no such upload."""
    return Problem(Code.UPLOAD_NOT_FOUND, "there is no such upload; it may have expired")


@contextlib.contextmanager
def upload_problems() -> Iterator[None]:
    """Turn the errors of resumable uploads within the block into problems."""
    try:
        yield
    except UploadGone:
        raise upload_not_found() from None
    except UploadBusy:
        detail = "another request is writing to this upload"
        raise Problem(Code.UPLOAD_BUSY, detail, headers={"Retry-After": "1"}) from None
    except OffsetConflict as conflict:
        raise offset_conflict(conflict.offset) from None


def offset_conflict(offset: int) -> Problem:
    """409: the bytes do not begin at the offset of the upload."""
    detail = f"Upload-Offset: the upload has {offset} bytes, so the next ones begin at {offset}"
    return Problem(Code.OFFSET_CONFLICT, detail, headers={"Upload-Offset": str(offset)})


def _unknown() -> Problem:
    detail = "there is no such upload; it may have expired: begin one with POST /uploads"
    return unacceptable([FieldError("upload.id", detail, "unknown")])

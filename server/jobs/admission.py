"""Admits submissions by their heads: refuses jobs while too many are queued or a disk is nearly
full, and a second request with an `Idempotency-Key` that is still in progress.

The checks of a submission, in this order:

1. the head by itself: token, role, rate, query, media type, size (4xx)
2. the quotas of the caller (413, 429): they come before the limits of the service, so that one
   caller's refused jobs never count against other callers; they refuse no request whose key stands
   for a job, because it stores nothing
3. MAX_QUEUED_JOBS (503), then MIN_FREE_BYTES (507): what the service lacks now
4. the key: its syntax (400), and whether a request with it is in progress (409)
5. the body (4xx), once it has arrived; then whether the key stands for another submission (422)

A key makes it safe to repeat a submission:

    key new                                    ─▶ a new job
    key known, same submission                 ─▶ the first response again
    key known, different submission            ─▶ 422
    key of a request that is still in progress ─▶ 409, if this listener is handling that request

The space below the disk watermark is reserved for jobs that were accepted. A JSON body uses the
disk of the database, a form also the disk of the uploads. With PostgreSQL, the database's disk
belongs to its server and is not checked.
"""

import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage

from server.auth.callers import Caller
from server.http.codes import Code
from server.http.problems import FieldError, Problem, insufficient_storage, malformed, unavailable
from server.http.request_log import RunInBackground
from server.jobs.quotas.quotas import JobQuotas, Reservation
from server.jobs.quotas.usage import Use, UseCounts
from server.store.spans import RequestSpans, SubmissionSpan
from storage.records.job import DEFAULT_MAX_LOSSES, EncodedJson, NewJob, StoreError, Upload
from storage.records.json_values import Json
from storage.records.shares import NoRoom, require_room

log = logging.getLogger(__name__)

DISK_READ_SECONDS = 0.02
"""How long a reading of the free space is used; requests admitted meanwhile count as written."""
DEFAULT_MIN_FREE_BYTES = 256 * 1024**2
DEFAULT_DISK_FRACTION = 10
"""The default watermark is at most the disk's size divided by this, so that small disks work."""
QUEUE_COUNT_SECONDS = 1.0
QUEUE_COUNT_VALID_SECONDS = 3.0
"""A count that is older than this refuses no job."""
QUEUE_FULL_RETRY_SECONDS = 10
KEY_HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 255
_ADDED_LATER = {
    "max_losses": DEFAULT_MAX_LOSSES,
    "tags": (),
    "after": (),
    "on_failure": None,
    "input_from": None,
    "holds": 0,
    "watched": 0,
    **dict.fromkeys(("metadata", "keep_for", "expires_at", "expires_in", "backoff", "finish_by")),
    **dict.fromkeys(("unique_key", "unique_scope", "if_exists", "batch_id")),
    **dict.fromkeys(("schedule", "nominal_at")),
    **dict.fromkeys(("concurrency_key", "max_per_key", "limits")),
}
"""Fields of jobs and their defaults: keys that listeners of earlier releases have stored lack them.
"""


@dataclass
class Admission:
    """A submission that was admitted by its head."""

    caller: Caller
    span: SubmissionSpan | None
    key: str | None
    """Its key with the caller's name, because each caller has keys of its own. None without one."""
    keys_in_flight: set[str]
    reserved: Reservation
    """What it has reserved of its caller's quotas."""

    def keep(self, jobs: int = 1, upload: Upload | None = None) -> None:
        """Let jobs that were stored, and their file, count against the quotas of the caller."""
        self.reserved.keep(jobs, upload.size if upload else 0)

    def release(self) -> None:
        """Free the key of a submission that was answered, or whose client went away, and what it
        has reserved and not kept."""
        if self.key is not None:
            self.keys_in_flight.discard(self.key)
            self.key = None
        self.reserved.release()


class Admissions:
    """Admits the submissions of a listener."""

    def __init__(
        self,
        queue_watermark: "QueueWatermark",
        disk_watermark: "DiskWatermark",
        spans: RequestSpans | None,
        quotas: JobQuotas,
        has_key: Callable[[str], Awaitable[bool]],
    ):
        """`has_key` returns whether a key stands for a job. It may raise StoreError."""
        self._quotas = quotas
        self._has_key = has_key
        self._queue_watermark = queue_watermark
        self._disk_watermark = disk_watermark
        self._spans = spans
        self._keys_in_flight: set[str] = set()
        """The keys of submissions that this listener has not answered yet."""

    async def admit(
        self,
        headers: Mapping[str, str],
        caller: Caller,
        size: int,
        has_file: bool = False,
        is_dry_run: bool = False,
        file_size: int = 0,
    ) -> Admission:
        """Admit a submission whose body has `size` bytes; its `release` has to follow.

        Its file has at least `file_size` bytes. A dry run does not count as a queued job. Raises
        Problem 400, 409, 413, 429, 503 and 507, and StoreError.
        """
        span = self._spans.submission(headers) if self._spans else None
        reserved = await self._reserve(headers, caller, file_size if has_file else None)
        try:
            await self._queue_watermark.admit(caller, jobs=0 if is_dry_run else 1)
            if has_file:
                self._disk_watermark.admit_upload(size)
            else:
                self._disk_watermark.admit(size)
            key = self._free_key(headers, caller)
        except BaseException:
            reserved.release()
            raise
        if key is not None:
            self._keys_in_flight.add(key)
        if is_dry_run:
            reserved.release()
        return Admission(caller, span, key, self._keys_in_flight, reserved)

    async def _reserve(
        self, headers: Mapping[str, str], caller: Caller, file_size: int | None
    ) -> Reservation:
        """Reserve a job and its file. Raises Problem 413 and 429; 409 instead if a request with
        the same key is in progress, which may have used up the quota."""

        is_in_progress = False

        async def is_repeat() -> bool:
            nonlocal is_in_progress
            key = _key(headers, caller)
            # Before the look-up, because the first request may be answered during it.
            is_in_progress = key in self._keys_in_flight
            return key is not None and await self._has_key(key)

        try:
            return await self._quotas.reserve(caller, 1, file_size, is_repeat)
        except Problem as problem:
            if is_in_progress or _key(headers, caller) in self._keys_in_flight:
                raise _key_in_progress() from problem
            raise

    def _free_key(self, headers: Mapping[str, str], caller: Caller) -> str | None:
        """Return the key of a submission. Raises Problem 400, and 409 if it is in progress."""
        key = _key(headers, caller)
        if key in self._keys_in_flight:
            raise _key_in_progress()
        return key


def _key(headers: Mapping[str, str], caller: Caller) -> str | None:
    key = headers.get(KEY_HEADER)
    if key is None:
        return None
    if not (0 < len(key) <= MAX_KEY_LENGTH and key.isascii() and key.isprintable()):
        raise malformed(f"{KEY_HEADER} must be 1 to {MAX_KEY_LENGTH} printable ASCII characters")
    # A key cannot contain a line break.
    return key if caller.name is None else f"{caller.name}\n{key}"


def _key_in_progress() -> Problem:
    return Problem(Code.KEY_IN_PROGRESS, f"a request with this {KEY_HEADER} is still in progress")


def key_reused() -> Problem:
    """Return Problem 422 for a key that stands for a different submission."""
    error = FieldError(KEY_HEADER, "it was used for a different submission")
    return Problem(Code.KEY_REUSED, f"{error.field}: {error.detail}", [error])


def fingerprint(job: NewJob) -> str:
    """Return a hash over everything that the client submitted; of a file, its name and digest.

    Two submissions of one caller are equal if and only if their fingerprints are.
    """
    upload = job.upload and [job.upload.name, job.upload.sha256]
    submitted: Json = {**vars(job), "upload": upload, "source": None, "id": None}
    del submitted["submitted_by"], submitted["traceparent"], submitted["replaces_all"]
    del submitted["actor"]
    for name, default in _ADDED_LATER.items():
        if submitted[name] == default:
            del submitted[name]
    if isinstance(job.payload, EncodedJson):
        submitted["payload"] = None
    text = json.dumps(submitted, sort_keys=True, ensure_ascii=False, default=str)
    if isinstance(job.payload, EncodedJson):  # inside of a text, quotes would be escaped
        text = text.replace('"payload": null', f'"payload": {job.payload.sorted}', 1)
    return hashlib.sha256(text.encode()).hexdigest()


class DiskWatermark:
    """Admits requests while enough bytes are free on the disks.

    The free space is read at most once per DISK_READ_SECONDS, and again before each refusal.
    """

    def __init__(self, min_free: int | None, database: Path | None, uploads: Path | None):
        """`min_free` is in bytes; 0 switches the check off, None selects the default.

        `database` and `uploads` are folders on the disks to check, None for data kept elsewhere.
        """
        self._min_free = min_free
        self._folders = {} if database is None else {"database": database}
        self._uploads = self._folders if uploads is None else {**self._folders, "uploads": uploads}
        self._nearly_full: set[str] = set()
        """The disks whose free space was below the watermark when it was last read."""
        self._readings: dict[str, tuple[float, int, int]] = {}
        """For each disk: when it was read, its free bytes minus those admitted since then, and its
        watermark."""

    def admit(self, size: int) -> None:
        """Admit a request without a file, whose body has `size` bytes. Raises Problem 507."""
        for name, folder in self._folders.items():
            self._require(name, folder, size)

    def admit_upload(self, size: int) -> None:
        """Admit `size` bytes of a form: its full length, or the next chunk. Raises Problem 507."""
        for name, folder in self._uploads.items():
            self._require(name, folder, size)

    def free_bytes(self) -> dict[str, int]:
        """The free space of each disk that can be read, in bytes."""
        found = {}
        for name, folder in self._uploads.items():
            with contextlib.suppress(OSError):
                found[name] = disk_usage(folder).free
        return found

    def _require(self, name: str, folder: Path, size: int) -> None:
        now = time.monotonic()
        read_at, free, watermark = self._readings.get(name, (-DISK_READ_SECONDS, 0, 0))
        if now - read_at >= DISK_READ_SECONDS or free - size < watermark:
            read_at, (free, watermark) = now, self._read(name, folder)
        if free - size < watermark:
            raise _disk_full(name, free, watermark, size)
        self._readings[name] = read_at, free - size, watermark

    def _read(self, name: str, folder: Path) -> tuple[int, int]:
        """Return the free space of a disk, and its watermark. Logs when one crosses the other."""
        try:
            total, _, free = disk_usage(folder)
        except OSError as error:
            detail = f"cannot read the free space for the {name}: {error.strerror}"
            raise unavailable(detail) from error
        watermark = self._min_free
        if watermark is None:
            watermark = min(DEFAULT_MIN_FREE_BYTES, total // DEFAULT_DISK_FRACTION)
        if (free < watermark) != (name in self._nearly_full):
            self._nearly_full ^= {name}
            extra = {"disk": name, "free_bytes": free, "min_free_bytes": watermark}
            if free < watermark:
                log.warning("a disk is nearly full, new jobs are refused", extra=extra)
            else:
                log.info("a disk has room again, new jobs are accepted", extra=extra)
        return free, watermark


def _disk_full(name: str, free: int, watermark: int, size: int) -> Problem:
    needed = f"; this request needs {size} more" if free >= watermark else ""
    return insufficient_storage(
        f"the disk for the {name} has {free} bytes free, of which {watermark} are reserved"
        f" for accepted jobs (MIN_FREE_BYTES){needed}: free some space, or lower MIN_FREE_BYTES"
    )


class QueueWatermark:
    """Admits new jobs while fewer than a maximum are queued, and each caller has only its share.

    `require_room` defines the share. The queued jobs of a caller are not counted while the service
    has less than half of the maximum, since they cannot be more than the share.

    Queued jobs are counted about once a second while jobs are submitted, and each admitted job is
    added to the last count. Only the jobs that other listeners admit between two counts, and the
    jobs of one bulk retry, can exceed the limit.
    """

    def __init__(
        self,
        max_queued: int,
        count: Callable[[], Awaitable[int]],
        uses: UseCounts,
        run_in_background: RunInBackground,
    ):
        """`max_queued` 0 means no limit; `count` counts queued jobs, and may raise StoreError;
        `uses` counts the queued jobs of a caller."""
        self._max_queued = max_queued
        self._count, self._uses = count, uses
        self._run_in_background = run_in_background
        self._queued = 0
        self._next_count_at = self._valid_until = 0.0
        self._full = False

    async def admit(self, caller: Caller, jobs: int = 1) -> None:
        """Admit new jobs, all of them or none; with 0, as one that is not counted.

        Raises Problem 503, and StoreError.
        """
        if not self._max_queued:
            return
        now = time.monotonic()
        if now >= self._next_count_at:
            self._next_count_at = now + QUEUE_COUNT_SECONDS
            self._run_in_background(self._recount())
        more = max(jobs, 1)
        use = await self._use(caller.sharer, self._queued + more - 1, more)
        headers = {"Retry-After": str(QUEUE_FULL_RETRY_SECONDS)}
        if self._queued + more > self._max_queued and now < self._valid_until:
            detail = f"{_queued(self._max_queued)}, which is the limit (MAX_QUEUED_JOBS)"
            if self._queued < self._max_queued:
                detail = (
                    f"{_queued(self._queued)}, and {jobs} more would exceed the limit of"
                    f" {self._max_queued} (MAX_QUEUED_JOBS)"
                )
            raise Problem(Code.QUEUE_FULL, detail, headers=headers)
        if use is not None:
            try:
                require_room(self._max_queued, self._queued, use.amount, more=more)
            except NoRoom as error:
                detail = error.text(self._max_queued, "queued jobs (MAX_QUEUED_JOBS)")
                detail += f", so {more} more would be too many" if more > 1 else ""
                raise Problem(Code.QUEUE_FULL, detail, headers=headers) from error
            use.stored += jobs
        self._queued += jobs

    async def _use(self, sharer: str | None, used: int, more: int) -> Use | None:
        """Return the queued jobs of a caller if there is a doubt that it may have so many more."""
        is_in_doubt = self._max_queued <= 2 * used < 2 * self._max_queued
        if sharer is None or time.monotonic() >= self._valid_until:
            return None
        if not is_in_doubt:
            self._uses.forget(sharer)  # `admit` adds its jobs to a count only while there is doubt
            return None
        return await self._uses.current(sharer, self._max_queued, used + more)

    def add(self, caller: Caller, jobs: int) -> None:
        """Add the jobs of a change that `admit` could not count before, such as a bulk retry."""
        self._queued += jobs
        self._uses.forget(str(caller.name))

    async def _recount(self) -> None:
        try:
            self._queued = await self._count()
        except StoreError:
            return  # requests that need the store report the failure
        self._valid_until = time.monotonic() + QUEUE_COUNT_VALID_SECONDS
        full = self._queued >= self._max_queued
        if full != self._full:
            self._full = full
            extra = {"queued": self._queued, "max_queued_jobs": self._max_queued}
            if full:
                log.warning("too many jobs are queued, new jobs are refused", extra=extra)
            else:
                log.info("fewer jobs are queued again, new jobs are accepted", extra=extra)


def _queued(jobs: int) -> str:
    return "1 job is queued" if jobs == 1 else f"{jobs} jobs are queued"

"""`JobQuotas`: refuses requests of callers whose quotas are used up.

    head of a request ─▶ reserve ─▶ Reservation ─┬─ keep: what was stored counts from now on
                                                 └─ release: what was not stored is free again

Callers without quotas cost a look into a table, and no query.
"""

import math
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from server.auth.callers import ANONYMOUS, Caller, CallerQuotas
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.quotas.usage import FULL_COUNT_SECONDS, Use, UseCounts
from storage.records.job import StoreError


@dataclass(frozen=True)
class _Resource:
    """The resource that a quota limits, in the words of its refusals."""

    quota: str
    one: str
    many: str
    remedy: str
    less: str
    is_soon_free: bool
    """Whether waiting helps by itself."""


QUEUED = _Resource(
    "queued",
    "queued job",
    "queued jobs",
    "wait until some of them have started, or cancel some",
    "send fewer",
    is_soon_free=True,
)
BYTES = _Resource(
    "bytes",
    "byte of files",
    "bytes of files",
    "delete jobs with files, or uploads, that are not needed",
    "send less",
    is_soon_free=False,
)


class Share:
    """The part of one resource that one request has reserved.

    A client may go away, so that all is released, while its file or its job is still being stored:
    nothing is reserved then any more, but what is stored counts.
    """

    def __init__(self, resource: _Resource, counts: UseCounts, caller: str, limit: int):
        self._resource, self._counts = resource, counts
        self._caller, self._limit = caller, limit
        self._use: Use | None = None
        self._granted = self._held = self._arrived = 0
        self._is_released = False

    def require_fits(self, amount: int) -> None:
        """Raise Problem 413 for an amount that is larger than the quota."""
        if amount > self._limit:
            raise self._too_large(amount)

    async def add(self, amount: int) -> None:
        """Reserve more. Raises Problem 413 and 429, and StoreError."""
        self.require_fits(self._granted + amount)
        use = self._use = await self._counts.current(self._caller, self._limit, amount)
        if use.amount + amount > self._limit:
            raise self._used_up(use, amount)
        self._grant(use, amount)

    def arrive(self, amount: int) -> None:
        """Reserve what arrives beyond what was announced. Raises Problem 413 and 429."""
        self._arrived += amount
        more = self._arrived - self._granted
        if self._use is None or more <= 0:
            return
        self.require_fits(self._arrived)
        beyond_held = self._arrived - self._held  # of a dry run, which holds nothing, all bytes
        if self._use.amount + beyond_held > self._limit:
            raise self._used_up(self._use, beyond_held)
        self._grant(self._use, more)

    def keep(self, amount: int) -> None:
        """Let an amount that was stored count, as far as it was reserved, and free the rest."""
        if self._use is not None:
            self._use.stored += min(amount, self._granted)
        self.release()

    def release(self) -> None:
        """Free what was not kept."""
        self._is_released = True
        if self._use is not None:
            self._use.reserved -= self._held
            self._held = 0

    def _grant(self, use: Use, amount: int) -> None:
        self._granted += amount
        if not self._is_released:
            self._held += amount
            use.reserved += amount

    def _used_up(self, use: Use, amount: int) -> Problem:
        """429: the caller uses all that its quota allows."""
        of, used, amount = self._resource, use.amount - self._held, self._held + amount
        more = "" if used >= self._limit else f", so {amount} more would be too many"
        detail = f"{self}, and has {used}{more}: {of.remedy}"
        headers = {}
        if of.is_soon_free:
            seconds = math.ceil(use.due_at(FULL_COUNT_SECONDS) - time.monotonic())
            headers["Retry-After"] = str(max(1, seconds))
        members = {"quota": of.quota, "limit": self._limit, "used": used}
        return Problem(Code.QUOTA_EXCEEDED, detail, headers=headers, members=members)

    def _too_large(self, amount: int) -> Problem:
        """413: the request would never fit."""
        detail = f"{self}, and this request alone has {amount}: {self._resource.less}"
        members = {"quota": self._resource.quota, "limit": self._limit}
        return Problem(Code.LARGER_THAN_QUOTA, detail, members=members)

    def __str__(self) -> str:
        of = self._resource
        what = of.one if self._limit == 1 else of.many
        return f"{self._caller} may have {self._limit} {what} (quota {of.quota})"


class Reservation:
    """The parts of its caller's quotas that one request has reserved."""

    def __init__(
        self,
        quotas: "JobQuotas",
        caller: Caller,
        queued: Share | None,
        size: Share | None,
        is_repeat: Callable[[], Awaitable[bool]] | None = None,
    ):
        """`is_repeat` returns whether the request repeats one that has stored its jobs. It stores
        nothing then, so it is not refused. It may raise StoreError."""
        self._quotas, self._caller = quotas, caller
        self._queued, self._bytes = queued, size
        self._is_repeat = is_repeat

    async def add_jobs(self, count: int) -> None:
        """Reserve jobs: all of them or none. Raises Problem 413 and 429, and StoreError."""
        await self._add(self._queued, count)

    def require_fits(self, size: int) -> None:
        """Raise Problem 413 for a file that is larger than the quota, however much of it is used:
        waiting for room would be in vain."""
        if self._bytes:
            with self._quotas.counting_refusals():
                self._bytes.require_fits(size)

    async def add_bytes(self, size: int) -> None:
        """Reserve bytes of a file. Raises Problem 413 and 429, and StoreError."""
        await self._add(self._bytes, size)

    async def find_repeat(self) -> bool:
        """Reserve nothing if the request is a repeat, and return that. Raises StoreError."""
        if self._is_repeat is None or not await self._is_repeat():
            return False
        self.release()
        self._queued = self._bytes = None
        return True

    async def add_upload(self, size: int, sha256: str) -> None:
        """Reserve the bytes of a resumable upload that a job gets. Raises as `add_bytes`.

        The first job of a caller that has the file takes over what the upload has counted.
        """
        if self._bytes:
            is_second = await self._quotas.has_upload(self._caller, sha256)
            await self.add_bytes(size if is_second else 0)

    def arrive(self, size: int) -> None:
        """Reserve the next bytes of a file unless they were announced. Raises Problem 413, 429."""
        if self._bytes:
            with self._quotas.counting_refusals():
                self._bytes.arrive(size)

    async def _add(self, share: Share | None, amount: int) -> None:
        if share is None:
            return
        with self._quotas.counting_refusals():
            try:
                await share.add(amount)
            except Problem:
                if not await self.find_repeat():
                    raise

    def keep(self, jobs: int, size: int = 0) -> None:
        """Let what was stored count, as far as it was reserved, and free the rest."""
        if self._queued:
            self._queued.keep(jobs)
        if self._bytes:
            self._bytes.keep(size)

    def release(self) -> None:
        """Free what was not kept."""
        for share in (self._queued, self._bytes):
            if share:
                share.release()


class JobQuotas:
    """The quotas of a listener's callers, except quotas of requests."""

    def __init__(
        self,
        quotas: CallerQuotas,
        queued: UseCounts,
        size: UseCounts,
        find_upload: Callable[[str, str], Awaitable[bool]],
    ):
        """`find_upload` returns whether a job of a named caller was given a file with a hash."""
        self._quotas, self._queued, self._bytes = quotas, queued, size
        self._find_upload = find_upload
        self.nothing = Reservation(self, ANONYMOUS, None, None)
        """What is reserved for a caller without quotas."""

    async def reserve(
        self,
        caller: Caller,
        jobs: int,
        size: int | None = None,
        is_repeat: Callable[[], Awaitable[bool]] | None = None,
    ) -> Reservation:
        """Reserve the jobs of a request, and the bytes of its file, if it has one.

        `size` is at most the size of the file; `Reservation.arrive` reserves the rest. It cannot
        ask `is_repeat`, so that is asked for each file in advance. `keep` or `release` has to
        follow. Raises Problem 413 and 429, and StoreError.
        """
        if self._quotas.of(caller) is None:
            return self.nothing
        queued = self._share(QUEUED, self._queued, caller)
        size_share = self._share(BYTES, self._bytes, caller)
        reservation = Reservation(self, caller, queued, size_share, is_repeat)
        try:
            if size is not None and await reservation.find_repeat():
                return reservation
            reservation.require_fits(size or 0)
            if jobs:
                await reservation.add_jobs(jobs)
            if size is not None:
                await reservation.add_bytes(size)
        except BaseException:
            reservation.release()
            raise
        return reservation

    async def has_upload(self, caller: Caller, sha256: str) -> bool:
        """Return whether a job of a caller was given a file with this hash. Raises StoreError."""
        return await self._find_upload(str(caller.name), sha256)

    @contextmanager
    def counting_refusals(self) -> Iterator[None]:
        """A block whose refusals by a quota are counted."""
        try:
            yield
        except Problem as problem:
            self._quotas.refused[problem.members["quota"]] += 1
            raise

    async def require_room(self, caller: Caller) -> None:
        """Raise Problem 429 if no further job of a caller may be queued, and StoreError."""
        (await self.reserve(caller, 1)).release()

    async def require_bytes(self, caller: Caller) -> None:
        """Raise Problem 429 if a caller uses more bytes than it may, and StoreError."""
        (await self.reserve(caller, 0, 0)).release()

    def limits_jobs(self, caller: Caller) -> bool:
        """Whether a caller has a quota of queued jobs."""
        return self._limit(QUEUED, caller) is not None

    def forget(self, caller: Caller) -> None:
        """Count the jobs of a caller again, after a change of unknown size."""
        if caller.name is not None:
            self._queued.forget(caller.name)

    async def queued(self, caller: Caller) -> tuple[int, int | None] | None:
        """Return how many queued jobs a caller may have, and how many it has: None if they cannot
        be counted now. None without a limit."""
        return await self._used(QUEUED, self._queued, caller)

    async def bytes(self, caller: Caller) -> tuple[int, int | None] | None:
        """Return how many bytes a caller may keep, and how many it keeps, as `queued` does."""
        return await self._used(BYTES, self._bytes, caller)

    async def _used(
        self, resource: _Resource, counts: UseCounts, caller: Caller
    ) -> tuple[int, int | None] | None:
        if (limit := self._limit(resource, caller)) is None:
            return None
        try:
            return limit, (await counts.latest(str(caller.name), limit)).amount
        except StoreError:
            return limit, None

    def _share(self, resource: _Resource, counts: UseCounts, caller: Caller) -> Share | None:
        limit = self._limit(resource, caller)
        return None if limit is None else Share(resource, counts, str(caller.name), limit)

    def _limit(self, resource: _Resource, caller: Caller) -> int | None:
        """Return how much of a resource a caller may use; None without a limit."""
        quotas = self._quotas.of(caller)
        limit = None if quotas is None else getattr(quotas, resource.quota)
        return None if limit is None or limit == math.inf else int(limit)

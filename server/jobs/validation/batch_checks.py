"""Checks batches: small ones at once, others piece by piece in the check process.

Between two pieces, the check process serves other submissions.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence

from runner.job_types.registry.found import JobTypes
from server.jobs.validation.batch import BatchPiece, CheckedPiece, SlowJob, check_piece
from server.jobs.validation.batch_body import BatchBody, SplitBatch
from server.jobs.validation.pipeline import split_with_ids
from server.jobs.validation.process import CheckProcess
from server.jobs.validation.sets import FoundSets, SetsNeeded

SMALL_BYTES = 4096
"""The largest batch that is checked in the event loop, which takes at most some milliseconds."""
PIECE_JOBS = 250
PIECE_BYTES = 128 * 1024
"""A piece of a batch ends when it has so many jobs or bytes."""


class BatchChecks:
    """Checks the jobs of batches against job types."""

    def __init__(
        self,
        process: CheckProcess,
        job_types: JobTypes,
        callback_hosts: Collection[str],
        cell: int | None,
        find_sets: Callable[[list[str]], Awaitable[FoundSets]],
    ):
        """`find_sets` reads the pattern sets that jobs name."""
        self._process = process
        self._job_types = job_types
        self._settings = (callback_hosts, cell)
        self._find_sets = find_sets

    async def split(self, body: BatchBody) -> SplitBatch:
        """Return the jobs of a batch, unparsed. Raises Problem 400, 422 and 503."""
        if len(body.content) <= SMALL_BYTES:
            return split_with_ids(body)
        split: SplitBatch = await self._process.check((body,))
        return split

    async def check(self, jobs: Sequence[bytes], first: int = 0) -> AsyncIterator[CheckedPiece]:
        """Yield the checked jobs of a batch, piece by piece. Raises Problem 503.

        `first` is the index of the first job.
        """
        at_once = sum(map(len, jobs)) <= SMALL_BYTES
        for piece in _pieces(jobs, first):
            checked = self._check_at_once(piece) if at_once else None
            yield checked or await self._check(piece)

    def _check_at_once(self, piece: BatchPiece) -> CheckedPiece | None:
        """Check a piece here; return None if that takes long, or sets of patterns are needed."""
        try:
            return check_piece(piece, self._job_types, *self._settings, None, refuse_slow=True)
        except (SlowJob, SetsNeeded):
            return None

    async def _check(self, piece: BatchPiece) -> CheckedPiece:
        checked: CheckedPiece
        try:
            checked = await self._process.check((piece, *self._settings, None))
        except SetsNeeded as needed:
            sets = await self._find_sets(needed.names)
            checked = await self._process.check((piece, *self._settings, sets))
        return checked


def _pieces(jobs: Sequence[bytes], first: int) -> list[BatchPiece]:
    """Cut a batch into pieces of at most PIECE_JOBS jobs, and about PIECE_BYTES."""
    pieces: list[BatchPiece] = []
    start = size = 0
    for index, job in enumerate(jobs):
        size += len(job)
        if index + 1 - start == PIECE_JOBS or size >= PIECE_BYTES:
            pieces.append(BatchPiece(first + start, jobs[start : index + 1]))
            start, size = index + 1, 0
    if start < len(jobs):
        pieces.append(BatchPiece(first + start, jobs[start:]))
    return pieces

"""Guards of the quota of bytes, and of the counts in the store."""

from tests.mutants.mutant import Mutant

VALUES = ("tests/server/auth/test_quotas.py",)
BYTES = ("tests/server/jobs/test_byte_quota.py",)
STORED = ("tests/storage/queries/test_caller_use.py",)

BYTE_QUOTA = (
    Mutant(
        "a quota of bytes is a size",
        "server/auth/quotas.py",
        "    if not 0 < size <= MAX_BYTES:\n",
        "    if False:\n",
        VALUES,
    ),
    Mutant(
        "a file beyond the quota is refused before it arrives",
        "server/jobs/admission.py",
        "file_size if has_file else None",
        "None",
        BYTES,
    ),
    Mutant(
        "bytes that were not announced are reserved as they arrive",
        "server/api/jobs/submission.py",
        "            self.admission.reserved.arrive(size)\n",
        "            pass\n",
        BYTES,
    ),
    Mutant(
        "a file larger than the quota is refused while it arrives",
        "server/jobs/quotas/quotas.py",
        "        self.require_fits(self._arrived)\n",
        "",
        BYTES,
    ),
    Mutant(
        "arriving bytes beyond the quota are refused",
        "server/jobs/quotas/quotas.py",
        "        if self._use.amount + beyond_held > self._limit:\n",
        "        if False:\n",
        BYTES,
    ),
    Mutant(
        "arriving bytes are reserved",
        "server/jobs/quotas/quotas.py",
        "        self._grant(self._use, more)\n",
        "",
        BYTES,
    ),
    Mutant(
        "the file of a job counts once it is stored",
        "server/jobs/admission.py",
        "upload.size if upload else 0",
        "0",
        BYTES,
    ),
    Mutant(
        "a job takes over no more than was reserved",
        "server/jobs/quotas/quotas.py",
        "min(amount, self._granted)",
        "amount",
        BYTES,
    ),
    Mutant(
        "a resumable upload needs room",
        "server/jobs/uploads/resumable_uploads.py",
        "        reserved = await self._quotas.reserve(caller, 0, size)\n",
        "        reserved = self._quotas.nothing\n",
        BYTES,
    ),
    Mutant(
        "a resumable upload counts from its beginning",
        "server/jobs/uploads/resumable_uploads.py",
        "reserved.keep(jobs=0, size=size)",
        "pass",
        BYTES,
    ),
    Mutant(
        "bytes of a resumable upload need room",
        "server/api/uploads/uploads.py",
        "        await self.resumable.require_quota(self.caller)\n",
        "",
        BYTES,
    ),
    Mutant(
        "the second copy of a resumable upload counts",
        "server/jobs/quotas/quotas.py",
        "size if is_second else 0",
        "0",
        BYTES,
    ),
    Mutant(
        "a copy by hash needs room",
        "server/jobs/uploads/stored_files.py",
        "                    await reserve(file.size)\n",
        "",
        BYTES,
    ),
    Mutant(
        "a resumable upload and the first job with it count once",
        "storage/queries/caller_use.py",
        "if each.sha256 is None or not has_upload(database, caller, each.sha256)",
        "if True",
        STORED,
    ),
    Mutant(
        "files that jobs have left count",
        "storage/queries/caller_use.py",
        "    kept = sum(_value(database, *each, caller, 0) for each in selects)\n",
        "    kept = _value(database, *selects[0], caller, 0)\n",
        STORED,
    ),
    Mutant(
        "only queued jobs are counted",
        "storage/queries/caller_use.py",
        ", unindexed(JobRow.status) == Status.QUEUED",
        "",
        STORED,
    ),
    Mutant(
        "infos that have changed are read again",
        "storage/files/resumable/bucket.py",
        "info if before == now else",
        "info if before else",
        ("tests/storage/files/test_resumable.py",),
    ),
    Mutant(
        "uploads of other callers do not count",
        "server/jobs/uploads/resumable_uploads.py",
        "own = [each for each in found if each.created_by == sharer]",
        "own = list(found)",
        ("tests/storage/files/test_resumable.py",),
    ),
    Mutant(
        "a request is not repeated while nobody makes room",
        "client/jobservice/retries.py",
        "        if failure.code in IF_TOLD and failure.retry_after is None:\n",
        "        if False:\n",
        ("tests/client/test_retries.py",),
    ),
    Mutant(
        "nothing is reserved for a client that went away",
        "server/jobs/quotas/quotas.py",
        "        if not self._is_released:\n",
        "        if True:\n",
        BYTES,
    ),
    Mutant(
        "a repeated form is not refused while it arrives",
        "server/jobs/quotas/quotas.py",
        "            if size is not None and await reservation.find_repeat():\n",
        "            if False:\n",
        BYTES,
    ),
    Mutant(
        "a dry run counts all bytes of its file",
        "server/jobs/quotas/quotas.py",
        "beyond_held = self._arrived - self._held",
        "beyond_held = more",
        BYTES,
    ),
)

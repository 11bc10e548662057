"""Enforces limits that the kernel cannot enforce per job: folder size and number of processes.

The kernel limits processes only per user (RLIMIT_NPROC) or container, and other jobs share both. It
does not limit the size of a folder at all. So the keeper checks both a few times a second. A check
takes some microseconds if the job has neither files nor children.
"""

import math
import os
import time
from collections.abc import Callable

from runner.pool.linux import proc
from runner.pool.linux.limits import JobLimits

_CHECK_SECONDS = 0.25
_MAX_TIME_SHARE = 0.1
"""The share of a keeper's time that checks may take, however many files there are."""


class LimitWatchdog:
    """Checks the limits of one call. Times are seconds of the monotonic clock."""

    def __init__(self, limits: JobLimits, used_bytes: Callable[[int], int]):
        """`used_bytes(limit)` returns the size of the job's folder; it may stop counting above
        `limit`."""
        self._limits, self._used_bytes = limits, used_bytes
        is_limited = limits.folder_bytes is not None or limits.processes is not None
        self.next_check_at = time.monotonic() + _CHECK_SECONDS if is_limited else math.inf

    def check(self) -> tuple[str, str] | None:
        """Return the type and message of an error if a limit is exceeded.

        Does nothing before `next_check_at`.
        """
        now = time.monotonic()
        if now < self.next_check_at:
            return None
        error = self._check_processes() or self._check_folder()
        duration = time.monotonic() - now
        self.next_check_at = now + max(_CHECK_SECONDS, duration / _MAX_TIME_SHARE)
        return error

    def _check_processes(self) -> tuple[str, str] | None:
        limit = self._limits.processes
        if limit is None or proc.count_descendants(os.getpid(), limit) <= limit:
            return None
        text = f"the job had more processes and threads than JOB_PROCESSES={limit} allows"
        return "ProcessesExceeded", text

    def _check_folder(self) -> tuple[str, str] | None:
        limit = self._limits.folder_bytes
        if limit is None or self._used_bytes(limit) <= limit:
            return None
        return "FolderExceeded", f"the job wrote more than JOB_FOLDER_BYTES={limit} to its folder"

"""A cgroup with little memory, for tests in which the kernel must kill processes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner.pool.keeper import job_process
from tests.support.waiting import wait_for

_LIMITS = {"memory.oom_control": "memory.limit_in_bytes", "memory.events": "memory.max"}


@contextmanager
def small_cgroup(max_bytes: int) -> Iterator[Path]:
    """Yield a cgroup below the one of this process. To move a process there, write its id into
    `cgroup.procs`. Raises OSError if the cgroup cannot be created."""
    own = Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()
    counters = [file for file in job_process.candidate_files(*own) if file.name in _LIMITS]
    folders = [file.parent for file in counters if (file.parent / "cgroup.procs").exists()]
    if not folders:
        raise FileNotFoundError("no cgroup with memory")
    folder = folders[0] / f"job-service-test-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / _LIMITS[counters[0].name]).write_text(str(max_bytes))
        yield folder
    finally:
        # The resource tracker of multiprocessing ends a little after the other processes.
        wait_for(lambda: not (folder / "cgroup.procs").read_text())
        folder.rmdir()

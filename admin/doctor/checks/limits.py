"""Limits that the system sets for the programs: open files, processes and memory."""

import resource
from collections.abc import Iterator
from pathlib import Path

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from runner.pool.linux import cgroups
from storage.records.counted import counted

NAME = "limits"
_FILES = 4096
_MIB = 1024**2
_BYTES_PER_SLOT, _BYTES_ALONE = 13 * _MIB // 3, 75 * _MIB
"""Memory of a keeper with its idle job process, and of the other programs: docs/performance.md."""
_OWN_PROCESSES = 24


def check(subject: Subject) -> Iterator[Finding]:
    """Yield the limits that are too low for the settings."""
    found = [*_of_files(), *_of_processes(subject), *_of_memory(subject)]
    yield from found
    if not found:
        yield ok(NAME, "open files, processes and memory suffice for the settings")


def _of_files() -> Iterator[Finding]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _FILES:
        yield Finding(
            NAME,
            "warning",
            f"a process may open {hard:,} files, and the listener wants {_FILES:,}",
            "it serves half as many connections at once, and further clients wait",
            f"ulimit -n {_FILES}; systemd: LimitNOFILE={_FILES}; Docker: --ulimit nofile={_FILES}",
        )


def _of_processes(subject: Subject) -> Iterator[Finding]:
    slots = subject.worker.concurrency_limit
    wanted = slots * (2 + max(1, subject.worker.job_processes)) + _OWN_PROCESSES
    least = 3 * slots + _OWN_PROCESSES
    for name, limit in _process_limits():
        if limit < wanted:
            yield Finding(
                NAME,
                "error" if limit < least else "note",
                f"{name} is {limit:,}; with all that JOB_PROCESSES allows, "
                f"{counted(slots, 'job')} at once (CONCURRENCY_LIMIT) may need {wanted:,}",
                "the worker cannot start its processes"
                if limit < least
                else "jobs that start many processes can keep others from starting any",
                "raise it (Docker: --pids-limit, systemd: TasksMax=), or lower JOB_PROCESSES",
            )


def _process_limits() -> Iterator[tuple[str, int]]:
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    if hard != resource.RLIM_INFINITY:
        yield "the limit of processes of this user (ulimit -u)", hard
    if (most := _of_group("pids.max")) is not None:
        yield "the limit of processes of this control group (pids.max)", most


def _of_memory(subject: Subject) -> Iterator[Finding]:
    limit = _of_group("memory.max")
    slots = subject.worker.concurrency_limit
    if limit is None:
        return
    wanted = _BYTES_ALONE + slots * _BYTES_PER_SLOT
    if limit < wanted:
        yield Finding(
            NAME,
            "error",
            f"this control group may use {limit / _MIB:,.0f} MiB (memory.max), and the programs "
            f"alone need {wanted / _MIB:,.0f}",
            "the kernel kills them",
            "raise the limit (Docker: --memory), or lower CONCURRENCY_LIMIT",
        )
    job = subject.worker.job_memory_bytes
    if job and limit < wanted + job * slots:
        yield Finding(
            NAME,
            "note",
            f"with JOB_MEMORY_BYTES={job}, {counted(slots, 'job')} at once may need more than "
            f"memory.max={limit}",
            "the kernel may kill the worker instead of a job that takes too much",
            "lower JOB_MEMORY_BYTES or CONCURRENCY_LIMIT, or raise the limit of the group",
        )


def _of_group(name: str) -> int | None:
    """Return a limit of this control group; None if there is none, or no such group."""
    try:
        group = cgroups.own_group(
            Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()
        )
        text = (group / name).read_text().strip()
    except (OSError, cgroups.NoCgroups):
        return None
    return int(text) if text.isdecimal() else None

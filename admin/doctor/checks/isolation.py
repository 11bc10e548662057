"""How the kernel isolates jobs: with Landlock, seccomp, mount namespaces and control groups."""

import os
import platform
from collections.abc import Iterator

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from runner.pool.linux import cgroups, landlock, namespaces, seccomp

NAME = "isolation"
_NEEDED = (
    (landlock.TRUNCATE_ABI, "6.2", "jobs can truncate files that they may not write"),
    (landlock.IOCTL_ABI, "6.10", "jobs can send ioctl calls to devices"),
    (landlock.SCOPE_ABI, "6.12", "jobs can send signals to other processes of this user"),
)


def check_kernel(_subject: Subject) -> Iterator[Finding]:
    """Yield how well jobs are kept from other files and processes."""
    abi, kernel = landlock.abi_version(), platform.release()
    if abi < landlock.MIN_ABI:
        yield Finding(
            NAME,
            "warning",
            f"Linux {kernel} has no Landlock, or it is off (ABI {abi})",
            "a job can read and change all files of the user of the worker, with DATA_DIR",
            "use Linux 5.19 or later, with landlock in the kernel option lsm=; run only trusted "
            "job types until then",
        )
        return
    lacks = [(linux, harm) for needed, linux, harm in _NEEDED if abi < needed]
    if not lacks:
        yield ok(NAME, f"Linux {kernel}: Landlock ABI {abi} isolates jobs completely")
        return
    yield Finding(
        NAME,
        "note",
        f"Linux {kernel}: Landlock ABI {abi}",
        "; ".join(harm for _, harm in lacks),
        f"use Linux {lacks[-1][0]} or later, if jobs process data of strangers",
    )


def check(subject: Subject) -> Iterator[Finding]:
    """Yield whether networks can be blocked, and whether jobs get namespaces and control groups."""
    if seccomp.is_supported():
        yield ok(NAME, "seccomp filters work, so JOB_NETWORK=none is possible")
    else:
        blocked = subject.worker.job_network == "none"
        yield Finding(
            NAME,
            "error" if blocked else "note",
            f"this kernel or processor ({platform.machine()}) has no seccomp filters",
            "a worker with JOB_NETWORK=none does not start" if blocked else "jobs can use networks",
            "unset JOB_NETWORK, or use Linux on x86-64 or ARM with CONFIG_SECCOMP_FILTER",
        )
    yield _namespaces(os.path.realpath(subject.worker.data_dir))
    if lack := cgroups.lack_of_delegation():
        yield Finding(
            NAME,
            "note",
            f"jobs have no control groups of their own: {lack}",
            "limits hold for each process of a job, and not for all of them together",
            "delegate a group to the worker, see docs/lifecycle.md#control-groups; or accept it",
        )
    else:
        yield ok(NAME, "this control group is delegated, so each job can have one of its own")


def _namespaces(data_dir: str) -> Finding:
    lack = namespaces.why_impossible(namespaces.View((data_dir,), (), ("/proc",)))
    if lack is None:
        return ok(NAME, "mount namespaces work, so a job sees only its own folder of DATA_DIR")
    return Finding(
        NAME,
        "note",
        f"jobs cannot have mount namespaces here: {lack}",
        "jobs share /dev/shm, and learn whether files exist; only filters of system calls keep "
        "them from changing modes, owners and attributes",
        "allow user namespaces, see docs/security.md#mount-namespaces; or accept it",
    )

"""Decides what jobs may access, from the settings, and reports what this kernel cannot enforce."""

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from runner.config import RunnerSettings
from runner.pool.linux import cgroups, file_modes, landlock, namespaces, seccomp
from runner.pool.linux.cgroups import JobCgroups, NoCgroups
from runner.pool.linux.landlock import JobAccess
from runner.pool.linux.work_folders import RunnerFolder
from runner.pool.pool import PoolError
from storage.files.disk import make_folder
from storage.files.folder import FILES, INCOMING
from storage.files.private import database_files
from storage.open import data_dir_error
from storage.telemetry.service_manager import start_level

log = logging.getLogger(__name__)

_SECRETS = ("/run/secrets", "/var/run/secrets")


def job_access(
    settings: RunnerSettings, database: Path | None, work_place: RunnerFolder
) -> JobAccess:
    """Return what jobs may access, and log once what is not enforced.

    `database` is the file of the database, if it is one. Raises PoolError if JOB_NETWORK=none
    cannot be enforced, and StoreError if the disk fails meanwhile: without a look at it, jobs would
    be allowed to read all uploads.
    """
    uploads, network = settings.uploads_folder, settings.job_network == "all"
    if not network and not seccomp.is_supported():
        raise PoolError("JOB_NETWORK=none: this kernel or processor has no filter of system calls")
    if not network and uploads is None:
        raise PoolError("JOB_NETWORK=none: jobs could not read their uploads, which are in S3")
    files = str(uploads.absolute() / FILES) if uploads else None
    exposed = [files] if uploads and files and not _can_link(settings, uploads, work_place) else []
    access = JobAccess(
        protected=tuple(_protected(settings, database)),
        shared_files=files,
        read=(*settings.job_read_folders, *exposed),
        write=settings.job_write_folders,
        network=network,
        shared_memory_bytes=settings.job_memory_bytes,
    )
    access = _with_guards(access)
    if lacks := list(_lacks(access, exposed)):
        log.warning("jobs are not fully isolated", extra={"not_enforced": "; ".join(lacks)})
    return access


def job_cgroups(settings: RunnerSettings) -> JobCgroups | None:
    """Make the control groups of jobs, if the worker may, and log once whether they have any."""
    try:
        groups = cgroups.take_over(settings.concurrency_limit)
    except NoCgroups as reason:
        log.log(start_level(), "jobs have no control groups", extra={"reason": str(reason)})
        return None
    enforced = ["memory", "processes", *(["CPU weight"] if groups.has_cpu else [])]
    extra = {"cgroup": groups.folder, "enforced": ", ".join(enforced)}
    log.log(start_level(), "each job has a control group", extra=extra)
    return groups


def _with_guards(access: JobAccess) -> JobAccess:
    """Return the access in mount namespaces, or else with guarded modes; log once which it is."""
    if "/" in access.write:
        return access
    reason = namespaces.why_impossible(access.view())
    if reason is None:
        log.log(start_level(), "each job process has a mount namespace")
        return replace(access, namespaces=True)
    can_guard = landlock.abi_version() >= landlock.MIN_ABI and not file_modes.why_impossible()
    extra = {"reason": reason, "instead": "filters of system calls" if can_guard else "nothing"}
    log.log(start_level(), "jobs have no mount namespaces", extra=extra)
    return replace(access, guarded=can_guard)


def _can_link(settings: RunnerSettings, uploads: Path, work_place: RunnerFolder) -> bool:
    """Return whether uploads can be linked to the folders of jobs. The store is not open yet."""
    try:
        make_folder(uploads / INCOMING)
        return work_place.can_link(uploads / INCOMING)
    except OSError as error:
        raise data_dir_error(settings, error) from error


def _protected(settings: RunnerSettings, database: Path | None) -> list[str]:
    """Return the absolute paths that no job may read, whatever folder contains them."""
    paths = [settings.data_dir, *map(Path, _SECRETS)]
    paths += [settings.uploads_folder] if settings.uploads_folder else []
    paths += database_files(database) if database else ()
    named = [Path(value) for name, value in os.environ.items() if name.endswith("_FILE") and value]
    paths += [path for path in (*named, Path(".env")) if path.is_file()]
    return [str(path.absolute()) for path in paths]


def _lacks(access: JobAccess, exposed: list[str]) -> Iterator[str]:
    abi = landlock.abi_version()
    if abi < landlock.MIN_ABI:
        yield (
            "files and other processes, which need Landlock (Linux 5.19, and landlock in the "
            "kernel's list of security modules)"
        )
        return
    if abi < landlock.TRUNCATE_ABI:
        yield "truncating files by their paths (needs Linux 6.2)"
    if abi < landlock.IOCTL_ABI:
        yield "ioctl on devices (needs Linux 6.10)"
    if abi < landlock.SCOPE_ABI:
        yield "signals to other processes, and abstract unix sockets (need Linux 6.12)"
    if not access.namespaces and not access.guarded and "/" not in access.write:
        yield "modes, owners and attributes of files (need mount namespaces, or seccomp listeners)"
    if exposed:
        yield f"a job can read all uploads, because none in {exposed[0]} can be linked to DATA_DIR"
    if access.exposes_protected(exposed):
        yield "JOB_READ_PATHS or JOB_WRITE_PATHS contain DATA_DIR or secrets"

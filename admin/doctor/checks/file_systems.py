"""The file systems that hold data: their kinds, and whether a sync reaches the disk."""

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from admin.doctor.findings.finding import Finding, ok
from admin.doctor.findings.subject import Subject
from storage.files.mounts import IN_MEMORY, MOUNTS, Mount, first_existing, mount_of
from storage.telemetry.privileges import is_in_container

NAME = "file_system"
_NETWORK = {
    *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "davfs"),
    *("ceph", "glusterfs", "lustre", "gfs2", "ocfs2", "beegfs"),
}
_BY_FUSE = ("fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph", "fuse.juicefs")
_SHARED_WITH_HOST = ("virtiofs", "fuse.grpcfuse", "fakeowner", "fuse.osxfs")
_SYNCS, _SYNC_SECONDS = 15, 0.3
_TOO_FAST_SECONDS, _SLOW_SECONDS = 0.00002, 0.05


def check(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for the file system of each folder with data."""
    mounts = MOUNTS.read_text()
    for setting, folder in subject.folders.items():
        existing = first_existing(folder)
        mount = mount_of(existing, mounts)
        holds_database = subject.file is not None and folder == subject.file.parent
        name = f"{setting}={folder}"
        bad = list(of_mount(name, mount, holds_database))
        yield from bad
        if not bad:
            yield ok(NAME, f"{name} is on {mount.kind}, a local file system")
        if "ro" in mount.options:
            yield Finding(
                NAME,
                "error",
                f"{name} is on a file system that is mounted read-only ({mount.point})",
                "nothing can be stored",
                f"mount -o remount,rw {mount.point}; in Docker, give {setting} a volume",
            )
        elif os.access(existing, os.W_OK):
            yield from _of_syncs(name, mount, existing)


def of_mount(name: str, mount: Mount, holds_database: bool) -> Iterator[Finding]:
    """Yield what is wrong with the kind or the options of a mount. `name` is shown for it."""
    if mount.kind in _NETWORK or mount.kind.startswith(_BY_FUSE):
        yield Finding(
            NAME,
            "error" if holds_database else "warning",
            f"{name} is on {mount.kind}, a network file system",
            "neither locks nor the WAL of SQLite work there: a database can be damaged"
            if holds_database
            else "locks and syncs are not reliable there: a file can be lost in a power cut",
            "put it on a local disk, or use PostgreSQL and S3, see docs/scaling.md",
        )
    elif mount.kind in IN_MEMORY:
        yield Finding(
            NAME,
            "warning",
            f"{name} is on {mount.kind}, in memory",
            "everything is lost when the machine or the container stops",
            "put it on a disk; in Docker, on a volume: -v jobs-data:/data",
        )
    elif mount.kind == "overlay" and is_in_container():
        yield Finding(
            NAME,
            "warning",
            f"{name} is in the layer of the container (overlay), not on a volume",
            "everything is lost when the container is removed, as by an update",
            "docker run -v jobs-data:/data …",
        )
    elif mount.kind in _SHARED_WITH_HOST:
        yield Finding(
            NAME,
            "warning",
            f"{name} is on {mount.kind}, a folder of the host of a virtual machine",
            "locks and syncs are not reliable there",
            "use a volume of Docker instead of a folder of the host",
        )
    if {"nobarrier", "barrier=0"} & mount.options:
        yield Finding(
            NAME,
            "error",
            f"{name} is mounted without write barriers",
            "a power cut loses acknowledged jobs, and can damage the database",
            f"mount -o remount,barrier {mount.point}",
        )


def _of_syncs(name: str, mount: Mount, folder: Path) -> Iterator[Finding]:
    seconds = sync_seconds(folder)
    shown = f"{name}: a sync takes {1000 * seconds:.2f} ms (median)"
    if seconds < _TOO_FAST_SECONDS and mount.kind not in IN_MEMORY:
        yield Finding(
            NAME,
            "warning",
            f"{shown}, which no disk can do",
            "syncs do not reach the disk, so a power cut loses acknowledged jobs",
            "unset LD_PRELOAD (libeatmydata), and turn off caches that ignore syncs",
        )
    elif seconds > _SLOW_SECONDS:
        yield Finding(
            NAME,
            "warning",
            shown,
            "each commit waits for it, and submissions wait for one another",
            "find what else writes to the disk (iostat -x 1), or use a faster one",
        )
    else:
        yield ok(NAME, shown)


def sync_seconds(folder: Path) -> float:
    """Return the median time of writing 4 KiB to a new file and syncing it. Raises OSError."""
    path = folder / f".doctor-{os.getpid()}"
    file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    path.unlink()
    try:
        taken, until = list[float](), time.monotonic() + _SYNC_SECONDS
        while len(taken) < _SYNCS and time.monotonic() < until:
            began = time.perf_counter()
            os.write(file, bytes(4096))
            os.fdatasync(file)
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)
    finally:
        os.close(file)

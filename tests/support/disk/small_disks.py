"""Small disks for tests that fill them. Only root can mount them; others skip the tests."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.skipping import skip

MIB = 2**20
KINDS = ("tmpfs", "ext4")


@contextmanager
def small_disk(folder: Path, kind: str, size: int = 24 * MIB) -> Iterator[Path]:
    """Yield a new folder with a disk of `size` bytes mounted on it. Skips the test if it cannot be
    mounted.

    ext4 reports a full disk only when it syncs, and starts with little free space.
    """
    folder.mkdir()
    options = ["-o", f"size={size}"] if kind == "tmpfs" else ["-o", "loop"]
    source = "tmpfs" if kind == "tmpfs" else str(_image(folder.with_suffix(".img"), size))
    mounted = subprocess.run(
        ["mount", "-t", kind, *options, source, str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        skip(f"cannot mount: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _image(file: Path, size: int) -> Path:
    with file.open("wb") as image:
        image.truncate(size)
    make = ["mkfs.ext4", "-q", "-F", "-m", "0", str(file)]
    try:
        subprocess.run(make, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        skip(f"cannot make ext4: {error}")
    return file


@contextmanager
def fill_disk(folder: Path) -> Iterator[None]:
    """Use up all free space of a disk within the block."""
    filler = folder / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for size in (MIB, 4096, 1):
            _write_until_full(descriptor, bytes(size))
        yield
    finally:
        os.close(descriptor)
        filler.unlink()


@contextmanager
def leave_free(folder: Path, free: int) -> Iterator[None]:
    """Use up the free space of a disk within the block, except for `free` bytes."""
    filler, found = folder / "filler", os.statvfs(folder)
    taken = found.f_bavail * found.f_frsize - free
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, taken)
    try:
        yield
    finally:
        filler.unlink()


def _write_until_full(descriptor: int, data: bytes) -> None:
    try:
        while True:
            os.write(descriptor, data)
            os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise

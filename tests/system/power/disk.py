"""An ext4 file system in a file, whose power can be cut. Needs root and a loop device.

    make ─▶ mount ─▶ cut (what was not synced is lost) ─▶ unmount ─▶ mount (replays the journal)

A cut is ext4's shutdown without a flush of its log: from then on nothing reaches the image. What
was written to the image stays: a disk that forgets what it has said to have synced is not played.
"""

import fcntl
import os
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import wait_for

SHUTDOWN = 0x8004587D
"""FS_IOC_SHUTDOWN of linux/fs.h: _IOR('X', 125, __u32)."""
NO_LOG_FLUSH = 2
"""EXT4_GOING_FLAGS_NOLOGFLUSH: as if the power failed."""
IMAGE_BYTES = 256 * 2**20
# The journal is not committed by its own clock, so that only what somebody synced is kept.
OPTIONS = "loop,commit=600,noatime"


class Disk:
    """A file system at `root`, or unmounted."""

    def __init__(self, folder: Path):
        self.root = folder / "disk"
        self._image = folder / "disk.image"
        self.root.mkdir()

    def format(self) -> None:
        """Make it anew, empty, and mount it."""
        self._image.unlink(missing_ok=True)
        with self._image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        _run("mkfs.ext4", "-q", "-F", "-b", "4096", str(self._image))
        self.mount()

    def mount(self) -> None:
        """Mount it, which puts in order what a cut has left."""
        _run("mount", "-t", "ext4", "-o", OPTIONS, str(self._image), str(self.root))

    def cut(self) -> None:
        """Cut the power: whatever is done from now on fails or is forgotten."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Unmount it, once nobody uses it any more. Its loop device goes with it.

        Raises TimeoutError.
        """
        try:
            wait_for(self._unmounted, timeout=10)
        except AssertionError:
            raise TimeoutError(f"{self.root} is in use") from None

    def clear(self) -> None:
        """Leave no mount and no loop device, whatever has happened."""
        try:
            if self.root.is_mount():
                self.unmount()
        except TimeoutError:
            _run("umount", "--lazy", str(self.root))
        for device in self._loop_devices():
            _run("losetup", "--detach", device)

    def _unmounted(self) -> bool:
        command = ["umount", str(self.root)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _loop_devices(self) -> list[str]:
        """Those that the image still has."""
        return _run("losetup", "--noheadings", "--output", "NAME", "-j", str(self._image)).split()


@contextmanager
def new_disk() -> Iterator[Disk]:
    """A disk that is not formatted yet; nothing is left of it at the end."""
    with tempfile.TemporaryDirectory(prefix="power-") as folder:
        disk = Disk(Path(folder))
        try:
            yield disk
        finally:
            disk.clear()


def lacking() -> str | None:
    """Why the power cannot be cut here; None if it can."""
    if os.geteuid() != 0:
        return "only root can mount"
    try:
        with new_disk() as disk:
            disk.format()
            disk.cut()
            disk.unmount()
    except subprocess.CalledProcessError as error:
        return f"{error.cmd[0]}: {error.stderr.strip()}"
    except OSError as error:
        return str(error)
    return None


def _run(*command: str) -> str:
    """Run a command; what it prints. Raises CalledProcessError, with its words in `stderr`."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

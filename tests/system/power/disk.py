"""An ext4 file system in a file, whose power can be cut. Needs root and a loop device.

    format ─▶ mount ─▶ cut (unsynced data is lost) ─▶ unmount ─▶ mount (replays the journal)

A cut shuts ext4 down without a flush of its journal. From then on, nothing reaches the image. Data
that was written to the image before is kept: disks that lose synced data are not simulated.
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
"""EXT4_GOING_FLAGS_NOLOGFLUSH: shut down as a power failure would."""
IMAGE_BYTES = 256 * 2**20
# No periodic commits of the journal in these 600 seconds, so only synced data is kept.
OPTIONS = "loop,commit=600,noatime"


class Disk:
    """A file system at `root`, or unmounted."""

    def __init__(self, folder: Path):
        self.root = folder / "disk"
        self._image = folder / "disk.image"
        self.root.mkdir()

    def format(self) -> None:
        """Create a new, empty file system, and mount it."""
        self._image.unlink(missing_ok=True)
        with self._image.open("wb") as file:
            file.truncate(IMAGE_BYTES)
        _run("mkfs.ext4", "-q", "-F", "-b", "4096", str(self._image))
        self.mount()

    def mount(self) -> None:
        """Mount the file system. After a cut, this replays the journal."""
        _run("mount", "-t", "ext4", "-o", OPTIONS, str(self._image), str(self.root))

    def cut(self) -> None:
        """Cut the power: from now on, every operation fails or is lost."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self) -> None:
        """Unmount the file system once no process uses it, and free its loop device.

        Raises TimeoutError if a process still uses it after 10 seconds.
        """
        try:
            wait_for(self._unmounted, timeout=10)
        except AssertionError:
            raise TimeoutError(f"{self.root} is in use") from None

    def clear(self) -> None:
        """Remove the mount and the loop devices in any case."""
        try:
            if self.root.is_mount():
                self.unmount()
        except TimeoutError:
            _run("umount", "--lazy", str(self.root))
        for device in self._loop_devices():
            _run("losetup", "--detach", device)

    def _unmounted(self) -> bool:
        """Unmount it. A container that starts at this moment may keep it mounted for a while."""
        if self.root.is_mount():
            command = ["umount", str(self.root)]
            subprocess.run(command, capture_output=True, check=False)
        return not self.root.is_mount() and not self._loop_devices()

    def _loop_devices(self) -> list[str]:
        """The loop devices that the image still has."""
        return _run("losetup", "--noheadings", "--output", "NAME", "-j", str(self._image)).split()


@contextmanager
def new_disk() -> Iterator[Disk]:
    """Yield a disk that is not formatted yet, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="power-") as folder:
        disk = Disk(Path(folder))
        try:
            yield disk
        finally:
            disk.clear()


def missing_requirement() -> str | None:
    """Return why the power cannot be cut on this machine, or None."""
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
    """Run a command, and return its output. Raises CalledProcessError, with its `stderr`."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

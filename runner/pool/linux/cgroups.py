"""A control group (cgroup v2) for the job of each slot, if the group of the worker is delegated.

    GROUP              the group in which the worker was started: delegated to it
    ├── worker         the worker, its fork server and the keepers
    ├── slot-0         the job process of a keeper, and all that it has started
    └── slot-1, …

The kernel then limits the memory of all processes of a job together, and their number, and shares
the processors by the niceness of jobs. A worker takes its group over only if it is alone in it.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

WORKER = "worker"
_REQUIRED = ("memory", "pids")
_READ_BYTES = 65536


class NoCgroups(Exception):
    """Jobs get no control groups. The text says why."""


class JobCgroups(NamedTuple):
    """The control groups of jobs below the group of their worker."""

    folder: str
    """The group of the worker."""
    has_cpu: bool
    """Whether processors are shared by niceness."""


def take_over(slots: int) -> JobCgroups:
    """Make the groups of so many slots, and move this process into the group `worker`.

    To be called before this process starts others. Raises NoCgroups; then nothing has changed, or
    this process is in the group `worker`, which has no limits.
    """
    group, available = _delegated_group()
    if _read(group / "cgroup.procs").split() != [str(os.getpid())]:
        raise NoCgroups("other processes are in its group")
    has_cpu = "cpu" in available
    try:
        (group / WORKER).mkdir(exist_ok=True)
        _write(group / WORKER / "cgroup.procs", str(os.getpid()))
        for name in (*_REQUIRED, *(["cpu"] if has_cpu else [])):
            _write(group / "cgroup.subtree_control", f"+{name}")
        groups = JobCgroups(str(group), has_cpu)
        for number in range(slots):
            slot_folder(groups, number).mkdir(exist_ok=True)
    except OSError as error:
        raise NoCgroups(f"its groups cannot be made: {error}") from error
    return groups


def lack_of_delegation() -> str | None:
    """Return why a worker in the group of this process could not take it over; None if it could.

    Changes nothing. Other processes in the group do not count.
    """
    try:
        _delegated_group()
    except NoCgroups as reason:
        return str(reason)
    return None


def _delegated_group() -> tuple[Path, list[str]]:
    """Return the group of this process, and its controllers. Raises NoCgroups."""
    group = own_group(_read("/proc/self/cgroup"), _read("/proc/self/mountinfo"))
    if not (group / "cgroup.events").exists():
        raise NoCgroups("it was started in the root group")
    available = _read(group / "cgroup.controllers").split()
    if missing := [name for name in _REQUIRED if name not in available]:
        raise NoCgroups(f"its group has no controller {' and '.join(missing)}")
    if not all(
        os.access(group / name, os.W_OK) for name in ("cgroup.procs", "cgroup.subtree_control")
    ):
        raise NoCgroups("its group is not delegated to it: it may not write there")
    return group, available


def own_group(cgroups: str, mounts: str) -> Path:
    """Return the folder of this process's group, from /proc/self/cgroup and /proc/self/mountinfo.

    Raises NoCgroups if there is none of version 2.
    """
    paths = [line[3:] for line in cgroups.splitlines() if line.startswith("0::")]
    for line in mounts.splitlines():
        mount, _, system = line.partition(" - ")
        root, point = mount.split()[3:5]
        if paths and system.startswith("cgroup2 "):
            return Path(point, os.path.relpath(paths[0], root))
    raise NoCgroups("this system has no control groups of version 2")


def slot_folder(groups: JobCgroups, number: int) -> Path:
    """Return the folder of the group of a slot."""
    return Path(groups.folder, f"slot-{number}")


class SlotCgroup:
    """The group of a slot, as its keeper uses it. Its methods raise OSError."""

    def __init__(self, groups: JobCgroups, number: int):
        """Kill whatever a keeper of this slot has left before."""
        self._folder, self._has_cpu = slot_folder(groups, number), groups.has_cpu
        read = os.O_RDONLY | os.O_CLOEXEC
        self._memory_events = os.open(self._folder / "memory.events", read)
        self._process_events = os.open(self._folder / "pids.events", read)
        self._written: dict[str, str] = {}
        self.kill()
        self._write("memory.oom.group", "1")

    def add(self, pid: int) -> None:
        """Move a process into the group, with all that it will start."""
        _write(self._folder / "cgroup.procs", str(pid))

    def limit(self, memory_bytes: int | None, most_processes: int | None, nice: int) -> None:
        """Set the limits of the next job, None for none. It writes only limits that change."""
        for name, value in self._wanted(memory_bytes, most_processes, nice):
            if self._written.get(name) != value:
                self._write(name, value)
                self._written[name] = value

    def _wanted(self, memory: int | None, most: int | None, nice: int) -> Iterator[tuple[str, str]]:
        yield "memory.max", "max" if memory is None else str(memory)
        yield "memory.swap.max", "max" if memory is None else "0"
        # One more than a job may have, so that the keeper finds it and ends the job.
        yield "pids.max", "max" if most is None else str(most + 1)
        if self._has_cpu:
            yield "cpu.weight.nice", str(nice)

    def oom_kills(self) -> int:
        """Return how many processes of the group the kernel has killed for lack of memory."""
        return _count(self._memory_events, b"oom_kill")

    def refused_processes(self) -> int:
        """Return how often the group was refused another process or thread."""
        return _count(self._process_events, b"max")

    def kill(self) -> None:
        """Kill all processes of the group at once, so that no fork bomb outruns it."""
        self._write("cgroup.kill", "1")

    def _write(self, name: str, value: str) -> None:
        # A kernel without swap or older than 5.14 lacks a file.
        with contextlib.suppress(FileNotFoundError):
            _write(self._folder / name, value)


def _count(file: int, field: bytes) -> int:
    lines = (line.split() for line in os.pread(file, _READ_BYTES, 0).splitlines())
    return next((int(line[1]) for line in lines if line[0] == field), 0)


def _write(path: Path, value: str) -> None:
    """Write to a file of a group, which must exist: open() would try to create it."""
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, value.encode())
    finally:
        os.close(file)


def _read(path: str | Path) -> str:
    try:
        return Path(path).read_text()
    except OSError as error:
        raise NoCgroups(f"{path} cannot be read: {error.strerror}") from error

"""Says who holds the write lock and what the holder is doing, to somebody who waits for it.

The holder keeps a note in shared memory beside the lock, `jobs.db-writer.holder`. It writes each
step, which takes less than a microsecond. The note may be wrong: a holder of an older release
writes none, and a holder that is killed leaves its own.

/proc says whether the holder runs, waits for a processor or for the disk, or is stopped. What the
kernel does not show, because the holder is in another container or forbids its inspection, is left
out. Imports nothing of ours.
"""

import mmap
import os
import socket
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_WRITE_STEP = struct.Struct("<QQ").pack_into
"""Writes what the holder is doing, and since when."""
_WRITE_TIMES = struct.Struct("<QQQ").pack_into
_HOLDER = struct.Struct("<IIQQ64s")
_NOTE = struct.Struct("<QQQIIQQ64s")
_HOLDER_AT = _NOTE.size - _HOLDER.size
_BYTES = 256


# What the holder of the lock is doing. Not an enumeration, because writing one takes longer.
NONE, BEGIN, WORK, COMMIT, CHECKPOINT, ROLLBACK = range(6)


class Note(NamedTuple):
    """The note: the step and its start, the start of the holding, and the holder.

    Times are in nanoseconds of the monotonic clock, which all processes of a machine share.
    `started` is the start of the process in ticks since the boot, and `namespace` identifies its
    namespace of process ids.
    """

    step: int
    step_since: int
    since: int
    pid: int
    thread: int
    started: int
    namespace: int
    host: bytes

    @property
    def host_name(self) -> str:
        """The name of the host or container of the holder."""
        return self.host.rstrip(b"\0").decode(errors="replace")


class LockNote:
    """The note of one lock. Only the holder of the lock writes it."""

    def __init__(self, path: Path):
        self._path = path
        self._memory: mmap.mmap | None = None
        self._is_open = False
        self._threads = threading.local()
        """The `holder` part of the note, as each thread writes it."""

    def hold(self) -> None:
        """Write that this thread holds the lock from now on."""
        if (memory := self._open()) is not None:
            holder = getattr(self._threads, "holder", None)
            if holder is None:
                holder = self._threads.holder = _this_thread()
            memory[_HOLDER_AT : _NOTE.size] = holder
            now = time.monotonic_ns()
            _WRITE_TIMES(memory, 0, BEGIN, now, now)

    def step(self, step: int) -> None:
        """Write what the holder does from now on; NONE means that it releases the lock."""
        if self._memory is not None:
            _WRITE_STEP(self._memory, 0, step, time.monotonic_ns())

    def read(self) -> Note | None:
        """Return the note, or None if nobody has left one."""
        memory = self._open()
        note = Note(*_NOTE.unpack_from(memory, 0)) if memory is not None else None
        return note if note and note.step != NONE else None

    def close(self) -> None:
        """Close the file."""
        if self._memory is not None:
            self._memory.close()
        self._memory, self._is_open = None, False

    def _open(self) -> mmap.mmap | None:
        if not self._is_open:
            self._is_open = True  # also if it fails: the lock works without a note
            self._memory = _map(self._path)
        return self._memory


def _this_thread() -> bytes:
    pid = os.getpid()
    started, host = start_of(pid, pid) or 0, socket.gethostname().encode()
    return _HOLDER.pack(pid, threading.get_native_id(), started, namespace_of_pids(), host)


def _map(path: Path) -> mmap.mmap | None:
    """Map the file of a note into memory; None if that is impossible."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
    try:
        if os.fstat(file).st_size < _BYTES:
            os.pwrite(file, bytes(_BYTES), 0)  # reserves its space: a full disk must not matter
        return mmap.mmap(file, _BYTES)
    except (OSError, ValueError):
        return None
    finally:
        os.close(file)


_DOING = {
    BEGIN: "waiting for a lock of SQLite itself, which another tool holds",
    WORK: "running its statements",
    COMMIT: "committing",
    CHECKPOINT: "copying the WAL into the database (checkpoint)",
    ROLLBACK: "rolling back",
}
_STATES = {
    "R": "it runs or waits for a processor",
    "S": "it sleeps",
    "D": "it waits for the disk",
    "T": "it is stopped by a signal",
    "t": "it is stopped by a debugger",
    "Z": "it has died",
    "X": "it has died",
}


@dataclass(frozen=True)
class _Times:
    """Seconds that a thread has run and waited for a processor, and when that was read."""

    read_at: float
    running: float
    waiting: float


class HolderWatch:
    """Looks at the holder of a lock several times during one wait."""

    def __init__(self, lock: Path, note: LockNote):
        self._lock = lock
        self._note = note
        self._last: tuple[int, _Times] | None = None

    def describe(self) -> str:
        """Return who holds the lock, since when, and what the holder is doing, in one line."""
        note, pid = self._note.read(), _pid_from_kernel(self._lock)
        if note is None or (pid is not None and self._is_here(note) and note.pid != pid):
            return _unknown_holder(pid)
        now = time.monotonic_ns()
        held, step = (now - note.since) / 1e9, (now - note.step_since) / 1e9
        doing = _DOING.get(note.step, "busy")
        text = f"has held the lock for {held:.2f} s, and is {doing} for {step:.2f} s"
        if not self._is_here(note):
            return f"process {note.pid} in another container ({note.host_name}) {text}"
        who = f"process {note.pid} on {note.host_name}"
        if start_of(note.pid, note.pid) != note.started:
            return f"{who} {text.replace('has held', 'had held')}, but it has died since"
        return f"{who} {text}; {self._state(note)}"

    def _is_here(self, note: Note) -> bool:
        return note.namespace == namespace_of_pids()

    def _state(self, note: Note) -> str:
        """What the kernel shows of the holder's thread."""
        fields = _stat_fields(note.pid, note.thread)
        parts = [_STATES.get(fields[0], f"its state is {fields[0]}")] if fields else []
        if where := _read(f"/proc/{note.pid}/task/{note.thread}/wchan").strip("0\n"):
            parts.append(f"in {where}")
        return ", ".join([*parts, *self._since_last_look(note)]) or "its state is not shown"

    def _since_last_look(self, note: Note) -> list[str]:
        """How long the thread has run since the last look, if there was one."""
        times, last = _times(note), self._last
        self._last = (note.thread, times) if times else None
        if not (times and last and last[0] == note.thread):
            return []
        before = last[1]
        ran, waited = times.running - before.running, times.waiting - before.waiting
        seconds = times.read_at - before.read_at
        return [
            f"in the last {seconds:.1f} s it ran for {ran:.2f} s"
            f" and waited for a processor for {waited:.2f} s"
        ]


def _unknown_holder(pid: int | None) -> str:
    if pid is None:
        return "the holder is unknown: it is in another container, or has just released the lock"
    command = _read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()[:200]
    fields = _stat_fields(pid, pid)
    state = _STATES.get(fields[0], "") if fields else "it has died"
    return f"process {pid} ({command or 'unknown'}) holds the lock and says no more; {state}"


def _pid_from_kernel(lock: Path) -> int | None:
    """Return the process that holds the flock, if it is in a namespace that this one sees."""
    try:
        status = os.stat(lock)
    except OSError:
        return None
    number = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in _read("/proc/locks").splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5] == number and int(fields[4]) > 0:
            return int(fields[4])
    return None


def _times(note: Note) -> _Times | None:
    fields = _read(f"/proc/{note.pid}/task/{note.thread}/schedstat").split()
    if len(fields) < 2:
        return None
    return _Times(time.monotonic(), int(fields[0]) / 1e9, int(fields[1]) / 1e9)


def start_of(pid: int, thread: int) -> int | None:
    """Return when a thread was started, in ticks since the boot; None if there is none."""
    fields = _stat_fields(pid, thread)
    return int(fields[19]) if fields else None


def _stat_fields(pid: int, thread: int) -> list[str]:
    """Return the fields in /proc of a thread, beginning with its state; none if it is gone."""
    return _read(f"/proc/{pid}/task/{thread}/stat").rpartition(")")[2].split()


def namespace_of_pids() -> int:
    """Return the number of this process's namespace of process ids, 0 if unknown."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""

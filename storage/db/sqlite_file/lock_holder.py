"""Tells a program that waits for the write lock who holds it and what the holder is doing.

The holder keeps a note in shared memory beside the lock, `jobs.db-writer.holder`. It writes each
step, which takes less than a microsecond. A holder that is killed leaves its note.

/proc says whether the holder runs, waits for a processor or for the disk, or is stopped. This is
left out if the kernel does not show it, because the holder is in another container or forbids its
inspection. Imports nothing of ours.
"""

import mmap
import os
import socket
import struct
import threading
import time
from pathlib import Path
from typing import NamedTuple

_WRITE_STEP = struct.Struct("<QQ").pack_into
"""Writes what the holder is doing, and since when."""
_WRITE_TIMES = struct.Struct("<QQQ").pack_into
_HOLDER = struct.Struct("<IIQ64s")
_NOTE = struct.Struct("<QQQIIQ64s")
_HOLDER_AT = _NOTE.size - _HOLDER.size
_BYTES = 256


# The steps of the holder of the lock. Not an enumeration, because writing one takes longer.
NONE, BEGIN, WORK, COMMIT, CHECKPOINT, ROLLBACK = range(6)


class Note(NamedTuple):
    """The note: the step and its start, the start of the holding, and the holder.

    Times are in nanoseconds of the monotonic clock, which all processes of a machine share.
    `namespace` identifies the holder's namespace of process ids.
    """

    step: int
    step_since: int
    since: int
    pid: int
    thread: int
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
        """Return the note, or None if there is none."""
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
    host = socket.gethostname().encode()
    return _HOLDER.pack(os.getpid(), threading.get_native_id(), namespace_of_pids(), host)


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


def describe(note: LockNote) -> str:
    """Return who holds the lock, since when, and what the holder is doing, in one line."""
    found = note.read()
    if found is None:
        return "the holder is unknown: it leaves no note, or has just released the lock"
    now = time.monotonic_ns()
    held, step = (now - found.since) / 1e9, (now - found.step_since) / 1e9
    doing = _DOING.get(found.step, "busy")
    text = f"has held the lock for {held:.2f} s, and is {doing} for {step:.2f} s"
    if found.namespace != namespace_of_pids():
        return f"process {found.pid} in another container ({found.host_name}) {text}"
    return f"process {found.pid} on {found.host_name} {text}; {_state(found.pid, found.thread)}"


def _state(pid: int, thread: int) -> str:
    """The state of the holder's thread, as the kernel shows it."""
    fields = _read(f"/proc/{pid}/task/{thread}/stat").rpartition(")")[2].split()
    if not fields:
        return "it has died"
    state = _STATES.get(fields[0], f"its state is {fields[0]}")
    where = _read(f"/proc/{pid}/task/{thread}/wchan").strip("0\n")
    return f"{state}, in {where}" if where else state


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

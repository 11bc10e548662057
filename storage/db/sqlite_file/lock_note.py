"""A note of who holds the write lock, and what the holder is doing. Imports nothing of ours.

The note is a file in shared memory beside the lock, `jobs.db-holder`. The holder writes it at each
step, which takes less than a microsecond. It is only read to explain a long wait, so it may be
wrong: a holder of an older release writes none, and a holder that is killed leaves its own.
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


def start_of(pid: int, thread: int) -> int | None:
    """Return when a thread was started, in ticks since the boot; None if there is none."""
    fields = stat_fields(pid, thread)
    return int(fields[19]) if fields else None


def stat_fields(pid: int, thread: int) -> list[str]:
    """Return the fields in /proc of a thread, beginning with its state; none if it is gone."""
    try:
        text = Path(f"/proc/{pid}/task/{thread}/stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def namespace_of_pids() -> int:
    """Return the number of this process's namespace of process ids, 0 if unknown."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0

"""Describes the holder of the write lock to somebody who waits for it.

The holder's note says what it does. /proc says whether it runs, waits for a processor or for the
disk, or is stopped. What the kernel does not show, because the holder is in another container or
forbids its inspection, is left out.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from storage.db.sqlite_file.lock_note import (
    BEGIN,
    CHECKPOINT,
    COMMIT,
    ROLLBACK,
    WORK,
    LockNote,
    Note,
    namespace_of_pids,
    start_of,
    stat_fields,
)

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
        fields = stat_fields(note.pid, note.thread)
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
    fields = stat_fields(pid, pid)
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


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""

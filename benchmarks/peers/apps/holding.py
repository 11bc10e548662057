"""Jobs that occupy their slot until they are canceled, and how long a cancel takes.

Used for our service and for peers. Imports only the standard library, because each peer's Python
runs it.
"""

import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

SLOTS = 3
PATIENCE = 60
PAUSE_SECONDS = (0.05, 5.0)
LOOK_SECONDS = 0.0002


def run_hold(path: str) -> None:
    """Write the pid to a file, atomically, and sleep."""
    written = Path(f"{path}.new")
    written.write_text(str(os.getpid()))
    written.rename(path)
    time.sleep(3600)


@dataclass
class Cancels:
    """Seconds from each cancel until its process was gone, and until the next job ran."""

    gone: list[float] = field(default_factory=list)
    followed: list[float] = field(default_factory=list)


def measure(
    submit: Callable[[str], str], cancel: Callable[[str], object], count: int, folder: Path
) -> Cancels:
    """Cancel `count` jobs, one after another, while all slots are occupied and one job waits.

    `submit` takes a path for `run_hold` and returns an id for `cancel`.
    """
    paths = (folder / f"pid-{number}" for number in range(count + SLOTS))

    def hold() -> tuple[str, Path]:
        path = next(paths)
        return submit(str(path)), path

    running = deque(hold() for _ in range(SLOTS))
    for _, path in running:
        _until(path.exists)
    found = Cancels()
    for _ in range(count):
        waiting = hold()
        # A random pause: cancels hit any moment of the worker's periodic work (Celery: 5 s).
        time.sleep(random.uniform(*PAUSE_SECONDS))
        job_id, path = running.popleft()
        _cancel(partial(cancel, job_id), int(path.read_text()), waiting[1], found)
        running.append(waiting)
    for job_id, _ in running:
        cancel(job_id)
    return found


def _cancel(cancel: Callable[[], object], pid: int, following: Path, found: Cancels) -> None:
    began = time.monotonic()
    thread = threading.Thread(target=cancel)
    thread.start()
    _until(lambda: not _holds_memory(pid))
    found.gone.append(time.monotonic() - began)
    _until(following.exists)
    found.followed.append(time.monotonic() - began)
    thread.join()


def _holds_memory(pid: int) -> bool:
    """Whether a process is alive. A zombie has no command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {PATIENCE} s")
        time.sleep(LOOK_SECONDS)

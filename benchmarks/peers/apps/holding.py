"""Jobs that hold their slot until they are canceled, and how long that takes; for ours and for
peers. Imports Python's library only: each peer's Python runs it.
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
    """Write the pid to a file, which is there all at once, and stay."""
    written = Path(f"{path}.new")
    written.write_text(str(os.getpid()))
    written.rename(path)
    time.sleep(3600)


@dataclass
class Cancels:
    """From a cancel, in seconds: until its process was gone, and until the next job ran."""

    gone: list[float] = field(default_factory=list)
    followed: list[float] = field(default_factory=list)


def measure(
    submit: Callable[[str], str], cancel: Callable[[str], object], count: int, folder: Path
) -> Cancels:
    """Cancel so many jobs, one after the other, while all slots hold one and one waits.

    `submit` gets a path for `run_hold` and answers with an id, which `cancel` gets.
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
        # A cancel comes at any moment of what a worker does now and then (Celery: each 5 s).
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
    """Whether a process lives; one that has ended and waits for its parent has no command."""
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

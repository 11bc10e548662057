"""The jobs of all peers, and files that show their runs to clients at the same cost for all.

Imports only the standard library, because each peer's Python runs it.

FOLDER/ran         one byte for each no-op job that was run
FOLDER/checked_in  a line with the pid of each process that has run a check-in job
"""

import os
import time
from pathlib import Path

FOLDER = Path(os.environ.get("PEER_FOLDER", ""))
ANSWER = 7
"""The answer of the jobs whose result is read."""
CHECK_IN_SECONDS = 0.02
PATIENCE = 60
"""Seconds without any job run after which a client gives up."""
LOOK_SECONDS = 0.001

_opened: dict[str, int] = {}


def _append(name: str, text: bytes) -> None:
    """Append to a file in one write, which the kernel does not mix with other writes."""
    if name not in _opened:
        _opened[name] = os.open(FOLDER / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(_opened[name], text)


def run_noop() -> None:
    """A no-op job that is only counted."""
    _append("ran", b".")


def run_answer() -> int:
    """A job for round trips."""
    return ANSWER


def run_check_in(pid: int | None = None) -> None:
    """Record the pid of this process, and keep it busy so that the others get check-ins, too."""
    _append("checked_in", b"%d\n" % (pid or os.getpid()))
    time.sleep(CHECK_IN_SECONDS)


def until_ran(count: int, folder: Path = FOLDER) -> int:
    """Wait until `count` no-op jobs were run; return how many were run by then.

    Raises SystemExit if none is run for `PATIENCE` seconds.
    """
    last, since = -1, time.monotonic()
    while (now := _size(folder / "ran")) < count:
        if now != last:
            last, since = now, time.monotonic()
        elif time.monotonic() > since + PATIENCE:
            raise SystemExit(f"{now} of {count} jobs were run")
        time.sleep(LOOK_SECONDS)
    return now


def until_all_ran(count: int, folder: Path = FOLDER) -> None:
    """Wait until exactly `count` no-op jobs were run. Raises SystemExit if more were."""
    if (now := until_ran(count, folder)) > count:
        raise SystemExit(f"{now} jobs were run, of {count}")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def checked_in(folder: Path = FOLDER) -> int:
    """The number of processes that have run a check-in job."""
    try:
        return len(set((folder / "checked_in").read_text().split()))
    except FileNotFoundError:
        return 0

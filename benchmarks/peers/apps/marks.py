"""What the peers' jobs do, and what their clients see of it; by files, so that it costs all peers
the same and needs nothing of theirs. Imports Python's library only: each peer's Python runs it.

FOLDER/ran      one byte for each no-op job that was run
FOLDER/present  a line with its pid by each process that runs jobs, when it is asked
"""

import os
import time
from pathlib import Path

FOLDER = Path(os.environ.get("PEER_FOLDER", ""))
ANSWER = 7
"""What a job answers whose result is asked for."""
PRESENT_SECONDS = 0.02
PATIENCE = 60
"""Seconds after which a client gives up on jobs of which none has run meanwhile."""
LOOK_SECONDS = 0.001

_opened: dict[str, int] = {}


def _append(name: str, text: bytes) -> None:
    """Add to a file in one write, which the kernel does not mix with others."""
    if name not in _opened:
        _opened[name] = os.open(FOLDER / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(_opened[name], text)


def run_noop() -> None:
    """The job of all rates: nothing, but that it is counted."""
    _append("ran", b".")


def run_answer() -> int:
    """The job of all round trips."""
    return ANSWER


def run_present(pid: int | None = None) -> None:
    """Tell which process this is, and keep it busy so that the others get such jobs, too."""
    _append("present", b"%d\n" % (pid or os.getpid()))
    time.sleep(PRESENT_SECONDS)


def until_ran(count: int, folder: Path = FOLDER) -> int:
    """Wait until so many no-op jobs were run; how many it were at the last look.

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
    """Wait until all no-op jobs were run. Raises SystemExit also if more were."""
    if (now := until_ran(count, folder)) > count:
        raise SystemExit(f"{now} jobs were run, of {count}")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def present(folder: Path = FOLDER) -> int:
    """How many processes have told of themselves."""
    try:
        return len(set((folder / "present").read_text().split()))
    except FileNotFoundError:
        return 0

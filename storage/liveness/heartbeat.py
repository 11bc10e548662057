"""The heartbeats of the runners on one kernel: the times at which they touched their lock files.

A heartbeat tells people that a runner hangs or is stopped. It never decides whether a runner is
alive.
"""

import os
import time
from pathlib import Path

STALE_SECONDS = 30.0
"""A runner whose heartbeat is older hangs or is stopped."""


def touch(descriptor: int) -> None:
    """Store the time in a lock file. Raises OSError.

    The time is its modification time on the monotonic clock, which nobody sets and which does not
    run while the machine sleeps. Changing it needs no room on the disk.
    """
    now = time.monotonic_ns()
    os.utime(descriptor, ns=(now, now))


def seconds_since_touch(path: Path) -> float | None:
    """Return the age of the heartbeat in a lock file.

    None if there is no heartbeat: the file is gone, or belongs to a runner of an earlier release,
    which leaves its modification time to the file system.
    """
    try:
        touched_at = path.stat().st_mtime_ns
    except OSError:
        return None
    age = (time.monotonic_ns() - touched_at) / 1e9
    return age if age >= 0 else None

"""What a keeper does at signals. Imports nothing of ours but the pool's."""

import os
import signal
from collections.abc import Callable

from runner.pool.linux import processes


def heed_signals(runner: int, die: Callable[[], object]) -> int:
    """Die orderly with the runner and at its wish; returns what is readable after a signal.

    The pool has blocked SIGINT and SIGTERM in its keepers, until now. What a terminal or a
    process manager sends to the runner's whole process group is for the runner alone to heed.
    """

    def look_up(*_: object) -> None:
        """Die if the runner has; others may send this signal as well."""
        if os.getppid() != runner:
            die()

    os.setpgid(0, 0)
    early = signal.sigtimedwait({signal.SIGTERM}, 0)
    if early is not None and early.si_pid == runner:
        die()
    wakeup, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _note)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal: the runner's to heed
    signal.signal(signal.SIGTERM, lambda *_: die())
    signal.signal(signal.SIGCONT, look_up)
    processes.adopt_orphans()
    # This one reaches a keeper that somebody has stopped, too.
    processes.die_with_parent(runner, signal.SIGCONT)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    return wakeup


def _note(*_: object) -> None:
    """What has to be there for Python to write to the wakeup descriptor."""

"""The signal handlers of a keeper."""

import os
import signal
from collections.abc import Callable

from runner.pool.linux import processes


def install_signal_handlers(runner_pid: int, die: Callable[[], object]) -> int:
    """Make a keeper call `die` when the runner ends or terminates it.

    Returns a descriptor that becomes readable after each signal. SIGINT and SIGTERM have been
    blocked in keepers up to here. The keeper gets a process group of its own, because signals that
    a terminal or process manager sends to the runner's group are for the runner alone.
    """

    def die_if_orphaned(*_: object) -> None:
        """Handle SIGCONT, which other processes can send as well."""
        if os.getppid() != runner_pid:
            die()

    os.setpgid(0, 0)
    pending = signal.sigtimedwait({signal.SIGTERM}, 0)
    if pending is not None and pending.si_pid == runner_pid:
        die()
    wakeup, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _do_nothing)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal: for the runner to handle
    signal.signal(signal.SIGTERM, lambda *_: die())
    signal.signal(signal.SIGCONT, die_if_orphaned)
    processes.set_subreaper()
    # SIGCONT also wakes a keeper that is stopped.
    processes.die_with_parent(runner_pid, signal.SIGCONT)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    return wakeup


def _do_nothing(*_: object) -> None:
    """Python writes to the wakeup descriptor only for signals that have a handler."""

"""Undoes in a job process what a call has done to it. Imports nothing of ours but the pool's."""

import signal

from runner.pool.linux import proc

_TO_DEFAULT = (
    "SIGTERM",
    "SIGALRM",
    "SIGCHLD",
    "SIGCONT",
    "SIGHUP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGXCPU",
)
_SMALL_PEAK = 1 << 20
"""Bytes by which the peak of a call may stay in that of the next: to reset it costs a call."""


def reset_signals() -> None:
    """Let timeouts and kills with grace work, whatever a job has done."""
    for name in _TO_DEFAULT:
        signal.signal(signal.Signals[name], signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # as Python has it: it is an OSError then
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


class CleanUp:
    """To be called after each call; made before the first, with signals reset.

    What the kernel says of the process is read once: resetting all would take longer than a short
    call.
    """

    def __init__(self) -> None:
        self._signals = proc.signals_in(proc.read_if_there("/proc/self/status"))

    def __call__(self) -> tuple[int, int]:
        """Returns the greatest and the present resident memory, in bytes.

        A timer that has run out while its signal was blocked ends the process here.
        """
        status = proc.read_if_there("/proc/self/status")
        caught = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not caught or proc.signals_in(status) != self._signals:
            reset_signals()
        peak, present = proc.memory_in(status)
        if peak - present > _SMALL_PEAK:
            proc.forget_peak_memory()
        return peak, present

"""Undoes the effects of a call on its job process, before the next call."""

import signal

from runner.pool.linux import proc

_DEFAULT_SIGNALS = (
    "SIGTERM",
    "SIGALRM",
    "SIGCHLD",
    "SIGCONT",
    "SIGHUP",
    "SIGUSR1",
    "SIGUSR2",
    "SIGXCPU",
)
_PEAK_TOLERANCE_BYTES = 1 << 20
"""The peak memory is reset only if it exceeds the current memory by more than this, because a reset
costs extra system calls. A smaller difference stays in the peak of the next call."""


def reset_signals() -> None:
    """Reset signal handlers and mask, so that timeouts and graceful kills work after any job."""
    for name in _DEFAULT_SIGNALS:
        signal.signal(signal.Signals[name], signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # Python's default: write() raises OSError
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


class CleanUp:
    """A callable for the end of each call. Create it before the first call, with signals reset.

    It resets the signals only if /proc/self/status shows that a call has changed them, because a
    reset takes longer than a short call.
    """

    def __init__(self) -> None:
        self._signal_masks = proc.parse_signal_masks(proc.read_or_empty("/proc/self/status"))

    def __call__(self) -> tuple[int, int]:
        """Clean up; returns the peak and current resident memory in bytes.

        If the timer of the call has expired while SIGALRM was blocked, unblocking it ends the
        process here.
        """
        status = proc.read_or_empty("/proc/self/status")
        is_sigint_unchanged = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not is_sigint_unchanged or proc.parse_signal_masks(status) != self._signal_masks:
            reset_signals()
        peak, current = proc.parse_memory(status)
        if peak - current > _PEAK_TOLERANCE_BYTES:
            proc.reset_peak_memory()
        return peak, current

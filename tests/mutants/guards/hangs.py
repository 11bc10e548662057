"""Guards around workers that hang: the watchdog, and heartbeats."""

from tests.mutants.mutant import Mutant

FILE = "runner/pool/fork/watchdog.py"
WATCHDOG = ("tests/runner/pool/test_watchdog.py",)
HEARTBEATS = ("tests/storage/liveness/test_heartbeat.py",)

HANGS = (
    Mutant(
        "a runner that hangs is killed",
        FILE,
        "            processes.send_signal(self._runner, signal.SIGKILL)\n",
        "            pass\n",
        WATCHDOG,
    ),
    Mutant(
        "a loop that has not begun does not hang",
        FILE,
        "if count == self._count > 0 and was_running:",
        "if count == self._count and was_running:",
        WATCHDOG,
    ),
    Mutant(
        "a stopped runner does not hang",
        FILE,
        " and not self._is_stopped()",
        "",
        WATCHDOG,
    ),
    Mutant(
        "time in which the watchdog stood still does not count",
        FILE,
        "passed < 3 * self._check_seconds and ",
        "",
        WATCHDOG,
    ),
    Mutant(
        "a stale runner has no slots",
        "storage/queries/stats.py",
        "if not runner.is_stale]",
        "]",
        HEARTBEATS,
    ),
    Mutant(
        "a long lease is renewed as often as a heartbeat needs",
        "storage/liveness/liveness.py",
        "min(self._lease_seconds / 4, MAX_RENEW_SECONDS)",
        "self._lease_seconds / 4",
        HEARTBEATS,
    ),
    Mutant(
        "a time of the file system is no heartbeat",
        "storage/liveness/runners.py",
        "return age if age >= 0 else None",
        "return age",
        HEARTBEATS,
    ),
)

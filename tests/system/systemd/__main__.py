"""Installs the service on machines that run systemd, in containers, and checks its units.

    python -m tests.system.systemd

`tests/system/systemd/run` prepares and cleans up. Exits with 1 if a check fails.
"""

import sys
import time

from tests.system.docker.report import Report
from tests.system.systemd import alone
from tests.system.systemd.machine import Machine, build


def main() -> int:
    """Run all checks in order, and report the results."""
    report = Report()
    started = time.monotonic()
    build()
    machine = Machine("alone")
    if report.check(alone.one_command_installs_and_starts_the_service, machine):
        report.check_all(alone.CHECKS, machine)
    report.say(f"\n{time.monotonic() - started:.0f} s in total")
    report.say(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())

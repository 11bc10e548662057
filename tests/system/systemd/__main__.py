"""Installs the service on machines that run systemd, in containers, and checks its units.

    python -m tests.system.systemd [machines|cgroups]

With `machines`, on three machines with PostgreSQL; with `cgroups`, on a virtual machine; otherwise
on one. `tests/system/systemd/run` prepares and cleans up. Exits with 1 if a check fails.
"""

import sys
import time

from tests.system.docker.report import Report
from tests.system.systemd import alone, several, virtual
from tests.system.systemd.machine import Machine, build


def main() -> int:
    """Run all checks in order, and report the results."""
    report = Report()
    started = time.monotonic()
    build()
    if sys.argv[1:] == ["machines"]:
        machines = several.Machines.start()
        if report.check(several.the_service_starts_on_three_machines, machines):
            report.check_all(several.CHECKS, machines)
    elif sys.argv[1:] == ["cgroups"]:
        report.check(virtual.each_job_has_a_control_group_of_its_own)
    else:
        machine = Machine("alone")
        if report.check(alone.one_command_installs_and_starts_the_service, machine):
            report.check_all(alone.CHECKS, machine)
    report.say(f"\n{time.monotonic() - started:.0f} s in total")
    report.say(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())

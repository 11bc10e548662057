"""Builds the image, then checks it and its deployments. Exits with 1 if a check fails.

    python -m tests.system.docker [nodes]

With `nodes`, only the deployment for many machines is checked, on three Docker engines.
"""

import os
import sys
import time

from tests.system.docker import checks, machines
from tests.system.docker.compose import Compose
from tests.system.docker.nodes import Nodes
from tests.system.docker.report import Report
from tests.system.docker.scaled import Scaled
from tests.system.docker.stack import Stack


def main() -> int:
    """Run all checks in order, and report the results."""
    report = Report()
    started = time.monotonic()
    if sys.argv[1:] == ["nodes"]:
        check_nodes(report, f"{os.environ['STACK_NAME']}-nodes")
    elif report.check(checks.image.the_image_is_built):
        report.check_all(checks.image.CHECKS)
        report.check_all(checks.strict.CHECKS)
        check_compose(report, os.environ["COMPOSE_PROJECT_NAME"])
        stack = Stack(os.environ["STACK_NAME"])
        if report.check(checks.stack.a_stack_deploy_starts_all_replicas, stack):
            report.check_all(checks.stack.CHECKS, stack)
        check_scaled(report, Scaled(f"{os.environ['STACK_NAME']}-scaled"))
    report.say(f"\n{time.monotonic() - started:.0f} s in total")
    report.say(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


def check_compose(report: Report, project: str) -> None:
    """Check a normal deployment, one with faults, one whose volume fills up, and updates."""
    compose = Compose(project)
    if report.check(checks.compose.compose_up_builds_the_image_and_makes_all_healthy, compose):
        report.check_all(checks.compose.CHECKS, compose)
    faulty = Compose(project, checks.faults.FILES, **checks.faults.SETTINGS)
    if report.check(checks.faults.two_workers_with_a_test_job_type_start, faulty):
        report.check_all(checks.faults.CHECKS, faulty)
    small = Compose(project, checks.full_volume.FILES)
    if report.check(checks.full_volume.services_with_a_small_volume_start, small):
        report.check_all(checks.full_volume.CHECKS, small)
    if report.check(checks.updates.the_image_of_a_later_release_is_built):
        report.check_all(checks.updates.CHECKS, project)
    report.check_all(checks.own_types.ALONE)
    if report.check(checks.own_types.an_image_with_own_job_types_and_packages_is_built):
        report.check_all(checks.own_types.CHECKS, project)


def check_scaled(report: Report, scaled: Scaled) -> None:
    """Check the deployment for many machines."""
    report.check(checks.scaled.compose_and_stack_can_read_its_file, scaled)
    if report.check(checks.scaled.the_image_of_the_backing_services_is_built) and report.check(
        checks.scaled.the_scaled_stack_starts, scaled
    ):
        report.check_all(checks.scaled.CHECKS, scaled)


def check_nodes(report: Report, name: str) -> None:
    """Check the deployment for many machines on three engines, if they can run here."""
    if reason := machines.missing():
        report.say(f"SKIP a Swarm of three machines: {reason}")
        return
    if not (
        report.check(checks.image.the_image_is_built)
        and report.check(checks.scaled.the_image_of_the_backing_services_is_built)
    ):
        return
    joined = machines.start(3)
    if report.check(checks.nodes.the_engines_get_the_images, joined) and report.check(
        checks.nodes.the_machines_join_a_swarm, joined
    ):
        nodes = Nodes(name, joined)
        if report.check(checks.nodes.the_stack_starts_and_is_spread, nodes):
            report.check_all(checks.nodes.CHECKS, nodes)


if __name__ == "__main__":
    sys.exit(main())

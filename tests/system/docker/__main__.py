"""Builds the image, then checks it and its deployments. Exits with 1 if a check fails.

    python -m tests.system.docker [nodes|overlays]

With `nodes`, only the deployment for many machines is checked, on three Docker engines. With
`overlays`, only the image and deploy/compose are.
"""

import os
import sys
import time

from tests.system.docker import checks, machines
from tests.system.docker.compose import Compose
from tests.system.docker.nodes import Nodes
from tests.system.docker.overlays import proxied
from tests.system.docker.overlays.everything import Everything
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
        if sys.argv[1:] != ["overlays"]:
            check_one_machine(report)
        check_overlays(report, os.environ["COMPOSE_PROJECT_NAME"])
    report.say(f"\n{time.monotonic() - started:.0f} s in total")
    report.say(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


def check_one_machine(report: Report) -> None:
    """Check the image, docker-compose.yml with compose and as a stack, and deploy/stack.yml."""
    report.check_all(checks.image.CHECKS)
    report.check_all(checks.strict.CHECKS)
    check_compose(report, os.environ["COMPOSE_PROJECT_NAME"])
    stack = Stack(os.environ["STACK_NAME"])
    if report.check(checks.stack.a_stack_deploy_starts_all_replicas, stack):
        report.check_all(checks.stack.CHECKS, stack)
    check_scaled(report, Scaled(f"{os.environ['STACK_NAME']}-scaled"))


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


def check_overlays(report: Report, project: str) -> None:
    """Check docker-compose.yml behind each proxy, and with all other overlays at once."""
    if not report.check(checks.proxies.the_images_of_the_overlays_are_built):
        return
    for name, behind in proxied.PROXIES.items():
        report.say(f"\nbehind {name}")
        deployment = behind(f"{project}-{name}")
        if report.check(checks.proxies.the_proxy_and_three_listeners_start, deployment):
            report.check_all(checks.proxies.CHECKS, deployment)
        report.check(checks.proxies.the_deployment_is_removed, deployment)
    report.say("\nwith all overlays")
    everything = Everything(f"{project}-overlays")
    if report.check(checks.overlays.all_services_start_with_the_documented_secrets, everything):
        report.check_all(checks.overlays.CHECKS, everything)
    report.check(checks.overlays.the_deployment_with_all_overlays_is_removed, everything)


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

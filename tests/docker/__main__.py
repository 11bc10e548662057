"""Builds the image, then checks it and both deployments; the exit code is 1 if a check fails."""

import os
import sys
import time

from tests.docker import compose_checks, image_checks, stack_checks
from tests.docker.compose import Compose
from tests.docker.report import Report
from tests.docker.stack import Stack


def main() -> int:
    """Run all checks, in order, and tell how they ended."""
    report = Report()
    started = time.monotonic()
    if report.check(image_checks.the_image_is_built):
        report.check_all(image_checks.CHECKS)
        compose = Compose(os.environ["COMPOSE_PROJECT_NAME"])
        if report.check(compose_checks.compose_up_builds_the_image_and_makes_all_healthy, compose):
            report.check_all(compose_checks.CHECKS, compose)
        stack = Stack(os.environ["STACK_NAME"])
        if report.check(stack_checks.a_stack_deploy_starts_all_replicas, stack):
            report.check_all(stack_checks.CHECKS, stack)
    report.say(f"\n{time.monotonic() - started:.0f} s in all")
    report.say(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())

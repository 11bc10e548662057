"""Checks deploy/kubernetes: by the schemas of Kubernetes, and by a pod that runs.

    python -m tests.system.kubernetes

`tests/system/kubernetes/run` prepares and cleans up. Exits with 1 if a check fails.
"""

import sys

from tests.system.docker.report import Report
from tests.system.kubernetes import manifests, pod


def main() -> int:
    """Run all checks in order, and report the results."""
    report = Report()
    report.check_all(manifests.CHECKS)
    if report.check(pod.the_image_is_there) and report.check(pod.the_pod_starts):
        report.check_all(pod.CHECKS)
    report.say(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""An update to a release with a newer schema, a rollback, and the update again, under load.

The older release is the image itself. Releases before it do not know that a newer schema can work.
"""

from typing import Any

from tests.support.paths import TESTS
from tests.support.waiting import wait_for
from tests.system.docker.checks.image import IMAGE
from tests.system.docker.client import outcomes
from tests.system.docker.compose import Compose
from tests.system.docker.engine import complaints, docker, published_ports
from tests.system.docker.outside import COUNTS, Outside

NEWER = "job-service-newer:latest"
ROUNDS = (NEWER, IMAGE, NEWER)
"""The images to change to, one after the other."""
LOAD_JOBS = 50
"""Jobs that are submitted before the first change, and after each."""
CLOSED = {"returned", "released"}
"""Outcomes of attempts that cost a job nothing."""


def the_image_of_a_later_release_is_built() -> None:
    folder = TESTS / "system/docker"
    file = str(folder / "files/newer.dockerfile")
    docker("build", "--quiet", "--tag", NEWER, "--file", file, str(folder), timeout=600)


def updates_and_a_rollback_under_load_lose_no_job(project: str) -> str:
    Compose(project).up()
    load = Outside("", [("127.0.0.1", port) for port in published_ports()])
    with load:
        _wait_for_more(load)
        for image in ROUNDS:
            compose = Compose(project, IMAGE=image)
            compose.up("--no-build")
            assert _images(compose) == {image}
            for listener in compose.listeners():
                assert listener.call("GET", "/readyz")[0] == 200
            told = "newer schema, which works" in complaints("logs", *compose.containers("worker"))
            assert told == (image == IMAGE)
            _wait_for_more(load)
    assert load.never == load.refused == []
    assert len(load.ids) == len(set(load.ids))
    one, _ = compose.listeners()
    wait_for(lambda: not one.jobs("status=queued,running&limit=1"), timeout=120)
    for job in _jobs(compose, load.ids):
        assert job["status"] == "succeeded", job
        assert job["type"] == "sleep" or job["result"]["counts"] == COUNTS, job
        assert outcomes(job)[-1] == "returned", job
        assert set(outcomes(job)) <= CLOSED, job
    return f"{len(load.ids)} jobs, {load.again} requests were sent again"


def a_removed_deployment_leaves_nothing(project: str) -> None:
    Compose(project).remove()


def _wait_for_more(load: Outside) -> None:
    enough = len(load.ids) + LOAD_JOBS
    wait_for(lambda: len(load.ids) >= enough, timeout=60)


def _images(compose: Compose) -> set[str]:
    found = [each for name in ("listener", "worker") for each in compose.containers(name)]
    return set(docker("inspect", "--format", "{{.Config.Image}}", *found).split())


def _jobs(compose: Compose, ids: list[str]) -> list[dict[str, Any]]:
    """The jobs with these ids, whose attempts only their own documents show."""
    one, _ = compose.listeners()
    return [one.job(job_id) for job_id in ids]


CHECKS = (updates_and_a_rollback_under_load_lose_no_job, a_removed_deployment_leaves_nothing)

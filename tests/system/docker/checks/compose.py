"""Checks of the deployment by `docker compose up`. Each one leaves all its services running."""

import hashlib
import json
from typing import Any

from tests.system.docker.checks.image import IMAGE
from tests.system.docker.client import outcomes
from tests.system.docker.compose import DRAIN_SECONDS, Compose
from tests.system.docker.engine import docker, published_ports
from tests.system.docker.rights import assert_few_rights

LOG_LINES = 200_000
KILL_RUNNER = """
import os, signal
child, *_ = open('/proc/1/task/1/children').read().split()
os.kill(int(child), signal.SIGKILL)
"""


def compose_up_builds_the_image_and_makes_all_healthy(compose: Compose) -> None:
    docker("image", "rm", "--force", IMAGE)
    compose.up()
    assert [len(compose.containers(name)) for name in ("listener", "worker")] == [2, 1]


def containers_have_an_init_and_few_rights(compose: Compose) -> None:
    for service in ("listener", "worker"):
        assert_few_rights(compose.containers(service)[0], no_new_privileges=True)


def both_listeners_answer_on_the_ports_of_the_range(compose: Compose) -> str:
    assert all(listener.is_well() for listener in compose.listeners())
    assert compose.ports() == published_ports()
    return " and ".join(map(str, compose.ports()))


def a_job_of_one_listener_is_read_from_the_other(compose: Compose) -> None:
    one, other = compose.listeners()
    job_id = one.sleep(0.5)
    status, job = other.call("GET", f"/jobs/{job_id}?wait=20")
    assert (status, job["status"], job["result"]) == (200, "succeeded", {"slept": 0.5}), job
    assert job_id in [job["job_id"] for job in other.jobs("status=succeeded")]


def an_uploaded_log_is_counted_exactly(compose: Compose) -> str:
    one, other = compose.listeners()
    lines = [("INFO", "WARN", "ERROR ERROR")[number % 3] for number in range(LOG_LINES)]
    log = "".join(f"{number:06} {line}: text\n" for number, line in enumerate(lines)).encode()
    job = other.final(one.analyze(log))
    expected = {"ERROR": log.count(b"ERROR"), "WARN": log.count(b"WARN")}
    assert (job["status"], job["result"]["counts"]) == ("succeeded", expected), job
    upload = {"name": "app.log", "size": len(log), "sha256": hashlib.sha256(log).hexdigest()}
    assert job["upload"] == upload, job
    return f"{len(log) / 1e6:.0f} MB, {expected}"


def a_cancel_ends_one_process_and_spares_the_neighbour(compose: Compose) -> None:
    one, other = compose.listeners()
    neighbour, canceled = one.sleep(4), one.sleep(600)
    one.running(neighbour)
    one.running(canceled)
    before = _pool_processes(compose)
    status, document = other.cancel(canceled)
    after = _pool_processes(compose)
    assert (status, document["message"]) == (200, "job canceled successfully"), document
    assert len(before - after) == 1, (before, after)
    assert one.job(canceled)["status"] == "canceled"
    job = one.final(neighbour)
    assert (job["status"], outcomes(job)) == ("succeeded", ["returned"]), job


def a_restart_of_the_worker_costs_no_job_a_retry(compose: Compose) -> None:
    one, _ = compose.listeners()
    short, long = one.sleep(DRAIN_SECONDS - 1), one.sleep(DRAIN_SECONDS + 4)
    one.running(short)
    one.running(long)
    compose("restart", "worker")
    ended, released = one.final(short), one.final(long)
    assert (ended["status"], outcomes(ended)) == ("succeeded", ["returned"]), ended
    assert (released["status"], outcomes(released)) == ("succeeded", ["released", "returned"])
    assert (released["attempt"], released.get("retry_count", 0)) == (2, 0), released


def a_worker_killed_from_inside_starts_again_and_retries_its_job(compose: Compose) -> None:
    one, _ = compose.listeners()
    (worker,) = compose.containers("worker")
    job_id = one.sleep(3)
    one.running(job_id)
    # Detached: the process that kills dies with the container.
    docker("exec", "--detach", worker, "python", "-c", KILL_RUNNER)
    job = one.final(job_id)
    _assert_retried_once(job)
    assert docker("inspect", "--format", "{{.RestartCount}}", worker) == "1"


def listeners_scale_down_and_up(compose: Compose) -> None:
    compose.up("--no-recreate", "--scale", "listener=1")
    assert [listener.is_well() for listener in compose.listeners()] == [True]
    compose.up("--no-recreate")
    assert [listener.is_well() for listener in compose.listeners()] == [True, True]


def all_programs_stop_in_order(compose: Compose) -> None:
    compose("stop")
    for service in ("listener", "worker"):
        for each in compose.containers(service, everything=True):
            assert docker("inspect", "--format", "{{.State.ExitCode}}", each) == "0"
    compose.up("--no-recreate")


def jobs_survive_down_and_up(compose: Compose) -> str:
    delayed = compose.listeners()[0].sleep(0, delay=3)
    before = _ends(compose.listeners()[0].jobs())
    assert delayed not in before
    compose("down")
    assert compose.containers("listener", everything=True) == []
    compose.up()
    one, _ = compose.listeners()
    assert one.final(delayed)["status"] == "succeeded"
    after = _ends(one.jobs())
    assert before.items() <= after.items(), (before, after)
    return f"{len(before)} jobs, none lost and one run after"


def compose_down_leaves_nothing(compose: Compose) -> None:
    compose.remove()
    for service in ("listener", "worker"):
        assert compose.containers(service, everything=True) == []


def _pool_processes(compose: Compose) -> set[str]:
    """The pids of the keepers, the job processes and the fork server."""
    (worker,) = compose.containers("worker")
    lines = docker("top", worker, "-eo", "pid,args").splitlines()
    return {line.split()[0] for line in lines if "spawn_main" in line}


def _assert_retried_once(job: dict[str, Any]) -> None:
    assert (job["status"], outcomes(job)) == ("succeeded", ["lost", "returned"]), job
    assert (job["attempt"], job.get("retry_count", 0), job["loss_count"]) == (2, 0, 1), job
    first, second = (attempt["runner"] for attempt in job["attempts"])
    assert first != second, job


def _ends(jobs: list[dict[str, Any]]) -> dict[str, tuple[str, str, str]]:
    """Status, result and end of each final job, by id: these must not change."""
    final = [job for job in jobs if job["finished_at"]]
    return {j["job_id"]: (j["status"], json.dumps(j["result"]), j["finished_at"]) for j in final}


CHECKS = (
    containers_have_an_init_and_few_rights,
    both_listeners_answer_on_the_ports_of_the_range,
    a_job_of_one_listener_is_read_from_the_other,
    an_uploaded_log_is_counted_exactly,
    a_cancel_ends_one_process_and_spares_the_neighbour,
    a_restart_of_the_worker_costs_no_job_a_retry,
    a_worker_killed_from_inside_starts_again_and_retries_its_job,
    listeners_scale_down_and_up,
    all_programs_stop_in_order,
    jobs_survive_down_and_up,
    compose_down_leaves_nothing,
)

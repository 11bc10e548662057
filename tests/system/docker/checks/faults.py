"""Checks of a deployment by `docker compose up` whose containers are killed, paused and stopped.

Each check leaves two listeners and two workers running. The jobs are of the type `exclusive`, which
keeps a journal of all runs. P1 to P13 are the promises in docs/guarantees.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.waiting import wait_for
from tests.system.docker.client import Client, outcomes
from tests.system.docker.compose import DRAIN_SECONDS, Compose
from tests.system.docker.engine import docker, python
from tests.system.docker.submitters import assert_all_are_there, submitting

FILES = ("tests/system/docker/files/faults.yml",)
LEASE_SECONDS = 3
SETTINGS = {"JOB_TYPES": "exclusive", "LEASE_SECONDS": str(LEASE_SECONDS)}
ENDLESS = 600.0
LOST, ONCE = ["lost", "returned"], ["returned"]
RAN_TWICE, RAN_ONCE = ["began 1", "began 2", "ended 2"], ["began 1", "ended 1"]

READ_JOURNAL = """
import pathlib, sys
print(pathlib.Path('/data/journal', sys.argv[1]).read_text())
"""
COUNT_INCOMPLETE = "import os; print(len(os.listdir('/data/uploads/incoming')))"


def two_workers_with_a_test_job_type_start(compose: Compose) -> None:
    compose.up("--scale", "worker=2")
    assert [len(compose.containers(name)) for name in ("listener", "worker")] == [2, 2]


def jobs_of_a_killed_worker_run_again_in_another(compose: Compose) -> str:
    """P1, P2, P3, P6: after SIGKILL of a busy worker, its jobs run again, and not too early."""
    one, _ = compose.listeners()
    with _restarting_ended(compose):
        lost = _claimed_together(one, ENDLESS, ENDLESS, ENDLESS)
        neighbour = one.submit("exclusive", {"seconds": 4})
        killed, other = _holder_and_other(compose, one.job(lost[0]))
        assert other[:12] in one.running(neighbour)["runner"]
        before = datetime.now(UTC)
        docker("kill", "--signal", "KILL", killed)
        jobs = [one.final(job_id) for job_id in lost]
        for job in jobs:
            _assert_ran(compose, job, LOST, RAN_TWICE)
            assert other[:12] in job["attempts"][1]["runner"], job
        _assert_ran(compose, one.final(neighbour), ONCE, RAN_ONCE)
    rescued = max(datetime.fromisoformat(job["attempts"][0]["finished_at"]) for job in jobs)
    return f"rescued within {(rescued - before).total_seconds():.1f} s"


def a_paused_worker_keeps_its_job_beyond_its_lease(compose: Compose) -> None:
    """P3, P5: no other worker runs the job of a paused worker, which ends it after the pause."""
    one, _ = compose.listeners()
    (job_id,) = _claimed_together(one, LEASE_SECONDS + 2)
    frozen, other = _holder_and_other(compose, one.job(job_id))
    with _paused(one, frozen):
        witness = one.final(one.sleep(LEASE_SECONDS + 1))
        assert (witness["status"], outcomes(witness)) == ("succeeded", ONCE), witness
        assert other[:12] in witness["attempts"][0]["runner"], witness
        job = one.job(job_id)
        assert (job["status"], job["attempt"]) == ("running", 1), job
        assert _journal(compose, job_id) == ["began 1"]
    _assert_ran(compose, one.final(job_id), ONCE, RAN_ONCE)


def a_cancel_waits_for_a_paused_worker(compose: Compose) -> None:
    """P8: a cancel is not confirmed while the job's process may live, and is not forgotten."""
    one, other = compose.listeners()
    (job_id,) = _claimed_together(one, ENDLESS)
    frozen, _ = _holder_and_other(compose, one.job(job_id))
    with _paused(one, frozen):
        status, document = one.cancel(job_id)
        assert (status, document["message"]) == (202, "cancel requested"), document
        assert other.job(job_id)["status"] == "running"
    job = other.final(job_id)
    assert (job["status"], outcomes(job)) == ("canceled", ["canceled"]), job
    assert _journal(compose, job_id) == ["began 1"]


def jobs_of_a_worker_killed_while_paused_run_again(compose: Compose) -> None:
    """P2, P3, P6: its jobs run again. A canceled job does not (P8)."""
    one, _ = compose.listeners()
    with _restarting_ended(compose):
        lost, canceled = _claimed_together(one, ENDLESS, ENDLESS)
        frozen, other = _holder_and_other(compose, one.job(lost))
        with _paused(one, frozen):
            assert one.cancel(canceled)[0] == 202
            docker("kill", "--signal", "KILL", frozen)
        job = one.final(lost)
        _assert_ran(compose, job, LOST, RAN_TWICE)
        assert other[:12] in job["attempts"][1]["runner"], job
        job = one.final(canceled)
        assert (job["status"], outcomes(job)) == ("canceled", ["lost"]), job
        assert _journal(compose, canceled) == ["began 1"]


def a_stopped_worker_ends_what_it_can_and_releases_the_rest(compose: Compose) -> None:
    """P13: at `docker stop`, a job may end within the drain. A longer one costs no retry."""
    one, _ = compose.listeners()
    with _restarting_ended(compose):
        short, long = _claimed_together(one, DRAIN_SECONDS - 0.5, ENDLESS)
        stopped, other = _holder_and_other(compose, one.job(short))
        docker("stop", stopped)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", stopped) == "0"
        _assert_ran(compose, one.final(short), ONCE, RAN_ONCE)
        job = one.final(long)
        _assert_ran(compose, job, ["released", "returned"], RAN_TWICE)
        assert (job["attempt"], job.get("retry_count", 0)) == (2, 0), job
        assert other[:12] in job["attempts"][1]["runner"], job


def a_listener_killed_amid_submissions_loses_no_acknowledged_job(compose: Compose) -> str:
    """P1: the other listener knows all jobs and files that were acknowledged."""
    one, other = compose.listeners()
    with _restarting_ended(compose):
        with submitting(one) as submitters:
            docker("kill", "--signal", "KILL", _container_of(compose, one))
            for each in submitters:
                each.wait_for_the_end()
        count = assert_all_are_there(other, submitters)
        incomplete = python(compose.containers("listener")[0], COUNT_INCOMPLETE)
    wait_for(lambda: [each.is_well() for each in compose.listeners()] == [True, True], 60)
    return f"{count} acknowledged, {incomplete} incomplete files left"


def killing_all_containers_at_once_loses_nothing(compose: Compose) -> str:
    """P1, P2, P3: after `docker compose kill` and `up`, all jobs exist, and running ones rerun."""
    one, other = compose.listeners()
    lost = _claimed_together(one, ENDLESS, ENDLESS, ENDLESS)
    with submitting(one, other) as submitters:
        compose("kill")
        for each in submitters:
            each.wait_for_the_end()
    compose.up("--no-recreate", "--scale", "worker=2")
    one, _ = compose.listeners()
    for job_id in lost:
        _assert_ran(compose, one.final(job_id), LOST, RAN_TWICE)
    return f"{assert_all_are_there(one, submitters)} acknowledged"


def removing_the_faulty_deployment_leaves_nothing(compose: Compose) -> None:
    compose.remove("--rmi", "all")
    for service in ("listener", "worker"):
        assert compose.containers(service, everything=True) == []


def _claimed_together(listener: Client, *seconds: float) -> list[str]:
    """Submit jobs that one worker runs: they are due at the same time, and so claimed together."""
    run_at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat(timespec="milliseconds")
    ids = [listener.submit("exclusive", {"seconds": each}, run_at=run_at) for each in seconds]
    holders = {listener.running(job_id)["runner"] for job_id in ids}
    assert len(holders) == 1, holders
    return ids


def _holder_and_other(compose: Compose, job: dict[str, Any]) -> tuple[str, str]:
    """The container of the worker that runs a job, and of the one that does not."""
    workers = compose.containers("worker")
    holder, other = sorted(workers, key=lambda id: id[:12] not in job["runner"])
    return holder, other


def _container_of(compose: Compose, listener: Client) -> str:
    """The container of a listener."""
    port = listener.url.rpartition(":")[2]
    found = compose.containers("listener")
    return next(each for each in found if f":{port}" in docker("port", each, "5000/tcp"))


@contextmanager
def _paused(listener: Client, worker: str) -> Iterator[None]:
    """Pause a worker, but not within a transaction, which would block all other writers."""
    wait_for(lambda: _freeze(listener, worker))
    try:
        yield
    finally:
        _thaw(worker)


def _freeze(listener: Client, worker: str) -> bool:
    docker("pause", worker)
    if listener.call("POST", "/jobs", {"type": "sleep", "payload": {"seconds": 0}})[0] == 202:
        return True
    _thaw(worker)
    return False


def _thaw(container: str) -> None:
    if docker("inspect", "--format", "{{.State.Paused}}", container) == "true":
        docker("unpause", container)


@contextmanager
def _restarting_ended(compose: Compose) -> Iterator[None]:
    """After the block, start the containers that ended in it, also after an exception."""
    try:
        yield
    finally:
        for service in ("listener", "worker"):
            running = compose.containers(service)
            for each in set(compose.containers(service, everything=True)) - set(running):
                docker("start", each)


def _journal(compose: Compose, job_id: str) -> list[str]:
    """The lines of a job's journal."""
    return python(compose.containers("listener")[0], READ_JOURNAL, job_id).split("\n")


def _assert_ran(compose: Compose, job: dict[str, Any], ends: list[str], journal: list[str]) -> None:
    """Raise AssertionError unless a job succeeded with these outcomes and this journal."""
    assert (job["status"], outcomes(job)) == ("succeeded", ends), job
    assert _journal(compose, job["job_id"]) == journal, (job, _journal(compose, job["job_id"]))


CHECKS = (
    jobs_of_a_killed_worker_run_again_in_another,
    a_paused_worker_keeps_its_job_beyond_its_lease,
    a_cancel_waits_for_a_paused_worker,
    jobs_of_a_worker_killed_while_paused_run_again,
    a_stopped_worker_ends_what_it_can_and_releases_the_rest,
    a_listener_killed_amid_submissions_loses_no_acknowledged_job,
    killing_all_containers_at_once_loses_nothing,
    removing_the_faulty_deployment_leaves_nothing,
)

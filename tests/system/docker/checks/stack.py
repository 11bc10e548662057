"""Checks of the deployment by `docker stack deploy`. Each one leaves all replicas running."""

from tests.support.waiting import wait_for
from tests.system.docker.client import outcomes
from tests.system.docker.engine import docker
from tests.system.docker.rights import assert_few_rights
from tests.system.docker.stack import CONCURRENCY_LIMIT, Stack


def a_stack_deploy_starts_all_replicas(stack: Stack) -> str:
    complaints = stack.deploy()
    stack.wait_for_replicas("listener", 2)
    stack.wait_for_replicas("worker", 1)
    return complaints.replace("\n", " ")


def every_listener_answers(stack: Stack) -> str:
    listeners = stack.listeners()
    assert [listener.is_well() for listener in listeners] == [True, True]
    if stack.routed:
        return "through the published ports"
    return "from inside its network: published ports do not work here, the kernel has no IPVS"


def containers_have_an_init_and_few_rights(stack: Stack) -> None:
    for service in ("listener", "worker"):
        assert_few_rights(stack.containers(service)[0], no_new_privileges=False)


def five_jobs_run_at_once_and_a_cancel_makes_room_for_the_next(stack: Stack) -> None:
    one, other = stack.listeners()
    *first, last = [one.sleep(600) for _ in range(CONCURRENCY_LIMIT + 1)]
    for job_id in first:
        one.running(job_id)
    assert other.job(last)["status"] == "queued"
    assert other.cancel(first[0])[0] == 200
    one.running(last)
    for job_id in [*first, last]:
        assert other.cancel(job_id)[0] == 200
    assert {one.job(job_id)["status"] for job_id in [*first, last]} == {"canceled"}


def an_update_of_the_worker_lets_its_job_end(stack: Stack) -> None:
    one, _ = stack.listeners()
    job_id = one.sleep(5)
    one.running(job_id)
    stack.update("worker", "--force")
    job = one.final(job_id)
    assert (job["status"], outcomes(job)) == ("succeeded", ["returned"]), job
    assert one.final(one.sleep(0))["status"] == "succeeded"


def a_killed_worker_is_replaced_and_its_job_retried(stack: Stack) -> None:
    one, _ = stack.listeners()
    job_id = one.sleep(3)
    one.running(job_id)
    docker("kill", *stack.containers("worker"))
    job = one.final(job_id)
    assert (job["status"], outcomes(job)) == ("succeeded", ["lost", "returned"]), job


def listeners_are_updated_one_after_the_other(stack: Stack) -> None:
    before = stack.containers("listener")
    stack.update("listener", "--force")
    wait_for(lambda: not set(before) & set(stack.containers("listener")), timeout=30)
    stack.wait_for_replicas("listener", 2)
    assert all(listener.is_well() for listener in stack.listeners())


def listeners_scale_up_and_down(stack: Stack) -> None:
    for count in (3, 2):
        docker("service", "scale", "--detach", f"{stack.name}_listener={count}")
        stack.wait_for_replicas("listener", count)
        wait_for(lambda: all(listener.is_well() for listener in stack.listeners()))


def a_removed_stack_leaves_nothing_but_its_volume(stack: Stack) -> None:
    stack.remove()
    volume = docker("volume", "ls", "--quiet", "--filter", f"name={stack.name}_jobs-data")
    assert volume == f"{stack.name}_jobs-data"


CHECKS = (
    every_listener_answers,
    containers_have_an_init_and_few_rights,
    five_jobs_run_at_once_and_a_cancel_makes_room_for_the_next,
    an_update_of_the_worker_lets_its_job_end,
    a_killed_worker_is_replaced_and_its_job_retried,
    listeners_are_updated_one_after_the_other,
    listeners_scale_up_and_down,
    a_removed_stack_leaves_nothing_but_its_volume,
)

"""Checks of the deployment for many machines on a Swarm of three. Each one leaves all replicas
running."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from tests.support.waiting import wait_for
from tests.system.docker import machines
from tests.system.docker.client import outcomes
from tests.system.docker.nodes import LEASE_SECONDS, SLOTS, Nodes
from tests.system.docker.outside import COUNTS, Outside, status_of
from tests.system.docker.scaled import IMAGE

PROGRAM = "job-service:latest"
LOAD_JOBS = 100
"""Jobs that are submitted before and after the event that is checked."""


def the_engines_get_the_images(joined: list[machines.Machine]) -> None:
    """The manager also gets the image of PostgreSQL and S3."""
    with ThreadPoolExecutor() as pool:
        manager, *others = joined
        loads = [pool.submit(manager.load, PROGRAM, IMAGE)]
        loads += [pool.submit(each.load, PROGRAM) for each in others]
    for each in loads:
        each.result()


def the_machines_join_a_swarm(joined: list[machines.Machine]) -> str:
    machines.join(joined)
    found = joined[0]("node", "ls", "--format", "{{.Hostname}} {{.Status}}").splitlines()
    assert sorted(found) == [f"{machine.name} Ready" for machine in joined], found
    return ", ".join(sorted(found))


def the_stack_starts_and_is_spread(nodes: Nodes) -> str:
    note = nodes.deploy()
    nodes.wait_for_replicas("postgres", 1)
    nodes.wait_until_complete()
    placed = {name: nodes.placed(name) for name in ("postgres", "listener", "worker")}
    assert placed["postgres"] == [1, 0, 0], placed
    assert placed["worker"] == [1, 1, 1], placed
    assert sorted(placed["listener"]) == [0, 1, 1], placed
    _, overview = nodes.client().call("GET", "/overview")
    assert (len(overview["runners"]), overview["slots"]) == (3, SLOTS), overview
    return note.replace("\n", " ")


def jobs_with_files_sent_to_any_machine_all_end(nodes: Nodes) -> str:
    with nodes.load() as load:
        _wait_for_more(load)
    assert load.again == 0
    return _all_ended(nodes, load)


def a_client_with_wrong_tokens_does_not_lock_out_others(nodes: Nodes) -> str:
    """Failures count against an address, so listeners must see the address of the client. A valid
    token is accepted from any address."""
    wrong, right = "10.0.200.1", "10.0.200.2"
    for address in (wrong, right):
        machines.add_address(address)
    asked = nodes.listener_addresses()[0]
    seen = [status_of(asked, wrong, "wrong") for _ in range(15)]
    assert seen[:5] == [401] * 5, seen
    assert seen[-1] == 429, seen
    assert status_of(asked, wrong, nodes.token) == 200
    assert status_of(asked, right, "wrong") == 401
    return f"429 after {seen.index(429)}"


def a_drained_machine_gives_its_jobs_to_the_others(nodes: Nodes) -> str:
    leaving = nodes.machines[2]
    with nodes.load() as load:
        ids = _fill(nodes, seconds=12)
        held = _held(nodes, leaving, ids)
        nodes.set_availability(leaving, "drain")
        wait_for(lambda: not nodes.on(leaving, "worker") + nodes.on(leaving, "listener"), 60)
        nodes.wait_until_complete()
        _wait_for_more(load)
    note = _all_ended(nodes, load, "released")
    _assert_ran(nodes, ids, held, "released")
    nodes.set_availability(leaving, "active")
    return note


def a_machine_that_dies_costs_its_jobs_an_attempt(nodes: Nodes) -> str:
    dying = nodes.machines[1]
    assert nodes.on(dying, "listener"), nodes.placed("listener")
    assert nodes.on(dying, "worker"), nodes.placed("worker")
    with nodes.load() as load:
        ids = _fill(nodes, seconds=6)
        held = _held(nodes, dying, ids)
        died_at = time.time()
        dying.die()
        wait_for(lambda: min(_moments(nodes, held, 1, "started_at")), timeout=60)
        nodes.wait_until_complete()
        complete_after = time.time() - died_at
        _wait_for_more(load)
    note = _all_ended(nodes, load, "lost")
    _assert_ran(nodes, ids, held, "lost")
    rescued_after = max(_moments(nodes, held, 0, "finished_at")) - died_at
    slots_left = SLOTS - len(held)
    begun = sorted(_moments(nodes, held, 1, "started_at"))[:slots_left]
    begun_after = max(begun) - died_at
    assert max(rescued_after, begun_after) <= LEASE_SECONDS + 2, (rescued_after, begun_after)
    return (
        f"lease {LEASE_SECONDS} s; its {len(held)} jobs waited again after {rescued_after:.1f} s, "
        f"and {len(begun)} ran in the {slots_left} slots left after {begun_after:.1f} s; all "
        f"replicas were there after {complete_after:.1f} s; {note}"
    )


def a_machine_that_comes_back_is_ready_and_has_nothing_to_do(nodes: Nodes) -> None:
    back = nodes.machines[1]
    nodes.wait_for_state(back, "down")
    back.start()
    nodes.wait_for_state(back, "ready")
    assert nodes.on(back, "listener") + nodes.on(back, "worker") == []


def a_rolling_update_replaces_all_replicas_and_loses_nothing(nodes: Nodes) -> str:
    """Both services are updated at once, as in a deploy with another image."""
    services = ("listener", "worker")
    before = {container for each in services for container in nodes.containers(each)}
    started = time.monotonic()
    with nodes.load() as load:
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda service: nodes.update(service, "--force"), services))
        nodes.wait_until_complete()
        seconds = time.monotonic() - started
        _wait_for_more(load)
    assert not before & {container for each in services for container in nodes.containers(each)}
    assert nodes.placed("worker") == [1, 1, 1], nodes.placed("worker")
    return f"updated in {seconds:.0f} s; {_all_ended(nodes, load, 'released')}"


def _fill(nodes: Nodes, seconds: float) -> list[str]:
    """Submit jobs that fill all slots, and wait until they run. Returns their ids."""
    client = nodes.client()
    ids = [client.sleep(seconds, priority=9) for _ in range(SLOTS)]
    for job_id in ids:
        client.running(job_id)
    return ids


def _held(nodes: Nodes, machine: machines.Machine, ids: list[str]) -> list[str]:
    """The ids of the jobs that a worker on this machine runs."""
    client, workers = nodes.client(), nodes.on(machine, "worker")
    holders = {job_id: client.job(job_id).get("runner") or "" for job_id in ids}
    found = [each for each in ids if any(holders[each].startswith(one[:12]) for one in workers)]
    assert found, (holders, workers)
    return found


def _moments(nodes: Nodes, ids: list[str], attempt: int, name: str) -> list[float]:
    """The time `name` of an attempt of each job, as Unix time. 0 without such an attempt."""
    found = [nodes.client().job(job_id)["attempts"][attempt:] for job_id in ids]
    times = [attempts[0][name] if attempts else None for attempts in found]
    return [datetime.fromisoformat(text).timestamp() if text else 0.0 for text in times]


def _assert_ran(nodes: Nodes, ids: list[str], held: list[str], end: str) -> None:
    """Raise AssertionError unless all jobs succeeded: the `held` ones in their second attempt,
    after one with the outcome `end`, the others in their first."""
    client = nodes.client()
    for job_id in ids:
        job = client.final(job_id, timeout=60)
        expected = [end, "returned"] if job_id in held else ["returned"]
        assert (job["status"], outcomes(job)) == ("succeeded", expected), job


def _wait_for_more(load: Outside) -> None:
    """Wait until LOAD_JOBS more jobs have been acknowledged."""
    enough = len(load.ids) + LOAD_JOBS
    wait_for(lambda: len(load.ids) >= enough, timeout=60)


def _all_ended(nodes: Nodes, load: Outside, *ends: str) -> str:
    """Raise AssertionError unless all jobs were acknowledged and have succeeded.

    Attempts before the last one may have only the outcomes `ends`. Returns a summary.
    """
    assert load.never == load.refused == [], (load.never, load.refused)
    assert len(load.ids) == len(set(load.ids))
    client = nodes.client()
    wait_for(lambda: not client.jobs("status=queued,running&limit=1"), timeout=60)
    jobs: list[dict[str, Any]] = []
    for start in range(0, len(load.ids), 100):
        jobs += client.jobs("&".join(f"id={each}" for each in load.ids[start : start + 100]))
    assert [job["status"] for job in jobs] == ["succeeded"] * len(load.ids)
    attempts = [outcomes(job) for job in jobs]
    assert all(each[-1] == "returned" and set(each[:-1]) <= set(ends) for each in attempts)
    files = [job["result"]["counts"] for job in jobs if job["type"] == "analyze"]
    assert files == [COUNTS] * len(files)
    repeated = sum(len(each) > 1 for each in attempts)
    return (
        f"{len(jobs)} jobs, {len(files)} with a file, {repeated} tried again; "
        f"{load.again} requests sent again"
    )


CHECKS = (
    jobs_with_files_sent_to_any_machine_all_end,
    a_client_with_wrong_tokens_does_not_lock_out_others,
    a_drained_machine_gives_its_jobs_to_the_others,
    a_machine_that_dies_costs_its_jobs_an_attempt,
    a_machine_that_comes_back_is_ready_and_has_nothing_to_do,
    a_rolling_update_replaces_all_replicas_and_loses_nothing,
)

"""Job types that need a new process for each job, or that must not use the network."""

import json

from tests.support.pool import need_calls
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for


def network(owner: Owner, job_type: str, caller: str | None = None) -> tuple[int, str]:
    """Run a call of a job type; returns its process, and whether it may use the network."""
    outcome = owner.run_of_type(job_type, "network", caller)
    assert outcome.kind == "returned", outcome
    pid, answer = json.loads(outcome.result or "")
    return pid, answer


def test_each_job_of_a_type_with_fresh_isolation_has_a_process_of_its_own() -> None:
    with open_pool(1, need_calls.load) as owner:
        usual = network(owner, "usual")[0]
        assert network(owner, "usual")[0] == usual
        used = [usual]
        for job_type in ("fresh", "fresh", "usual", "fresh", "usual", "both", "both"):
            pid, answer = network(owner, job_type)
            assert pid not in used, job_type
            assert answer == ("refused" if job_type == "both" else "allowed")
            used.append(pid)


def test_a_process_serves_one_caller_only() -> None:
    with open_pool(1, need_calls.load) as owner:
        callers = ["ann", "ann", "bob", "bob", None, None, "ann"]
        pids = [network(owner, "usual", caller)[0] for caller in callers]
        for one, other in zip(pids[::2], pids[1::2], strict=False):
            assert one == other
        assert len(set(pids)) == 4


def test_jobs_of_a_type_that_shares_run_in_a_process_of_all_callers_but_of_no_other_type() -> None:
    with open_pool(1, need_calls.load) as owner:
        calls = [("usual", "ann"), ("shared", "ann"), ("shared", "bob"), ("usual", "bob")]
        usual, shared, again, last = [network(owner, *call)[0] for call in calls]
        assert shared == again
        assert len({usual, shared, last}) == 3


def test_a_call_goes_to_an_idle_keeper_that_has_served_its_caller() -> None:
    with open_pool(2, need_calls.load) as owner:
        wait_for(lambda: owner.pool.collect() and owner.pool.room(prefetch=1) == 4)  # all are ready
        pids = {caller: network(owner, "usual", caller)[0] for caller in ("ann", "bob")}
        for caller in ("bob", "ann", "ann", "bob"):
            assert network(owner, "usual", caller)[0] == pids[caller]


def test_a_call_waits_behind_one_of_its_caller_if_no_keeper_is_idle() -> None:
    with open_pool(2, need_calls.load) as owner:
        for number, caller in enumerate(("ann", "bob", "bob", "bob", "ann", "bob")):
            owner.pool.submit(
                f"{caller} {number}", '{"do": "network", "with": {}}', None, caller=caller
            )
        channels = owner.pool._executor._channels.values()
        waiting = [{call.caller for call in channel.calls.values()} for channel in channels]
        assert sorted(waiting, key=str) == [{"ann"}, {"bob"}]


def test_jobs_of_a_type_without_network_cannot_make_sockets_and_others_can() -> None:
    with open_pool(1, need_calls.load) as owner:
        expected = ["allowed", "refused", "refused", "allowed", "refused", "allowed"]
        types = ["usual" if each == "allowed" else "offline" for each in expected]
        found = [network(owner, job_type) for job_type in types]
        assert [answer for _, answer in found] == expected
        assert found[1][0] == found[2][0]  # a process without network serves the next such job


def test_a_job_that_must_not_use_the_network_fails_if_that_cannot_be_prevented() -> None:
    with open_pool(1, need_calls.load_without_filters) as owner:
        outcome = owner.run_of_type("offline", "network")
        assert (outcome.kind, outcome.error_type) == ("crashed", "NetworkNotBlocked")
        assert not outcome.retryable
        assert network(owner, "usual")[1] == "allowed"

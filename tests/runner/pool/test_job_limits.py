"""Limits that a job has by itself: its call gets them, and the next call does not."""

import json
from typing import Any

import pytest

from runner.pool.protocol.setup import CallLimits, JobLimits
from storage.records.attempt_outcome import AttemptOutcome
from tests.support.pool import limit_calls, pools
from tests.support.pool.pools import Owner, open_pool
from tests.support.waiting import wait_for

MIB = 2**20
LIMITED = JobLimits(memory_bytes=512 * MIB, cpu_seconds=600)


def value(outcome: AttemptOutcome) -> Any:
    assert outcome.kind == "returned", outcome
    return json.loads(outcome.result or "")


def test_of_two_limits_the_narrower_one_counts() -> None:
    own = {"memory_bytes": 100 * MIB, "cpu_seconds": 900, "nice": 3}
    limits = LIMITED.narrowed(own)
    assert (limits.memory_bytes, limits.cpu_seconds, limits.nice) == (100 * MIB, 600, 3)
    assert limits.named("memory_bytes") == "memory_bytes=104857600"
    assert limits.named("cpu_seconds") == "JOB_CPU_SECONDS=600"
    assert JobLimits(nice=5).narrowed({"nice": 3}).nice == 5
    assert JobLimits().narrowed({"cpu_seconds": 7}).cpu_seconds == 7
    assert LIMITED.narrowed(None) is LIMITED
    assert CallLimits(log_bytes=100).output_bytes({"max_output_bytes": 10}) == 10
    assert CallLimits(log_bytes=100).output_bytes({"max_output_bytes": 1000, "nice": 3}) == 100


def test_a_job_gets_its_own_limits_and_the_next_job_those_of_the_worker() -> None:
    own = {"memory_bytes": 128 * MIB, "cpu_seconds": 5}
    with open_pool(1, limit_calls.load, job=LIMITED) as owner:
        for limits, memory, cpu in ((own, 128 * MIB, 5), ({}, 512 * MIB, 600)):
            seen = value(owner.run_within(limits, "limits_seen"))[0]
            assert seen[0] == memory
            assert cpu <= seen[1] <= cpu + 2


@pytest.mark.heavy
def test_an_error_names_the_limit_of_the_job() -> None:
    own = {"memory_bytes": 128 * MIB, "cpu_seconds": 1}
    with open_pool(1, limit_calls.load, job=LIMITED) as owner:
        outcome = owner.run_within(own, "hold_memory", mebibytes=300, keep=False)
        assert outcome.kind == "out_of_memory"
        assert f"(memory_bytes={128 * MIB})" in (outcome.error_message or "")
        for do in ("spin", "spin_ignoring"):
            names = {"names": ["SIGXCPU"]} if do == "spin_ignoring" else {}
            outcome = owner.run_within(own, do, **names)
            assert (outcome.kind, outcome.error_type) == ("timed_out", "CpuTimeExceeded")
            message = "the job used more CPU time than cpu_seconds=1 allows"
            assert outcome.error_message == message
        assert owner.run("hold_memory", mebibytes=300, keep=False).kind == "returned"


def test_a_process_that_holds_too_much_memory_is_replaced_before_a_small_job() -> None:
    with open_pool(1, limit_calls.load, job=LIMITED) as owner:
        assert owner.run("hold_memory", mebibytes=100, keep=True).kind == "returned"
        first = owner.value("pid")
        large, small = {"memory_bytes": 400 * MIB}, {"memory_bytes": 128 * MIB}
        assert owner.run_within(large, "pid").pid == first
        outcome = owner.run_within(small, "hold_memory", mebibytes=40, keep=False)
        assert outcome.kind == "returned"
        assert outcome.pid != first


def test_a_job_with_a_niceness_of_its_own_is_the_last_one_of_its_process() -> None:
    with open_pool(1, limit_calls.load, job=JobLimits(nice=3)) as owner:
        usual = value(owner.run("niceness"))
        first = owner.run_within({"nice": 10}, "niceness")
        assert value(first) == min(19, usual + 7)
        second = owner.run("niceness")
        assert value(second) == usual
        assert second.pid != first.pid
        assert value(owner.run_within({"nice": 1}, "niceness")) == usual


def test_the_output_of_a_job_is_cut_to_its_own_limit() -> None:
    with open_pool(1, limit_calls.load) as owner:
        for limits, kept in (({"max_output_bytes": 1000}, 1250), ({"max_output_bytes": 0}, 0)):
            assert len(output_of(owner, limits)) <= kept
        assert len(output_of(owner, {})) == 20_000


def output_of(owner: Owner, limits: dict[str, int]) -> bytes:
    """Run a call that prints 20,000 bytes; returns what the pool receives of them."""
    call_id = f"print {limits}"
    request = json.dumps({"do": "print_lines", "with": {"number": 200}})
    owner.pool.submit(call_id, request, None, limits=limits)
    printed: list[bytes] = []

    def has_ended() -> bool:
        outcomes, _, output = owner.pool.collect()
        printed.extend(piece.text for piece in output.get(call_id, ()))
        return bool(outcomes)

    wait_for(has_ended)
    assert pools.children()
    return b"".join(printed)

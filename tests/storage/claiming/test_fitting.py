"""A runner leaves jobs to other runners if the jobs' own limits are beyond the runner's limits."""

import pytest

from storage.claiming.fitting import RECHECK_MS
from storage.records.job_limits import WorkerLimits
from tests.support.stores import Bench

GIB = 2**30
SMALL = WorkerLimits(GIB, 60, 65536, 5)
WITHIN = {"memory_bytes": GIB, "cpu_seconds": 60, "max_output_bytes": 65536, "nice": 5}
BEYOND = {"memory_bytes": GIB + 1, "cpu_seconds": 61, "max_output_bytes": 65537, "nice": 4}


@pytest.mark.parametrize("name", list(BEYOND))
def test_a_job_beyond_a_limit_is_left_to_others(bench: Bench, name: str) -> None:
    small, large = bench.runner(limits=SMALL), bench.runner(limits=WorkerLimits())
    beyond = bench.enqueue(limits={**WITHIN, name: BEYOND[name]})
    ordinary = [bench.enqueue() for _ in range(2)]
    within = bench.enqueue(limits=WITHIN)
    assert {job.id for job in small.claims.claim(10)} == {*ordinary, within}
    assert [job.id for job in large.claims.claim(10)] == [beyond]
    assert bench.job(beyond).limits == {**WITHIN, name: BEYOND[name]}


def test_jobs_for_others_do_not_hide_jobs_behind_them(bench: Bench) -> None:
    small = bench.runner(limits=SMALL)
    for _ in range(5):
        bench.enqueue(limits=BEYOND, priority=9)
    mine = bench.enqueue()
    assert [job.id for job in small.claims.claim(1)] == [mine]


def test_a_runner_does_not_look_at_once_again_for_a_job_of_others(bench: Bench) -> None:
    small = bench.runner(limits=SMALL)
    bench.enqueue(limits=BEYOND)
    claimed = small.claims.settle_and_claim(limit=3)
    assert len(claimed.jobs) == 0
    assert claimed.next_run_at == bench.clock.now + RECHECK_MS
    bench.enqueue()
    assert len(small.claims.settle_and_claim(limit=3).jobs) == 1

"""Parts of jobs as rows: which runner may claim, settle and end them."""

import select
from contextlib import closing
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from storage.claiming.job_parts import JobParts
from storage.claiming.part_claims import MAX_LOST, ClaimedPart, Parts, PartWork
from storage.liveness.runners import registered_runners
from storage.notify.wakeup import WORKER
from storage.records.job import Fence, Upload, Usage
from tests.support.claims_in_steps import part_killed, part_raised, part_returned
from tests.support.stores import RAISED, RETURNED, Bench, Holder, die

ERROR = {
    "outcome": "raised",
    "retryable": True,
    "traceback": None,
    "type": "ValueError",
    "message": "no",
}
SPECS = [(f'["part {number}"]', '{"done":0}') for number in range(4)]


@dataclass
class Split:
    """A job in four parts, its runner, and another runner."""

    bench: Bench
    fence: Fence
    own: Holder
    other: Holder

    @property
    def job_id(self) -> UUID:
        return self.fence.job_id

    @property
    def job_parts(self) -> JobParts:
        return self.own.claims.job_parts

    @property
    def parts(self) -> Parts:
        return self.other.claims.parts

    def statuses(self) -> dict[str, int]:
        return dict(self.job_parts.statuses(self.job_id))

    def take(self, count: int = 1) -> list[ClaimedPart]:
        """Let the other runner claim this many parts."""
        taken = self.parts.claim(count)
        assert len(taken) == count
        return taken

    def finish(self, count: int) -> None:
        """Let the other runner finish this many parts."""
        for taken in self.take(count):
            result = f'"{taken.spec[0]}"'
            assert self.parts.settle(part_returned(taken.fence, result, '{"done":1}'))


def enqueue(bench: Bench, **options: int) -> UUID:
    """Create a job with a file of its own."""
    return bench.enqueue("analyze", upload=Upload(uuid4(), "a.log", 1, "0" * 64), **options)


@pytest.fixture
def split(bench: Bench) -> Split:
    own, other = bench.runner(), bench.runner()
    enqueue(bench)
    split = Split(bench, own.claim_one(), own, other)
    assert split.job_parts.make(split.fence, SPECS)
    return split


def test_parts_are_claimed_in_order_each_by_one_runner(split: Split) -> None:
    taken = [*split.take(2), *split.own.claims.parts.claim(9)]
    assert [each.spec for each in taken] == [[f"part {number}"] for number in range(4)]
    assert {each.job.id for each in taken} == {split.job_id}
    assert [each.fence.runner for each in taken[1:3]] == [
        split.other.liveness.name,
        split.own.liveness.name,
    ]
    assert split.parts.claim(1) == []
    assert split.statuses() == {"running": 4}


def test_parts_of_the_job_with_the_highest_priority_go_first(split: Split) -> None:
    bench = split.bench
    first = enqueue(bench, priority=90)
    assert split.job_parts.make(split.own.claim_one(), SPECS[:1])
    assert [each.job.id for each in split.take(2)] == [first, split.job_id]


def test_queued_parts_are_counted_up_to_a_maximum(split: Split) -> None:
    assert [split.parts.waiting(limit) for limit in (2, 9)] == [2, 4]
    split.take(3)
    assert split.parts.waiting(9) == 1


def test_a_runner_claims_parts_only_from_its_queues(split: Split) -> None:
    bench = split.bench
    bench.queues.put("big")
    picky = bench.runner({"big"})
    assert (picky.claims.parts.waiting(9), picky.claims.parts.claim(9)) == (0, [])


def test_a_helper_is_another_runner_of_the_queue(bench: Bench) -> None:
    alone = bench.runner()
    assert not alone.claims.job_parts.has_helpers("default")
    bench.runner({"big", "small"})
    assert not alone.claims.job_parts.has_helpers("default")
    assert alone.claims.job_parts.has_helpers("small")


def test_a_runner_that_is_not_registered_claims_no_part(split: Split) -> None:
    split.other.claims.deregister()
    assert split.parts.claim(9) == []


def test_only_the_holder_of_a_job_creates_its_parts(split: Split) -> None:
    assert split.own.claims.release(split.fence)
    assert not split.job_parts.make(split.fence, SPECS[:2])
    assert split.statuses() == {"queued": 4}


def test_results_are_returned_in_order_up_to_a_size(split: Split) -> None:
    split.finish(4)
    assert split.statuses() == {"done": 4}
    assert split.job_parts.results(split.job_id, 0, 1) == ['"part 0"']
    assert split.job_parts.results(split.job_id, 1, 16) == ['"part 1"', '"part 2"']
    assert split.job_parts.results(split.job_id, 2, 1000) == ['"part 2"', '"part 3"']
    assert split.job_parts.part_progress(split.job_id) == [{"done": 1}] * 4
    assert split.job_parts.usage(split.job_id) == Usage(6.0, 2000)


def test_changes_by_the_former_holder_of_a_part_are_refused(split: Split) -> None:
    (taken,) = split.take()
    assert split.parts.settle(part_killed(taken.fence))
    (again,) = split.own.claims.parts.claim(1)
    assert again.fence.tries == taken.fence.tries + 1
    assert not split.parts.settle(part_returned(taken.fence))
    assert not split.parts.settle(part_raised(taken.fence))
    assert not split.parts.settle(part_killed(taken.fence))
    work = PartWork(progress=[(taken.fence, '{"done":7}')])
    assert split.other.claims.settle_and_claim(part_work=work).parts == []
    assert split.statuses() == {"queued": 3, "running": 1}
    assert split.job_parts.part_progress(split.job_id) == [{"done": 0}] * 4
    assert split.own.claims.parts.settle(part_returned(again.fence))


def test_parts_to_be_ended_are_reported_and_end_whatever_their_outcome(
    split: Split,
) -> None:
    first, second, third = split.take(3)
    split.job_parts.end(split.job_id)
    assert split.statuses() == {"ending": 3, "ended": 1}
    assert split.parts.held() == {each.fence: True for each in (first, second, third)}
    assert split.parts.waiting(9) == 0
    assert not split.parts.settle(part_returned(first.fence))
    assert not split.parts.settle(part_raised(second.fence))
    assert not split.parts.settle(part_killed(third.fence))
    assert split.statuses() == {"ended": 4}


def test_the_next_attempt_continues_with_the_finished_parts(split: Split) -> None:
    split.finish(1)
    failed, running = split.take(2)
    assert split.parts.settle(part_raised(failed.fence))
    assert split.job_parts.error(split.job_id) == ERROR
    split.job_parts.end(split.job_id)
    assert split.own.claims.retry(split.fence, RAISED, 0)
    fence = split.own.claim_one()
    assert split.job_parts.make(fence, SPECS)
    assert split.statuses() == {"done": 1, "queued": 2, "running": 1}
    assert split.parts.held() == {running.fence: False}


def test_parts_with_other_specs_replace_the_old_ones(split: Split) -> None:
    split.finish(1)
    (running,) = split.take()
    assert split.job_parts.make(split.fence, SPECS[:3])
    assert split.statuses() == {"queued": 3}
    assert not split.parts.settle(part_returned(running.fence))
    assert split.statuses() == {"queued": 3}


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
def test_a_final_job_has_no_parts(split: Split, end: str) -> None:
    claims = split.own.claims
    split.finish(2)
    (running,) = split.take()
    if end == "complete":
        assert claims.complete(split.fence, "1", RETURNED)
    elif end == "fail":
        assert claims.fail(split.fence, RAISED)
    else:
        assert claims.release(split.fence)
        split.bench.jobs.cancel(split.job_id)
    assert split.statuses() == {}
    assert split.parts.held() == {}
    assert not split.parts.settle(part_returned(running.fence))


def test_parts_of_a_dead_runner_are_run_by_others(split: Split) -> None:
    split.finish(1)
    first, _ = split.take(2)
    die(split.bench, split.other)
    assert split.own.rescuer.rescue() == 2
    assert split.statuses() == {"done": 1, "queued": 3}
    assert not split.parts.settle(part_returned(first.fence))
    assert split.bench.job(split.job_id).status == "running"


def test_parts_of_a_dead_runner_that_were_to_be_ended_are_ended(split: Split) -> None:
    split.take(2)
    split.job_parts.end(split.job_id)
    die(split.bench, split.other)
    assert split.own.rescuer.rescue() == 2
    assert split.statuses() == {"ended": 4}


def test_a_part_whose_runners_keep_dying_fails(split: Split) -> None:
    for _ in range(MAX_LOST):
        runner = split.bench.runner()
        (taken,) = runner.claims.parts.claim(1)
        assert taken.spec == ["part 0"]
        die(split.bench, runner)
        assert split.own.rescuer.rescue() == 1
    assert split.statuses() == {"failed": 1, "queued": 3}
    assert split.job_parts.error(split.job_id)["type"] == "Lost"


def test_a_held_part_can_be_reloaded(split: Split) -> None:
    (taken,) = split.take()
    assert split.parts.reload(taken.fence) == taken
    split.parts.settle(part_killed(taken.fence))
    assert split.parts.reload(taken.fence) is None


def test_a_part_occupies_a_slot_and_a_job_waiting_for_its_parts_does_not(split: Split) -> None:
    def busy() -> dict[str, int]:
        runners = registered_runners(split.bench.store.database, split.bench.store.runners_folder)
        return {runner.name: runner.busy for runner in runners}

    own, other = split.own.liveness.name, split.other.liveness.name
    assert busy() == {own: 0, other: 0}
    split.take(2)
    assert busy() == {own: 0, other: 2}


def test_new_parts_wake_other_runners_and_settled_parts_wake_the_jobs_runner(split: Split) -> None:
    with closing(split.bench.store.wakeup.waiter(WORKER)) as waiter:
        assert split.job_parts.make(split.fence, SPECS)
        assert select.select([waiter], [], [], 5)[0]
        waiter.clear()
        claims = split.other.claims
        (taken,) = claims.settle_and_claim(part_work=PartWork(limit=1)).parts
        claims.wake(claims.settle_and_claim())
        assert not select.select([waiter], [], [], 0.2)[0]
        claimed = claims.settle_and_claim(part_work=PartWork([part_returned(taken.fence)]))
        claims.wake(claimed)
        assert claimed.accepted_parts == [True]
        assert select.select([waiter], [], [], 5)[0]

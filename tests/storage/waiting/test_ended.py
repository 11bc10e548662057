"""Each end of a watched job acts exactly once, whichever program ends the job or dies."""

from collections.abc import Sequence
from uuid import UUID

import pytest

from storage.jobs.retention import delete_job
from storage.records.holds import Watch
from storage.waiting import ended, reactions
from storage.waiting.ended import EndedJob, Reacting
from tests.support.held_jobs import Notes, outbox, process, watch_job
from tests.support.stores import RAISED, RETURNED, Bench


@pytest.fixture(autouse=True)
def no_reactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the reactions of the tests act."""
    monkeypatch.setattr(reactions, "REACTIONS", {})


def watched_job(bench: Bench, kind: Watch = Watch.BATCHES) -> UUID:
    job_id = bench.enqueue()
    watch_job(bench, job_id, kind)
    return job_id


def test_the_end_of_a_watched_job_acts_once(bench: Bench) -> None:
    job_id, other, runner = watched_job(bench), bench.enqueue(), bench.runner()
    notes = Notes()
    assert outbox(bench) == []
    for job in runner.claims.claim(2):
        runner.claims.complete(job.fence, "1", RETURNED)
    assert bench.job(other).status == "succeeded"
    assert outbox(bench) == [(job_id, "succeeded", False, Watch.BATCHES)]
    for _ in range(2):
        process(bench, {Watch.BATCHES: notes})
    assert notes.seen == [EndedJob(job_id, bench.job(job_id).status, False)]
    assert outbox(bench) == []


def test_a_job_can_be_watched_while_it_runs(bench: Bench) -> None:
    job_id, runner = bench.enqueue(), bench.runner()
    fence = runner.claim_one()
    before = bench.job(job_id)
    watch_job(bench, job_id, Watch.BATCHES)
    watch_job(bench, job_id, Watch.KEYS)
    assert bench.job(job_id).version == before.version
    assert bench.job(job_id).watched == Watch.BATCHES | Watch.KEYS
    runner.claims.fail(fence, RAISED)
    assert outbox(bench) == [(job_id, "failed", False, Watch.BATCHES | Watch.KEYS)]


def test_attempts_that_end_without_ending_the_job_do_not_act(bench: Bench) -> None:
    job_id, runner = watched_job(bench), bench.runner()
    runner.claims.retry(runner.claim_one(), RAISED, 0)
    assert outbox(bench) == []
    bench.jobs.cancel(job_id)
    assert [(row[0], row[1]) for row in outbox(bench)] == [(job_id, "canceled")]


def test_a_job_that_ends_again_after_a_retry_acts_again(bench: Bench) -> None:
    job_id, notes = watched_job(bench, Watch.KEYS), Notes()
    for _ in range(2):
        bench.jobs.cancel(job_id)
        process(bench, {Watch.KEYS: notes})
        bench.jobs.retry(job_id)
    assert [each.id for each in notes.seen] == [job_id, job_id]


def test_the_deletion_of_a_watched_job_acts_after_its_end(bench: Bench) -> None:
    job_id, notes = watched_job(bench), Notes()
    bench.jobs.cancel(job_id)
    delete_job(bench.store.database, job_id)
    assert [row[2] for row in outbox(bench)] == [False, True]
    process(bench, {Watch.BATCHES: notes})
    assert [(each.id, each.status, each.deleted) for each in notes.seen] == [
        (job_id, "canceled", False),
        (job_id, "canceled", True),
    ]
    assert outbox(bench) == []


def test_each_reaction_acts_on_its_own_jobs(bench: Bench) -> None:
    keyed, both = watched_job(bench, Watch.KEYS), watched_job(bench, Watch.KEYS | Watch.BATCHES)
    keys, batches = Notes(), Notes()
    for job_id in (keyed, both):
        bench.jobs.cancel(job_id)
    process(bench, {Watch.KEYS: keys})
    assert [(row[0], row[3]) for row in outbox(bench)] == [(both, Watch.BATCHES)]
    process(bench, {Watch.KEYS: keys, Watch.BATCHES: batches})
    assert [each.id for each in keys.seen] == [keyed, both]
    assert [each.id for each in batches.seen] == [both]
    assert outbox(bench) == []


def test_a_reaction_that_has_not_finished_is_called_again(bench: Bench) -> None:
    first, second = watched_job(bench), watched_job(bench)
    notes = Notes()
    notes.unfinished = {first}
    for job_id in (first, second):
        bench.jobs.cancel(job_id)
    assert process(bench, {Watch.BATCHES: notes}) is True
    assert [row[0] for row in outbox(bench)] == [first]
    assert [each.id for each in notes.seen].count(second) == 1
    notes.unfinished = set()
    assert process(bench, {Watch.BATCHES: notes}) is False
    assert outbox(bench) == []


def test_a_transaction_makes_a_limited_number_of_changes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ended, "BATCH", 3)
    notes = Notes()
    for _ in range(5):
        bench.jobs.cancel(watched_job(bench))
    assert process(bench, {Watch.BATCHES: notes}) is True
    assert len(notes.seen) == 3
    assert process(bench, {Watch.BATCHES: notes}) is False
    assert len(notes.seen) == 5


def test_a_reaction_that_fails_changes_nothing(bench: Bench) -> None:
    job_id, notes = watched_job(bench), Notes()
    other = bench.enqueue()
    bench.jobs.cancel(job_id)

    def fail(reacting: Reacting, jobs: Sequence[EndedJob]) -> set[UUID]:
        reacting.transitions.cancel(other, reacting.now)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        process(bench, {Watch.BATCHES: fail})
    assert bench.job(other).status == "queued"
    process(bench, {Watch.BATCHES: notes})
    assert [each.id for each in notes.seen] == [job_id]


def test_a_worker_learns_of_ended_jobs_when_it_looks_at_the_queues(bench: Bench) -> None:
    job_id, runner = watched_job(bench), bench.runner()
    fence, known = runner.claim_one(), []

    def look(claims: int) -> None:
        runner.claims.claim(claims) if claims else runner.claims.seconds_to_next()
        known.append(runner.claims.has_ended)

    look(0)
    runner.claims.complete(fence, "1", RETURNED)
    assert bench.job(job_id).final
    look(0)
    process(bench, {Watch.BATCHES: Notes()})
    look(1)
    bench.jobs.cancel(watched_job(bench))
    look(1)
    assert known == [False, True, False, True]

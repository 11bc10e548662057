"""The checker of chaos runs finds each kind of broken promise, and nothing in a clean history."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.system.chaos.audit import in_order
from tests.system.chaos.checker import check, check_attempts
from tests.system.chaos.history import Acknowledged, AttemptChange, Change, Execution, History, Seen

JOB = "0190-a"


class Story:
    """The history of a job. Each method call adds a change and the records that belong to it."""

    def __init__(self, max_retries: int = 1, version: int = 1, max_losses: int = 10):
        new = Change("insert", JOB, "queued", 0, None, 0, max_retries, False, version)
        new = replace(new, max_losses=max_losses)
        self.history = History([new], acknowledged=[Acknowledged(JOB, "chaos", max_retries)])

    @property
    def job(self) -> Change:
        """The current state of the job."""
        return next(e for e in reversed(self.history.entries) if isinstance(e, Change))

    def change(self, **changes: Any) -> "Story":
        """Change the job, but no attempt."""
        changes = {"op": "update", "version": self.job.version + 1, **changes}
        self.history.entries.append(replace(self.job, **changes))
        return self

    def attempt(self, op: str, number: int, runner: str, outcome: str | None = None) -> "Story":
        """Change an attempt, but not the job."""
        self.history.entries.append(AttemptChange(op, JOB, number, runner, outcome))
        return self

    def claim(self, runner: str = "A", **changes: Any) -> "Story":
        """Claim the job, and start an execution."""
        attempt = self.job.attempt + 1
        self.change(**{"status": "running", "attempt": attempt, "holder": runner, **changes})
        self.attempt("insert", self.job.attempt, runner)
        return self.ran("start")

    def settle(self, status: str, outcome: str, **changes: Any) -> "Story":
        """End an attempt, as its holder does."""
        holder, attempt = str(self.job.holder), self.job.attempt
        self.change(status=status, holder=None, **changes)
        return self.attempt("update", attempt, holder, outcome)

    def complete(self, **result: Any) -> "Story":
        """End the execution, and complete the job with its result."""
        self.ran("end")
        result = {"attempt": self.job.attempt, "run": f"run {self.job.attempt}", **result}
        return self.settle("succeeded", "returned", result=json.dumps(result), error=None)

    def retry(self, outcome: str = "raised", **changes: Any) -> "Story":
        """Fail the attempt, with a retry left."""
        changes = {"retry_count": self.job.retry_count + 1, "error": planned(self.job), **changes}
        return self.settle("queued", outcome, **changes)

    def lose(self, status: str = "queued", **changes: Any) -> "Story":
        """Lose the runner of the attempt."""
        changes = {"loss_count": self.job.loss_count + 1, "error": LOST, **changes}
        return self.settle(status, "lost", **changes)

    def fail(self, **changes: Any) -> "Story":
        """Fail the attempt and the job."""
        return self.settle("failed", "raised", **{"error": planned(self.job), **changes})

    def requeue(self, **changes: Any) -> "Story":
        """Retry the job for a client."""
        again = {**REQUEUED, "client_retries": self.job.client_retries + 1}
        return self.change(**{**again, **changes})

    def ran(self, event: str, attempt: int | None = None, run: str | None = None) -> "Story":
        """Record an event of an execution."""
        attempt = self.job.attempt if attempt is None else attempt
        self.history.executions.append(Execution(event, JOB, attempt, run or f"run {attempt}"))
        return self

    def found(self) -> list[str]:
        """Return the promises that the history breaks."""
        last = {e.job_id: e.version for e in self.history.entries if isinstance(e, Change)}
        self.history.stored = self.history.stored or last
        return [violation.promise for violation in check(self.history)]


LOST = '{"type": "Lost"}'
REQUEUED = {
    "status": "queued",
    "retry_count": 0,
    "loss_count": 0,
    "error": None,
    "cancel_requested": False,
}


def planned(job: Change) -> str:
    """The error of an attempt that was planned to fail."""
    return json.dumps({"type": "Planned", "message": f"attempt {job.attempt} was to fail"})


def clean_stories() -> list[Story]:
    """Histories that contain every transition."""
    return [
        Story().claim().complete(),
        Story().claim().change().complete(),  # progress
        Story().claim().retry().change().claim("B").complete(),  # rescheduled
        Story().claim().retry().claim("B").fail(),
        Story(0).claim().lose().claim("B").complete(),
        Story(0, max_losses=0).claim().lose("failed"),
        Story(0, max_losses=1)
        .claim()
        .lose()
        .claim("B")
        .lose("failed")
        .requeue()
        .claim()
        .lose()
        .claim()
        .retry(outcome="released", retry_count=0, error=None)
        .claim()
        .complete(),
        Story(3).claim().fail(error='{"type": "NotRetryable"}'),
        Story(0).claim().settle("queued", "released").claim("B").complete(),
        Story().change(status="canceled"),
        Story().claim().retry().change(status="canceled"),
        Story().claim().change(cancel_requested=True).settle("canceled", "canceled"),
        Story().claim().change(cancel_requested=True).settle("canceled", "raised"),
        Story().claim().change(cancel_requested=True).complete(),
        Story().change(status="canceled").requeue().claim().complete(),
        Story(0).claim().fail().requeue().claim().fail().requeue().claim().complete(),
        Story().claim().retry().claim().fail().requeue().claim().retry().claim().fail(),
        Story()
        .claim()
        .change(cancel_requested=True)
        .settle("canceled", "canceled")
        .requeue()
        .claim()
        .complete(),
    ]


@pytest.mark.parametrize("number", range(len(clean_stories())))
def test_a_clean_history_passes(number: int) -> None:
    story = clean_stories()[number]
    result = json.loads(story.job.result or "null")
    story.history.seen[JOB] = [Seen(story.job.status, result, story.job.client_retries)]
    assert story.found() == []


def test_a_missing_acknowledged_job_is_found() -> None:
    story = Story().change(status="canceled")
    story.history.acknowledged.append(Acknowledged("another", "chaos", 1))
    assert story.found() == ["P1"]


def test_a_job_that_differs_from_its_submission_is_found() -> None:
    story = Story().change(status="canceled")
    story.history.acknowledged = [Acknowledged(JOB, "chaos", 2)]
    assert story.found() == ["P1"]


def test_a_file_that_differs_from_the_upload_is_found() -> None:
    story = Story().claim().settle("succeeded", "returned", result='{"counts": {"ERROR": 1}}')
    story.history.acknowledged = [Acknowledged(JOB, "analyze", 1, {"ERROR": 2})]
    assert story.found() == ["P1"]


def test_a_deleted_job_is_found() -> None:
    story = Story().change(status="canceled").change(op="delete")
    assert story.found() == ["P1"]


def inserts(*versions_and_transactions: tuple[int, int]) -> History:
    """A history of new jobs, each with a version and the number of its transaction."""
    changes = [
        Change("insert", f"job {at}", "queued", 0, None, 0, 1, False, version, transaction=number)
        for at, (version, number) in enumerate(versions_and_transactions)
    ]
    return History([*changes], stored={each.job_id: each.version for each in changes})


def test_versions_may_be_in_any_order_within_a_transaction_only() -> None:
    assert check(inserts((2, 8), (1, 8), (3, 9))) == []
    assert [each.promise for each in check(inserts((1, 8), (3, 8), (2, 9)))] == ["P4"]


def test_the_change_of_an_attempt_is_sorted_after_that_of_its_job() -> None:
    changes: list[tuple[str, int | None, str]] = [
        ("attempt", 8, "a"),
        ("job", 9, "a"),
        ("job", 8, "b"),
        ("job", 8, "a"),
    ]
    changes += [("attempt", 8, "b"), ("attempt", 7, "a"), ("attempt", None, "a")]
    rows = [
        {"seq": seq, "source": source, "tx": tx, "job_id": job}
        for seq, (source, tx, job) in enumerate(changes)
    ]
    assert [row["seq"] for row in in_order(rows)] == [1, 2, 3, 0, 4, 5, 6]


def test_a_change_that_no_trigger_recorded_is_found() -> None:
    story = Story().change(status="canceled")
    story.history.stored = {JOB: 7}
    assert story.found() == ["P1"]


def test_an_execution_of_a_job_that_was_never_stored_is_found() -> None:
    story = Story().change(status="canceled")
    story.history.executions.append(Execution("start", "another", 1, "run"))
    assert story.found() == ["P1"]


@pytest.mark.parametrize("story", [Story(), Story().claim(), Story().claim().retry()])
def test_a_job_that_is_not_final_at_the_end_is_found(story: Story) -> None:
    assert story.found() == ["P2"]


def test_a_job_whose_first_status_is_not_queued_is_found() -> None:
    story = Story()
    story.history.entries[0] = replace(story.job, retry_count=1)
    assert "P2" in story.change(status="canceled").found()


@pytest.mark.parametrize(
    "story",
    [
        Story().claim(attempt=0).complete(),
        Story().claim(attempt=2).complete(),
        Story().claim(holder=None).complete(),
        Story().claim(retry_count=1).complete(),
        Story().claim().change(attempt=2).complete(),
        Story().claim().change(holder="B").complete(),
        Story().claim().change(max_retries=2).complete(),
        Story().claim().change(max_losses=2).complete(),
        Story().claim(loss_count=1).complete(),
        Story().claim().lose(loss_count=2).claim().complete(),
        Story().claim().lose(retry_count=1).claim().complete(),
        Story().claim().lose("failed"),
        Story(max_losses=0).claim().lose().claim().complete(),
        Story(max_losses=0).claim().lose("failed", error=None),
        Story().claim().change(status="canceled", holder=None),
        Story().change(status="succeeded", result="{}"),
        Story().change(status="failed", error='{"type": "Planned"}'),
        Story().change(result="{}").change(status="canceled"),
        Story(2).claim().retry(retry_count=2).claim().complete(),
        Story(2).claim().fail(),
        Story().claim().retry().claim().fail(error=None),
    ],
)
def test_a_change_that_is_no_transition_is_found(story: Story) -> None:
    assert "P2" in story.found()


@pytest.mark.parametrize("end", ["retry", "fail", "release"])
def test_a_job_that_goes_on_after_a_cancel_is_found(end: str) -> None:
    story = Story(0 if end == "fail" else 1).claim().change(cancel_requested=True)
    match end:
        case "retry":
            story.retry()
        case "fail":
            story.fail()
        case "release":
            story.settle("queued", "released")
    assert "P8" in story.found()


def test_a_forgotten_cancel_request_is_found() -> None:
    story = Story().claim().change(cancel_requested=True).change(cancel_requested=False)
    assert story.complete().found() == ["P8"]


def test_an_execution_without_a_claim_is_found() -> None:
    assert Story().change(status="canceled").ran("start", 1).found() == ["P8"]


def test_overlapping_executions_are_found() -> None:
    story = Story().claim().lose().claim("B").ran("overlap").complete()
    assert story.found() == ["P3"]


@pytest.mark.parametrize("status", ["succeeded", "failed", "canceled"])
def test_a_final_job_that_changes_is_found(status: str) -> None:
    story = Story(0).claim().change(cancel_requested=status == "canceled")
    match status:
        case "succeeded":
            story.complete()
        case "failed":
            story.fail()
        case "canceled":
            story.settle("canceled", "canceled")
    assert story.change().found() == ["P4"]


def test_a_settlement_by_another_runner_is_found() -> None:
    story = Story().claim("A").lose().claim("B").ran("end")
    result = json.dumps({"attempt": 2, "run": "run 2"})
    story.change(status="succeeded", holder=None, result=result, error=None)
    assert story.attempt("update", 2, "A", "returned").found() == ["P4"]


def test_the_end_of_an_earlier_attempt_is_found() -> None:
    story = Story().claim().lose().claim("B").ran("end", 1)
    result = json.dumps({"attempt": 1, "run": "run 1"})
    story.change(status="succeeded", holder=None, result=result, error=None)
    assert story.attempt("update", 1, "A", "returned").found() == ["P4", "P4"]


def test_the_error_of_an_earlier_attempt_is_found() -> None:
    story = Story(0).claim()
    error = planned(story.job)
    assert story.lose().claim("B").fail(error=error).found() == ["P4"]


def test_the_end_of_a_job_without_the_end_of_its_attempt_is_found() -> None:
    story = Story().claim().ran("end")
    result = json.dumps({"attempt": 1, "run": "run 1"})
    assert story.change(status="succeeded", holder=None, result=result).found() == ["P4"]


def test_the_end_of_an_attempt_without_the_end_of_its_job_is_found() -> None:
    story = Story().claim().attempt("update", 1, "A", "raised").complete()
    assert story.found() == ["P4"]


def test_a_loss_that_is_not_counted_is_found() -> None:
    assert "P4" in Story().claim().lose(loss_count=0).claim().complete().found()


def test_a_release_that_uses_a_retry_is_found() -> None:
    story = Story().claim().settle("queued", "raised").claim().complete()
    assert "P4" in story.found()


def test_a_result_that_no_execution_has_returned_is_found() -> None:
    assert Story().claim().complete(run="another").found() == ["P4"]


@pytest.mark.parametrize("version", [0, 1])
def test_a_version_that_does_not_grow_is_found(version: int) -> None:
    assert Story().change(status="canceled", version=version).found() == ["P4"]


def test_a_final_state_that_differs_from_the_one_a_client_read_is_found() -> None:
    story = Story().claim().complete()
    story.history.seen[JOB] = [Seen("succeeded", {"attempt": 1, "run": "another"})]
    assert story.found() == ["P4"]


def test_each_final_state_of_a_retried_job_is_compared_with_what_clients_read() -> None:
    story = Story(0).claim().fail().requeue().claim().complete()
    last = Seen("succeeded", json.loads(story.job.result or ""), client_retries=1)
    story.history.seen[JOB] = [Seen("failed", None), last]
    assert story.found() == []
    story.history.seen[JOB][0] = Seen("canceled", None)
    assert story.found() == ["P4"]


@pytest.mark.parametrize(
    "change",
    [
        {"client_retries": 0},
        {"client_retries": 2},
        {"retry_count": 1},
        {"loss_count": 1},
        {"attempt": 0},
        {"attempt": 2},
        {"cancel_requested": True},
        {"error": '{"type": "Planned"}'},
        {"status": "running", "holder": "A"},
    ],
    ids=str,
)
def test_an_invalid_change_of_a_final_job_is_found(change: dict[str, Any]) -> None:
    story = Story(1).claim().fail(error='{"type": "NotRetryable"}')
    assert "P4" in story.requeue(**change).found()


def test_queuing_a_succeeded_job_again_is_found() -> None:
    assert "P4" in Story().claim().complete().requeue(result=None).found()


def test_a_retry_by_a_client_of_a_job_that_is_not_final_is_found() -> None:
    assert "P2" in Story().claim().requeue(holder=None).found()
    assert "P2" in Story().requeue().claim().complete().found()


def test_a_retry_by_a_client_allows_the_retries_only_once_more() -> None:
    story = Story(0).claim().fail().requeue().claim().settle("queued", "raised")
    assert "P5" in story.claim().complete().found()


def test_an_attempt_that_started_twice_is_found() -> None:
    assert "P5" in Story().claim().ran("start").complete().found()


def test_more_starts_than_allowed_are_found() -> None:
    story = Story().claim().settle("queued", "raised").claim().settle("queued", "raised")
    assert "P5" in story.claim().complete().found()


@pytest.mark.parametrize("shown", [[], [(1, "raised")], [(1, "raised"), (2, None)]])
def test_a_job_that_hides_an_attempt_is_found(shown: list[tuple[int, str | None]]) -> None:
    entries: list[Change | AttemptChange] = [
        AttemptChange(op, JOB, number, "one", outcome)
        for number, end in ((1, "raised"), (2, "returned"))
        for op, outcome in (("insert", None), ("update", end))
    ]
    assert [each.promise for each in check_attempts(JOB, entries, shown)] == ["P4"]
    assert list(check_attempts(JOB, entries, [(1, "raised"), (2, "returned")])) == []

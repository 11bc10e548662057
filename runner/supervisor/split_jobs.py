"""Jobs of this runner that are split into parts. They use a slot only to plan and to fold.

    plan ──▶ create parts ──▶ wait for all ──▶ fold, a batch at a time ──▶ outcome of the job
                                └─ canceled, timed out, a part failed ──▶ end the parts ──┘

Any runner with a free slot runs the parts. A split job ends with a AttemptOutcome, like any other
job, so it is settled in the same way.
"""

import contextlib
import json
import logging
import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.pool.protocol.messages import MESSAGE_BYTES
from runner.supervisor.running_job import Ended, KillReason, RunningJob
from runner.supervisor.running_jobs import PROGRESS_SECONDS, RunningJobs
from storage.claims import Claims, Unstored
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.job import Fence, Job, Json

log = logging.getLogger(__name__)

MIN_PARTS = 4
"""The smallest file that is split has about this many parts; larger files have more."""
FOLD_BYTES = 8 << 20
"""Maximum bytes of results in one fold call, so that more parts do not need more memory."""

_ALWAYS_ALLOWED = 1000
"""A plan may have this many parts even if the file is small."""
_FACTOR = 4
"""A plan may have this many times the parts that were asked for."""


@dataclass
class SplitJob:
    """A split job, from its plan to its outcome."""

    running: RunningJob
    parts: Sequence[tuple[str, str]]
    """Spec and initial progress of each part, as JSON text."""
    started_at: float
    """When the plan was started, in seconds of the monotonic clock."""
    parts_created: bool = False
    outcome: AttemptOutcome | None = None
    """The outcome that the job gets once none of its parts runs any more."""
    is_folding: bool = False
    folded: list[str] = field(default_factory=list)
    """The folded result of all parts before `first_unfolded`: empty, or one JSON text."""
    first_unfolded: int = 0
    """The number of the first part that no fold call has taken."""
    cpu_seconds: float = 0.0
    """CPU time of its plan and fold calls, without its parts."""
    stored_progress: str = ""
    progress_checked_at: float = 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the timeout of the job, None without one."""
        timeout = self.running.job.timeout
        return None if timeout is None else self.started_at + timeout - time.monotonic()


class SplitJobs:
    """Plans jobs, waits for their parts, and folds the results."""

    def __init__(self, claims: Claims, running_jobs: RunningJobs, parts_bytes: int):
        """Jobs with files of `parts_bytes` or more are planned; 0: none."""
        self._claims = claims
        self._parts = claims.job_parts
        self._running_jobs = running_jobs
        self._parts_bytes = parts_bytes
        self._split_jobs: dict[Fence, SplitJob] = {}

    def __len__(self) -> int:
        return len(self._split_jobs)

    def __contains__(self, fence: Fence) -> bool:
        return fence in self._split_jobs

    def start(self, job: Job) -> None:
        """Start a claimed job: plan its parts if its file is large and other runners take jobs from
        its queue; else run it whole. Raises StoreError."""
        large = 0 < self._parts_bytes <= (job.upload.size if job.upload else 0)
        if large and self._parts.has_helpers(job.queue):
            part_bytes = max(1, self._parts_bytes // MIN_PARTS)
            step = {"kind": "plan", "part_bytes": part_bytes}
            self._running_jobs.start_step(job, step, timeout=job.timeout)
        else:
            self._running_jobs.start(job)

    def handle_ended(self, ended: Sequence[Ended]) -> list[Ended]:
        """Handle the ended plan and fold calls; returns everything else, which is to be settled."""
        return [settled for call in ended for settled in self._handle(*call)]

    def advance(self) -> list[Ended]:
        """Do the next step of each split job; returns those that have ended. Raises StoreError."""
        return [
            ended for split in list(self._split_jobs.values()) for ended in self._advance(split)
        ]

    def seconds_to_next_check(self) -> float:
        """In how many seconds to call `advance` if nothing wakes the runner before.

        0.0 if a job is to be killed and its parts have not been ended yet, else infinite.
        """
        must_end = any(
            split.running.kill_reason and not split.outcome for split in self._split_jobs.values()
        )
        return 0.0 if must_end else math.inf

    def kill(self, fence: Fence, reason: KillReason) -> None:
        """Note that a split job is to be killed; the first reason is kept."""
        split = self._split_jobs.get(fence)
        if split is not None:
            split.running.kill_reason = split.running.kill_reason or reason

    def kill_all(self, reason: KillReason) -> None:
        """Note that all split jobs are to be killed."""
        for fence in self._split_jobs:
            self.kill(fence, reason)

    def disown_all(self) -> None:
        """Forget all split jobs: other runners may hold them by now."""
        self._split_jobs.clear()

    def _handle(self, running: RunningJob, outcome: AttemptOutcome) -> list[Ended]:
        kind = running.step["kind"]
        if running.part or kind == "run":
            return [(running, outcome)]
        if outcome.kind != "returned":
            self._split_jobs.pop(running.fence, None)
            return [(running, outcome)]
        handle = self._handle_plan if kind == "plan" else self._handle_fold
        return handle(running, outcome)

    def _handle_plan(self, running: RunningJob, outcome: AttemptOutcome) -> list[Ended]:
        if running.kill_reason:  # too late for the plan call, but not for the job
            return [(running, outcome._replace(kind="killed"))]
        planned = json.loads(outcome.result or "[]")
        size = running.job.upload.size if running.job.upload else 0
        if error := check_plan(planned, size, running.step["part_bytes"]):
            failed = outcome._replace(kind="raised", result=None, retryable=False)
            return [(running, failed._replace(error_type="InvalidPlan", error_message=error))]
        if len(planned) < 2:
            self._running_jobs.start(running.job)
            return []
        parts = [(json.dumps(part["spec"]), json.dumps(part["progress"])) for part in planned]
        split = SplitJob(RunningJob(running.job), parts, time.monotonic() - outcome.seconds)
        split.cpu_seconds = outcome.cpu_seconds or 0.0
        self._split_jobs[running.fence] = split
        return []

    def _handle_fold(self, running: RunningJob, outcome: AttemptOutcome) -> list[Ended]:
        split = self._split_jobs.get(running.fence)
        if split is None:  # disowned meanwhile
            return []
        split.is_folding, split.folded = False, [outcome.result or "null"]
        split.cpu_seconds += outcome.cpu_seconds or 0.0
        return []

    def _advance(self, split: SplitJob) -> list[Ended]:
        job = split.running.job
        if not split.parts_created and not self._create_parts(split):
            del self._split_jobs[job.fence]  # another runner has the job
            return []
        statuses = self._parts.statuses(job.id)
        if split.first_unfolded == len(split.parts) and not split.is_folding:
            return self._finish(split, AttemptOutcome("returned", result=split.folded[0]), statuses)
        if split.outcome is None and not split.is_folding:
            self._decide_outcome(split, statuses)
        # The parts of a released job go on: the next runner that claims it uses their results.
        parts_go_on = split.running.kill_reason is KillReason.RELEASE
        if split.outcome and (parts_go_on or not (statuses["running"] or statuses["ending"])):
            return self._finish(split, split.outcome, statuses)
        if statuses["done"] == len(split.parts) and not (split.outcome or split.is_folding):
            self._start_fold(split)
        self._store_progress(split, statuses)
        return []

    def _create_parts(self, split: SplitJob) -> bool:
        """Store the parts; False if this runner no longer holds the job."""
        split.parts_created = self._parts.make(split.running.fence, split.parts)
        if split.parts_created:
            fields = {**split.running.log_fields(), "parts": len(split.parts)}
            log.info("job is done in parts", extra=fields)
        return split.parts_created

    def _decide_outcome(self, split: SplitJob, statuses: Counter[str]) -> None:
        """If the job was killed, has timed out or has a failed part, set its outcome and end the
        other parts."""
        seconds_left, job = split.seconds_left, split.running.job
        if split.running.kill_reason:
            split.outcome = AttemptOutcome("killed")
        elif seconds_left is not None and seconds_left <= 0:
            reason = f"the job ran longer than {job.timeout:g} s"
            split.outcome = AttemptOutcome("timed_out", error_type="TimedOut", error_message=reason)
        elif statuses["failed"]:
            split.outcome = _outcome_of_failed_part(self._parts.error(job.id))
        if split.outcome and split.running.kill_reason is not KillReason.RELEASE:
            self._parts.end(job.id)
            statuses["ending"] = statuses["running"] + statuses["ending"]

    def _start_fold(self, split: SplitJob) -> None:
        """If a slot is free, fold the next results in it."""
        if not self._running_jobs.capacity().free_slots:
            return
        job = split.running.job
        max_bytes = FOLD_BYTES - sum(map(len, split.folded))
        results = self._parts.results(job.id, split.first_unfolded, max_bytes)
        is_last = split.first_unfolded + len(results) == len(split.parts)
        seconds = time.monotonic() - split.started_at if is_last else None
        step = {"kind": "fold", "first": split.first_unfolded, "seconds": seconds}
        self._running_jobs.start_step(job, step, [*split.folded, *results], split.seconds_left)
        split.first_unfolded += len(results)
        split.is_folding = True

    def _store_progress(self, split: SplitJob, statuses: Counter[str]) -> None:
        """Store the progress of the job if it has changed, at most once in PROGRESS_SECONDS."""
        if time.monotonic() < split.progress_checked_at + PROGRESS_SECONDS:
            return
        text, split.progress_checked_at = self._progress(split, statuses), time.monotonic()
        if text != split.stored_progress:
            unstored = Unstored(split.running.fence, text, (), 0)
            self._claims.wake(self._claims.settle_and_claim(unstored=[unstored]))
            split.stored_progress = text

    def _progress(self, split: SplitJob, statuses: Counter[str]) -> str:
        parts = {"parts_done": statuses["done"], "parts_total": len(split.parts)}
        total = sum_progress(self._parts.part_progress(split.running.job.id))
        text = json.dumps({**total, **parts})
        return text if len(text) <= MESSAGE_BYTES else json.dumps(parts)

    def _finish(
        self, split: SplitJob, outcome: AttemptOutcome, statuses: Counter[str]
    ) -> list[Ended]:
        """Forget a split job; returns it with its outcome and the usage of all its calls."""
        split.running.progress = self._progress(split, statuses)
        usage = self._parts.usage(split.running.job.id)
        cpu_seconds = split.cpu_seconds + (usage.cpu_seconds or 0.0)
        del self._split_jobs[split.running.fence]
        peak = usage.peak_memory_bytes
        return [(split.running, outcome._replace(cpu_seconds=cpu_seconds, peak_memory_bytes=peak))]


def _outcome_of_failed_part(error: Json) -> AttemptOutcome:
    """The outcome that the error of a part gives its job."""
    return AttemptOutcome(
        error["outcome"],
        error_type=error["type"],
        error_message=error["message"],
        retryable=error["retryable"],
        traceback=error.get("traceback"),
    )


def check_plan(planned: Any, size: int, part_bytes: int) -> str | None:
    """Return what is wrong with the result of a plan step; None if it is a list of parts.

    `size` is that of the file, `part_bytes` the size of the parts that were asked for.
    """
    most = _ALWAYS_ALLOWED + _FACTOR * size // part_bytes
    if not isinstance(planned, list) or len(planned) > most:
        return f"a plan is a list of at most {most} parts"
    for part in planned:
        is_part = isinstance(part, dict) and part.keys() == {"spec", "progress"}
        if not is_part or not isinstance(part["progress"], dict):
            return "each part of a plan has a spec, and an object as progress"
    return None


def sum_progress(progresses: Sequence[Json]) -> Json:
    """Add up the progress of parts, name by name, also in nested objects.

    A name is left out unless it has numbers, or objects, in all the parts that report it. So are
    sums beyond the range of a double, which JSON cannot hold.
    """
    total: dict[str, Any] = {}
    for name in dict.fromkeys(name for progress in progresses for name in progress):
        values = [progress[name] for progress in progresses if name in progress]
        if all(isinstance(value, dict) for value in values):
            total[name] = sum_progress(values)
        elif all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
            with contextlib.suppress(OverflowError):  # an integer that no float can hold
                if math.isfinite(number := sum(values)):
                    total[name] = number
    return total

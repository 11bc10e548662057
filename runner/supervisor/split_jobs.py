"""The jobs of this runner that are done in parts: they take no slot, but while they are folded.

    plan ──▶ make the parts ──▶ wait for all ──▶ fold, a batch at a time ──▶ outcome of the job
                                  └─ canceled, timed out, one failed ──▶ end the parts ──┘

What becomes of such a job is told as of any other, by how a call has ended.
"""

import json
import logging
import math
import time
from collections import Counter
from collections.abc import Sequence

from runner.pool.protocol.outcome import CallOutcome
from runner.supervisor.running_jobs import PROGRESS_SECONDS, KillReason, RunningJob, RunningJobs
from runner.supervisor.split_state import SplitState, added, as_of_part
from storage.claims import Claims
from storage.records.job import Fence, Job

log = logging.getLogger(__name__)

PARTS_OF_LEAST = 4
"""Into so many parts is a file cut at least."""
FOLD_BYTES = 8 << 20
"""Results that are folded by one call, so that its memory does not grow with the parts."""

Ended = tuple[RunningJob, CallOutcome]


class SplitJobs:
    """Plans jobs, waits for their parts, and folds them."""

    def __init__(self, claims: Claims, roster: RunningJobs, parts_bytes: int):
        """Jobs with files of `parts_bytes` or more are planned; 0: none."""
        self._claims = claims
        self._parts = claims.job_parts
        self._roster = roster
        self._parts_bytes = parts_bytes
        self._splits: dict[Fence, SplitState] = {}

    def __len__(self) -> int:
        return len(self._splits)

    def __contains__(self, fence: Fence) -> bool:
        return fence in self._splits

    def start(self, job: Job) -> None:
        """Run a claimed job, in one place unless there is help. Raises StoreError."""
        large = 0 < self._parts_bytes <= (job.upload.size if job.upload else 0)
        if large and self._parts.has_helpers(job.queue):
            part_bytes = max(1, self._parts_bytes // PARTS_OF_LEAST)
            step = {"kind": "plan", "part_bytes": part_bytes}
            self._roster.start_step(job, step, timeout=job.timeout)
        else:
            self._roster.start(job)

    def take(self, ended: Sequence[Ended]) -> list[Ended]:
        """Take the steps of jobs in parts from what has ended; the rest, which is to be settled."""
        return [each for call in ended for each in self._take(*call)]

    def look(self) -> list[Ended]:
        """See how parts are getting on; the jobs that have ended with them. Raises StoreError."""
        return [ended for split in list(self._splits.values()) for ended in self._look_at(split)]

    def next_look(self) -> float:
        """In how many seconds to look, if nothing wakes the runner before: at once if one is to be
        ended, and its parts do not know of it."""
        to_end = any(each.running.kill and not each.outcome for each in self._splits.values())
        return 0.0 if to_end else math.inf

    def kill(self, fence: Fence, reason: KillReason) -> None:
        """Have a job ended that waits for its parts; the first reason stays."""
        split = self._splits.get(fence)
        if split is not None:
            split.running.kill = split.running.kill or reason

    def kill_all(self, reason: KillReason) -> None:
        """Have all of them ended."""
        for fence in self._splits:
            self.kill(fence, reason)

    def disown_all(self) -> None:
        """Forget them: others may have them by now."""
        self._splits.clear()

    def _take(self, running: RunningJob, outcome: CallOutcome) -> list[Ended]:
        kind = running.step["kind"]
        if running.part or kind == "run":
            return [(running, outcome)]
        if outcome.kind != "returned":
            self._splits.pop(running.fence, None)
            return [(running, outcome)]
        return self._planned(running, outcome) if kind == "plan" else self._folded(running, outcome)

    def _planned(self, running: RunningJob, outcome: CallOutcome) -> list[Ended]:
        if running.kill:  # too late for the plan, but not for the job
            return [(running, outcome._replace(kind="killed"))]
        planned = json.loads(outcome.result or "[]")
        if len(planned) < 2:
            self._roster.start(running.job)
            return []
        parts = [(json.dumps(part["spec"]), json.dumps(part["progress"])) for part in planned]
        split = SplitState(RunningJob(running.job), parts, time.monotonic() - outcome.seconds)
        split.cpu_seconds = outcome.cpu_seconds or 0.0
        self._splits[running.fence] = split
        return []

    def _folded(self, running: RunningJob, outcome: CallOutcome) -> list[Ended]:
        split = self._splits.get(running.fence)
        if split is None:  # disowned meanwhile
            return []
        split.folding, split.folded = False, [outcome.result or "null"]
        split.cpu_seconds += outcome.cpu_seconds or 0.0
        return []

    def _look_at(self, split: SplitState) -> list[Ended]:
        job = split.running.job
        if not split.made and not self._make(split):
            del self._splits[job.fence]  # another runner has it
            return []
        statuses = self._parts.statuses(job.id)
        if split.first == len(split.parts) and not split.folding:
            return self._end(split, CallOutcome("returned", result=split.folded[0]), statuses)
        if split.outcome is None and not split.folding:
            self._decide(split, statuses)
        # Of a job that is released, parts go on, for whoever has it next.
        is_free = split.running.kill is KillReason.RELEASE
        if split.outcome and (is_free or not (statuses["running"] or statuses["ending"])):
            return self._end(split, split.outcome, statuses)
        if statuses["done"] == len(split.parts) and not (split.outcome or split.folding):
            self._fold(split)
        self._tell(split, statuses)
        return []

    def _make(self, split: SplitState) -> bool:
        with self._claims.transaction():
            split.made = self._parts.make(split.running.fence, split.parts)
        if split.made:
            log.info(
                "job is done in parts", extra={**split.running.names(), "parts": len(split.parts)}
            )
        return split.made

    def _decide(self, split: SplitState, statuses: Counter[str]) -> None:
        """If its parts are to be ended, see to that."""
        left, job = split.left, split.running.job
        if split.running.kill:
            split.outcome = CallOutcome("killed")
        elif left is not None and left <= 0:
            reason = f"the job ran longer than {job.timeout:g} s"
            split.outcome = CallOutcome("timed_out", error_type="TimedOut", error_message=reason)
        elif statuses["failed"]:
            split.outcome = as_of_part(self._parts.error(job.id))
        if split.outcome and split.running.kill is not KillReason.RELEASE:
            with self._claims.transaction():
                self._parts.end(job.id)
            statuses["ending"] = statuses["running"] + statuses["ending"]

    def _fold(self, split: SplitState) -> None:
        """Fold the next results in a free slot."""
        if not self._roster.room()[0]:
            return
        job = split.running.job
        room = FOLD_BYTES - sum(map(len, split.folded))
        results = self._parts.results(job.id, split.first, room)
        is_last = split.first + len(results) == len(split.parts)
        seconds = time.monotonic() - split.began if is_last else None
        step = {"kind": "fold", "first": split.first, "seconds": seconds}
        self._roster.start_step(job, step, [*split.folded, *results], split.left)
        split.first += len(results)
        split.folding = True

    def _tell(self, split: SplitState, statuses: Counter[str]) -> None:
        """Store how far the job is, now and then."""
        if time.monotonic() < split.told_at + PROGRESS_SECONDS:
            return
        text, split.told_at = self._progress(split, statuses), time.monotonic()
        if text != split.told:
            with self._claims.transaction():
                self._claims.progress(split.running.fence, text)
            split.told = text

    def _progress(self, split: SplitState, statuses: Counter[str]) -> str:
        parts = {"parts_done": statuses["done"], "parts_total": len(split.parts)}
        return json.dumps({**added(self._parts.part_progress(split.running.job.id)), **parts})

    def _end(self, split: SplitState, outcome: CallOutcome, statuses: Counter[str]) -> list[Ended]:
        split.running.progress = self._progress(split, statuses)
        usage = self._parts.usage(split.running.job.id)
        cpu_seconds = split.cpu_seconds + (usage.cpu_seconds or 0.0)
        del self._splits[split.running.fence]
        peak = usage.peak_memory_bytes
        return [(split.running, outcome._replace(cpu_seconds=cpu_seconds, peak_memory_bytes=peak))]

"""`ScheduleService`: checks, changes and runs schedules. Its methods raise Problem and StoreError.

A schedule is checked with the same code as a submission, so that its jobs can be stored later.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from server.auth.callers import UNRESTRICTED, Caller, Role
from server.documents.field_errors import read_document
from server.documents.job_documents import rfc3339
from server.documents.queues import UNKNOWN_QUEUE
from server.documents.schedules import (
    OPTIONS,
    ScheduleBody,
    body_of,
    merge_patch,
    schedule_conflicts,
)
from server.http.codes import Code
from server.http.problems import BODY, FieldError, Problem, unacceptable
from server.http.request_log import log_change
from server.jobs.admission import Admission, key_reused
from server.jobs.long_poll import JobReader
from server.jobs.submissions import UNKNOWN_SOURCE, Submissions, Submitted
from server.jobs.unique_keys import key_held
from server.jobs.validation.received import Received
from server.jobs.validation.submission import CheckedSubmission
from server.store.threads import StoreThreads
from storage.jobs.transitions import to_json_text
from storage.jobs.unique_keys import KeyHolder
from storage.records.audit import Actor
from storage.records.job import EncodedJson
from storage.records.json_values import Json, JsonValue
from storage.records.queue_name import DEFAULT_QUEUE
from storage.records.schedule import (
    Firing,
    Schedule,
    ScheduleSettings,
    Timing,
    queue_of,
    template_of,
)
from storage.schedules.schedules import MAX_SCHEDULES, ScheduleCheck, Schedules, TooManySchedules
from storage.schedules.timing import Calendar
from storage.store import Refusal

TRIES = 5
"""How often a change is tried while others change the same schedule."""


class _Changed(Exception):
    """The schedule was changed after it was read."""


class ScheduleService:
    """Checks, changes and runs schedules."""

    def __init__(
        self,
        schedules: Schedules,
        submissions: Submissions,
        reader: JobReader,
        threads: StoreThreads,
        audits: bool = False,
    ):
        """With `audits`, changes of schedules by a file are recorded in the audit log."""
        self._file_actor = Actor(None, None) if audits else None
        self._schedules = schedules
        self._submissions = submissions
        self._reader = reader
        self._threads = threads

    async def page(self, limit: int, after: str, caller: Caller) -> list[Schedule]:
        """Return up to `limit` schedules that the caller sees and whose names follow `after`."""
        found: list[Schedule] = []
        while len(found) < limit:
            some = await self._threads.run(self._schedules.page, limit, after)
            found += [each for each in some if sees_schedule(caller, each)]
            if len(some) < limit:
                break
            after = some[-1].name
        return found[:limit]

    async def get(self, name: str, caller: Caller = UNRESTRICTED) -> Schedule | None:
        """Return a schedule, or None without one that the caller sees."""
        found = await self._threads.run(self._schedules.get, name)
        return found if found and sees_schedule(caller, found) else None

    async def recent(self, name: str) -> list[Firing]:
        """Return the newest firings of a schedule."""
        return await self._threads.run(self._schedules.recent, name)

    async def put(
        self, name: str, document: JsonValue, caller: Caller, check: ScheduleCheck
    ) -> tuple[Schedule, bool]:
        """Create a schedule, or replace all of it. Returns it, and whether it is new."""
        settings = await self.settings_of(document, caller)
        self._require_due(settings, await self.get(name, caller))
        put, is_new = await self._put(name, settings, caller, check)
        extra = {"schedule": name, "type": settings.type}
        log_change(caller.name, "put schedule", **extra, **_times(settings.timing))
        return put, is_new

    async def change(
        self, name: str, patch: JsonValue, caller: Caller, check: ScheduleCheck
    ) -> Schedule | None:
        """Merge a patch into a schedule (RFC 7396). Returns None if there is no such schedule.

        A patch of `paused` alone is not checked: a schedule can be paused whatever became of its
        job type or its queue.
        """
        if not isinstance(patch, dict) or not patch:
            example = '{"paused": true}'
            detail = f"it must be an object with the fields to change, for example {example}"
            raise unacceptable([FieldError(BODY, detail, "wrong_type")])
        for _ in range(TRIES):
            old = await self.get(name, caller)
            if old is None:
                return None
            if patch.keys() == {"paused"} and isinstance(patch["paused"], bool):
                settings = replace(old.settings, paused=patch["paused"])
            else:
                settings = await self.settings_of(merge_patch(body_of(old), patch), caller)
                if "until" in patch:
                    self._require_due(settings, old)
            try:
                check_both = _same_version(old, check)
                put, _ = await self._put(name, settings, caller, check_both)
            except _Changed:
                continue
            fields = ", ".join(sorted(patch))
            log_change(caller.name, "change schedule", schedule=name, fields=fields)
            return put
        raise Problem(Code.SCHEDULE_CHANGED, f"others keep changing the schedule {name}")

    async def delete(self, name: str, caller: Caller, check: ScheduleCheck) -> bool:
        """Delete a schedule. Its jobs stay. Returns False if there is none."""
        if await self.get(name, caller) is None:
            return False
        deleted = await self._threads.run(self._schedules.delete, name, check, caller.actor)
        if deleted:
            log_change(caller.name, "delete schedule", schedule=name)
        return deleted

    async def run(self, name: str, admission: Admission, check: ScheduleCheck) -> Submitted | None:
        """Submit a job of a schedule now. Returns None if there is no such schedule."""
        caller = admission.caller.name
        if await self.get(name, admission.caller) is None:
            return None
        arguments = (name, caller, admission.key, check, admission.caller.actor)
        run = await self._threads.run(self._schedules.run, *arguments)
        if run is None:
            return None
        if run.other_key:
            raise key_reused()
        if run.busy:
            detail = f"{run.why_busy}: wait for the end of the job {run.busy}, or cancel it"
            raise Problem(Code.SCHEDULE_BUSY, detail, members={"job_id": str(run.busy)})
        if isinstance(run.refusal, KeyHolder):
            raise key_held(run.refusal, admission.caller)
        if run.refusal is not None:
            raise unacceptable([_refused(run.refusal)])
        assert run.job_id
        if not run.is_replayed:
            admission.keep()
        log_change(caller, "run schedule", schedule=name, job_id=str(run.job_id))
        return Submitted(run.job_id, run.is_replayed)

    async def load(self, name: str, document: JsonValue, settings: ScheduleSettings) -> bool:
        """Create or replace a schedule of a file, unless it is the same already.

        Returns whether that was done. A schedule that was paused stays so, unless the document says
        otherwise.
        """
        old = await self.get(name)
        if old is not None and "paused" not in document:
            settings = replace(settings, paused=old.settings.paused)
        if old is not None and old.settings == settings:
            return False
        await self._put(
            name, settings, Caller(None, Role.ADMIN, actor=self._file_actor), lambda stored: None
        )
        return True

    async def remove(self, name: str) -> bool:
        """Delete a schedule for a file. Returns False if there is none."""
        delete, actor = self._schedules.delete, self._file_actor
        return await self._threads.run(delete, name, lambda stored: None, actor)

    async def settings_of(
        self, document: JsonValue, caller: Caller, is_file: bool = False
    ) -> ScheduleSettings:
        """Check a schedule that a caller puts, and the submission of its jobs. Raises Problem 403
        and 422.

        With `is_file`, its queue and its source job need not exist: a listener has to start.
        """
        errors: list[FieldError] = []
        body: ScheduleBody | None = None
        try:
            body = read_document(ScheduleBody, document)
        except Problem as problem:
            errors += problem.errors
        if not isinstance(document, dict):
            raise unacceptable(errors)
        errors += schedule_conflicts(document)
        try:
            checked = await self._check_submission(document, caller, is_file)
        except Problem as problem:
            if not problem.errors:
                raise
            errors += problem.errors
        if errors:
            by_field = {error.field: error for error in reversed(errors)}
            raise unacceptable(reversed(by_field.values()))
        assert body
        assert checked
        job = checked.new_job(None, None)
        payload = job.payload
        text = payload.text if isinstance(payload, EncodedJson) else to_json_text(payload)
        return ScheduleSettings(
            body.type,
            body.payload,
            Timing(body.cron, body.every, body.timezone),
            body.missed,
            body.overlap,
            body.paused,
            body.until,
            dict(document.get("options") or {}),
            template_of(job),
            text,
        )

    async def _check_submission(
        self, document: Json, caller: Caller, is_file: bool
    ) -> CheckedSubmission | None:
        """Check the jobs of a schedule, as a submission. Its errors name fields of the schedule.

        Returns None if the schedule lacks a type or a payload.
        """
        options = document.get("options")
        options = options if isinstance(options, dict) else {}
        known = {name: value for name, value in options.items() if name in OPTIONS}
        job = {"type": document.get("type"), "payload": document.get("payload")}
        if not isinstance(job["type"], str) or not isinstance(job["payload"], dict):
            return None
        received = Received(json.dumps(job | known).encode(), may_have_file=False)
        try:
            checked = await self._submissions.check(received, caller)
            assert checked
            if is_file:
                return checked
            await self._submissions.require_queue(checked.submission.queue or DEFAULT_QUEUE)
            job_of_it = checked.new_job(None, None)
            await self._submissions.require_seen(job_of_it, caller)
            await self._submissions.require_allowed(job_of_it)
            if checked.source:
                await self._require_file(checked.source)
        except Problem as problem:
            errors = [_of_schedule(error) for error in problem.errors]
            raise unacceptable(errors, problem.code) if errors else problem from None
        return checked

    def _require_due(self, settings: ScheduleSettings, old: Schedule | None) -> None:
        """Raise Problem 422 for a schedule that would never be due."""
        now, until = self._schedules.clock(), settings.until
        if until is None:
            return
        detail = "it must be in the future, or the schedule would never be due"
        if until > now:
            is_same = old is not None and old.settings.timing == settings.timing
            if old and is_same and old.settings.until == until:
                return  # it has been due, perhaps for the last time
            anchor_at = old.anchor_at if old and is_same else now // 1000 * 1000
            first = Calendar(settings.timing, anchor_at).after(now)
            if first is None or first <= until:
                return
            detail = f"the first time would be {rfc3339(first)}, so the schedule would never be due"
        raise unacceptable([FieldError("until", detail, "out_of_range")])

    async def _require_file(self, source: UUID) -> None:
        job = (await self._reader.wait([source], 0))[source]
        if job is None or job.upload is None:
            raise unacceptable([_refused(Refusal.SOURCE)])

    async def _put(
        self, name: str, settings: ScheduleSettings, caller: Caller, check: ScheduleCheck
    ) -> tuple[Schedule, bool]:
        put: Callable[..., tuple[Schedule, bool]] = self._schedules.put
        try:
            given = name, settings, caller.name, check, caller.actor, caller.sharer
            return await self._threads.run(put, *given)
        except TooManySchedules as error:
            detail = error.text(MAX_SCHEDULES, "schedules")
            raise Problem(Code.TOO_MANY_SCHEDULES, detail) from None


def sees_schedule(caller: Caller, schedule: Schedule) -> bool:
    """Whether a caller sees a schedule, as it sees the jobs that the schedule submits."""
    return caller.sees(schedule.created_by, queue_of(schedule.settings.template))


def _same_version(old: Schedule, check: ScheduleCheck) -> ScheduleCheck:
    """Return a check that also raises _Changed if a schedule is not the one that was read."""

    def check_both(stored: Schedule | None) -> None:
        check(stored)
        if stored is None or stored.version != old.version:
            raise _Changed

    return check_both


def _of_schedule(error: FieldError) -> FieldError:
    """Return the error of a submission as the error of a schedule."""
    first = error.field.partition(".")[0].partition("[")[0]
    return replace(error, field=f"options.{error.field}") if first in OPTIONS else error


def _refused(refusal: str) -> FieldError:
    if refusal == Refusal.QUEUE:
        return replace(UNKNOWN_QUEUE, field="options.queue")
    if refusal == Refusal.SOURCE:
        return UNKNOWN_SOURCE
    return FieldError(BODY, f"the job was refused: {refusal}")


def _times(timing: Timing) -> Json:
    given: Sequence[tuple[str, object]] = list(vars(timing).items())
    return {name: value for name, value in given if value is not None}

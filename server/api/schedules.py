"""`/schedules`: jobs that are submitted at certain times."""

import re

from server.api.openapi.operation import SUBMISSION_HEADERS, Operation
from server.auth.callers import Role
from server.documents.filters import WaitQuery
from server.documents.queues import require_new_name
from server.documents.schedules import (
    MAX_SCHEDULE_BYTES,
    ScheduleBody,
    ScheduleChanges,
    ScheduleDocument,
    SchedulesDocument,
    SchedulesQuery,
    schedule_document,
    schedule_etag,
    schedules_document,
)
from server.documents.schemas.job_schemas import JobView
from server.handlers.base import Handler
from server.handlers.query import query_parameters, read_query, wait_seconds
from server.http.body import MERGE_PATCH, Body, json_body
from server.http.codes import Code
from server.http.problems import Problem
from server.jobs.admission import Admission, Admissions
from server.jobs.schedules import ScheduleService, sees_schedule
from server.jobs.submissions import Submissions
from storage.records.queue_name import is_queue_name
from storage.records.schedule import Schedule
from storage.schedules.schedules import ScheduleCheck

_STATE_PART = re.compile(r'\.[^".]*"$')


class SchedulesHandler(Handler):
    """All schedules."""

    schedules: ScheduleService
    ROUTE = "/schedules"
    LIMITED = True

    @Operation("listSchedules", "schedules", {200: SchedulesDocument}, queries=(SchedulesQuery,))
    async def get(self) -> None:
        """A page of schedules.

        Sorted by name, without the payloads and options of their jobs.
        """
        query = read_query(SchedulesQuery, query_parameters(self))
        found = await self.schedules.page(query.limit + 1, query.cursor or "", self.caller)
        self.send_json(schedules_document(found, query.limit))


class OneScheduleHandler(Handler):
    """The base class of handlers of one schedule.

    Callers with the role `submit` may change and run schedules that they have created.
    """

    LIMITED = True
    schedules: ScheduleService
    CONDITIONAL = True

    def check(self, only_existing: bool = True) -> ScheduleCheck:
        """Return a check that raises Problem 403 or 412 if the caller may not make a change.

        With `only_existing` the check accepts a missing schedule, because the response is then 404.
        """
        caller = self.caller
        conditions = self.conditions.with_tags(lambda tag: _STATE_PART.sub('"', tag))

        def check(stored: Schedule | None) -> None:
            may = stored and sees_schedule(caller, stored) and caller.may_change(stored.created_by)
            if stored and not may:
                detail = f"{caller.name} has not created this schedule: this needs the role admin"
                raise Problem(Code.NOT_YOUR_SCHEDULE, detail)
            if stored or not only_existing:
                conditions.require(schedule_etag(stored))

        return check


class ScheduleHandler(OneScheduleHandler):
    """One schedule."""

    ROUTE = "/schedules/{name}"
    _schedule: Schedule | None = None
    """The schedule in the response."""

    async def body(self) -> Body:
        """Accept JSON. Raises Problem 413 or 415."""
        kinds = [MERGE_PATCH] if self.request.method == "PATCH" else []
        return json_body(self.request.headers, MAX_SCHEDULE_BYTES, *kinds)

    def options(self, *args: str) -> None:
        """Send the supported methods, and the media types of PATCH (RFC 5789)."""
        super().options(*args)
        self.set_header("Accept-Patch", f"application/json, {MERGE_PATCH}")

    def compute_etag(self) -> str | None:
        """Return the ETag of the response. A schedule's ETag has two parts.

        The first part changes with the settings, and the second one with each firing, too. A change
        compares only the first part.
        """
        settings, whole = schedule_etag(self._schedule), super().compute_etag()
        return f"{settings[:-1]}.{whole[1:]}" if settings and whole else whole

    @Operation("getSchedule", "schedules", {200: ScheduleDocument})
    async def get(self, name: str) -> None:
        """A schedule.

        With the next times at which it is due, and its newest firings.
        """
        schedule = None
        if is_queue_name(name):
            schedule = await self.schedules.get(name, self.caller)
        if schedule is None:
            raise schedule_not_found(name)
        await self._send(schedule)

    @Operation(
        "putSchedule",
        "schedules",
        {200: ScheduleDocument, 201: ScheduleDocument},
        role=Role.SUBMIT,
        body=ScheduleBody,
        problems=(409,),
        response_headers={201: ("Location",)},
    )
    async def put(self, name: str) -> None:
        """Create a schedule, or replace all of it.

        The status is 201 for a new schedule. Its jobs are checked as submissions are. Give either
        cron or every. Schedules of other callers can only be replaced by admins.
        """
        document = self.json_document()
        require_new_name(name)
        check = self.check(only_existing=False)
        schedule, is_new = await self.schedules.put(name, document, self.caller, check)
        if is_new:
            self.set_header("Location", f"{self.root_path}/schedules/{name}")
        await self._send(schedule, status=201 if is_new else 200)

    @Operation(
        "changeSchedule",
        "schedules",
        {200: ScheduleDocument},
        role=Role.SUBMIT,
        body=ScheduleChanges,
        problems=(409,),
    )
    async def patch(self, name: str) -> None:
        """Change the given fields of a schedule.

        A merge patch (RFC 7396): fields that are not given keep their values, and null sets a field
        to its default. `paused` pauses and resumes the schedule. Schedules of other callers can
        only be changed by admins.
        """
        patch, schedule = self.json_document(), None
        if is_queue_name(name):
            schedule = await self.schedules.change(name, patch, self.caller, self.check())
        if schedule is None:
            raise schedule_not_found(name)
        await self._send(schedule)

    @Operation("deleteSchedule", "schedules", {204: None}, role=Role.SUBMIT)
    async def delete(self, name: str) -> None:
        """Delete a schedule.

        Jobs that it has submitted stay. Schedules of other callers can only be deleted by admins.
        """
        self.require_body()
        is_name = is_queue_name(name)
        if not (is_name and await self.schedules.delete(name, self.caller, self.check())):
            raise schedule_not_found(name)
        self.set_status(204)

    async def _send(self, schedule: Schedule, status: int = 200) -> None:
        self._schedule = schedule
        recent = await self.schedules.recent(schedule.name)
        self.send_json(schedule_document(schedule, recent), status=status)


class ScheduleRunHandler(OneScheduleHandler):
    """A run of a schedule now."""

    admissions: Admissions
    submissions: Submissions
    ROUTE = "/schedules/{name}/run"
    _admission: Admission | None = None

    async def body(self) -> Body:
        """Admit the new job. Raises Problem 400, 409, 413, 422, 429, 503 and 507."""
        self._wait = wait_seconds(self)
        self.is_timed = not self._wait
        self._admission = await self.admissions.admit(self.request.headers, self.caller, 0)
        return await super().body()

    @Operation(
        "runSchedule",
        "schedules",
        {200: JobView, 202: JobView},
        role=Role.SUBMIT,
        queries=(WaitQuery,),
        problems=(409, 422, 503, 507),
        response_headers=dict.fromkeys((200, 202), (*SUBMISSION_HEADERS, "Retry-After")),
        request_headers=("Idempotency-Key",),
    )
    async def post(self, name: str) -> None:
        """Submit a job of a schedule now.

        Also while the schedule is paused. The status is 202 when the job is stored, and 200 if it
        became final during the wait. Schedules of other callers can only be run by admins.
        """
        self.require_body()
        assert self._admission
        submitted = None
        if is_queue_name(name):
            submitted = await self.schedules.run(name, self._admission, self.check())
        if submitted is None:
            raise schedule_not_found(name)
        self._admission.release()
        self.send_response(await self.submissions.accepted(submitted, self._wait))

    def _count_finished(self) -> None:
        if self._admission:
            self._admission.release()
        super()._count_finished()


def schedule_not_found(name: str) -> Problem:
    """404: no schedule has this name."""
    return Problem(
        Code.SCHEDULE_NOT_FOUND,
        f"there is no schedule {name[:100]}; PUT /schedules/NAME creates one",
    )

"""The operations on schedules."""

from server.auth.callers import Role
from server.documents.filters import WaitQuery
from server.documents.schedules import ScheduleBody, ScheduleChanges, SchedulesQuery
from server.documents.schemas.jobs import JobView
from server.documents.schemas.schedules import ScheduleDocument, SchedulesDocument
from server.openapi.operations.operation import SUBMISSION_HEADERS, Operation

SCHEDULES = (
    Operation(
        "/schedules",
        "A page of schedules",
        {200: SchedulesDocument},
        id="listSchedules",
        tag="schedules",
        description="Sorted by name, without the payloads and options of their jobs.",
        queries=(SchedulesQuery,),
    ),
    Operation(
        "/schedules/{name}",
        "A schedule",
        {200: ScheduleDocument},
        id="getSchedule",
        tag="schedules",
        description="With the next times at which it is due, and its newest firings.",
    ),
    Operation(
        "/schedules/{name}",
        "Create a schedule, or replace all of it",
        {200: ScheduleDocument, 201: ScheduleDocument},
        id="putSchedule",
        tag="schedules",
        description="The status is 201 for a new schedule. Its jobs are checked as submissions are."
        " Give either cron or every. Schedules of other callers can only be replaced by admins.",
        method="put",
        role=Role.SUBMIT,
        body=ScheduleBody,
        problems=(409,),
        response_headers={201: ("Location",)},
    ),
    Operation(
        "/schedules/{name}",
        "Change the given fields of a schedule",
        {200: ScheduleDocument},
        id="changeSchedule",
        tag="schedules",
        description="A merge patch (RFC 7396): fields that are not given keep their values, and"
        " null sets a field to its default. `paused` pauses and resumes the schedule. Schedules of"
        " other callers can only be changed by admins.",
        method="patch",
        role=Role.SUBMIT,
        body=ScheduleChanges,
        problems=(409,),
    ),
    Operation(
        "/schedules/{name}",
        "Delete a schedule",
        {204: None},
        id="deleteSchedule",
        tag="schedules",
        description="Jobs that it has submitted stay. Schedules of other callers can only be"
        " deleted by admins.",
        method="delete",
        role=Role.SUBMIT,
    ),
    Operation(
        "/schedules/{name}/run",
        "Submit a job of a schedule now",
        {200: JobView, 202: JobView},
        id="runSchedule",
        tag="schedules",
        description="Also while the schedule is paused. The status is 202 when the job is stored,"
        " and 200 if it became final during the wait. Schedules of other callers can only be run by"
        " admins.",
        method="post",
        role=Role.SUBMIT,
        queries=(WaitQuery,),
        problems=(409, 422, 503, 507),
        response_headers=dict.fromkeys((200, 202), (*SUBMISSION_HEADERS, "Retry-After")),
        request_headers=("Idempotency-Key",),
    ),
)

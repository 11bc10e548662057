"""The operation on failures."""

from server.documents.failures import FailuresQuery
from server.documents.schemas.failures import FailuresDocument
from server.openapi.operations.operation import Operation

FAILURES = (
    Operation(
        "/failures",
        "Failed jobs, grouped by their errors",
        {200: FailuresDocument},
        id="listFailures",
        tag="jobs",
        description="Jobs of one type are in a group if their errors have the same type and,"
        " without numbers and ids, the same message. The largest groups come first. The latest"
        " failures are looked at, for about half a second; `next` continues with earlier ones. The"
        " filter `failure` of listJobs and retryJobs selects the jobs of a group.",
        queries=(FailuresQuery,),
    ),
)

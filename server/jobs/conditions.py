"""Conditions of a request to change a job: whether the job is still as the client knows it."""

from collections.abc import Collection, Mapping

from server.documents.jobs import job_document
from server.http.conditions import Conditions, conditions_of
from server.http.response import encode_json, etag_of
from storage.records.job import Job, JobCheck
from storage.records.states import Status


def job_check(headers: Mapping[str, str], statuses: Collection[Status]) -> JobCheck | None:
    """Return a check for the store: it raises Problem 412 if the conditions do not hold.

    It compares the ETag of GET /jobs/ID. `statuses` are those that the request can change; in any
    other status it is refused for that. None for a request without conditions. Raises Problem 400.
    """
    conditions = conditions_of(headers)
    if conditions == Conditions():
        return None

    def check(job: Job) -> None:
        if job.status in statuses:
            conditions.require(etag_of(encode_json(job_document(job))))

    return check

"""Uses the client of OpenAPI Generator in Python, which is in the package `openapi_client`."""

import os
import sys
from typing import Any
from uuid import UUID, uuid4

from openapi_client import ApiClient, Configuration, JobsApi
from openapi_client.exceptions import NotFoundException
from openapi_client.models import (
    AnalyzePayload,
    AnalyzePayloadPatternsInner,
    JobRequest,
    PatternObject,
    SleepJobRequest,
    SleepPayload,
    Status,
)


def sleep(seconds: float) -> JobRequest:
    """Build a job."""
    return JobRequest(SleepJobRequest(type="sleep", payload=SleepPayload(seconds=seconds)))


def upload(jobs: JobsApi, log: bytes) -> dict[str, int]:
    """Submit a job with a file; return its counts."""
    options = PatternObject(pattern="WARN", ignore_case=True)
    patterns = [AnalyzePayloadPatternsInner(each) for each in ("ERROR", options)]
    analyzed = jobs.upload_job(
        type="analyze",
        payload=AnalyzePayload(patterns=patterns),
        filename=("app.log", log),
        wait=30,
    )
    assert analyzed.status == Status.SUCCEEDED, analyzed
    assert analyzed.upload.name == "app.log"
    return dict(analyzed.result["counts"])


def problem_of(jobs: JobsApi, job_id: UUID) -> Any:
    """Return the document of the error for a job that does not exist."""
    try:
        return jobs.get_job(job_id)
    except NotFoundException as error:
        return error.data


def main() -> None:
    """Submit, wait, upload, list and cancel."""
    settings = Configuration(host=os.environ["JOBS_URL"], access_token=os.environ["JOBS_TOKEN"])
    with ApiClient(settings) as client:
        jobs = JobsApi(client)
        ended = jobs.submit_job(sleep(0), wait=30)
        assert (ended.status, ended.result) == (Status.SUCCEEDED, {"slept": 0})
        response = jobs.submit_job_with_http_info(sleep(600))
        assert (response.status_code, response.data.status) == (202, Status.QUEUED)
        job_id = UUID(str(response.data.job_id))
        with open("app.log", "rb") as log:
            assert upload(jobs, log.read()) == {"ERROR": 2, "WARN": 1}

        page = jobs.list_jobs(status=[Status.SUCCEEDED], limit=1)
        assert len(page.items) == 1
        rest = jobs.list_jobs(status=[Status.SUCCEEDED], cursor=page.next)
        assert [job.job_id for job in rest.items] == [ended.job_id]
        unknown = uuid4()
        found = jobs.list_jobs(id=[ended.job_id, unknown], wait=0.0)
        assert (len(found.items), found.unknown, found.next) == (1, [unknown], None)

        assert jobs.cancel_job(job_id).status == Status.CANCELED
        assert jobs.get_job(job_id).status == Status.CANCELED
        assert problem_of(jobs, unknown).code == "job_not_found"
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()

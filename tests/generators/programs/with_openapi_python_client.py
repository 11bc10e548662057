"""Uses the client of openapi-python-client, which is in the package `job_service_client`."""

import os
import sys
from uuid import UUID, uuid4

from job_service_client import AuthenticatedClient
from job_service_client.api.jobs import cancel_job, get_job, list_jobs, submit_job, upload_job
from job_service_client.models import (
    AnalyzePayload,
    JobForm,
    PatternObject,
    ProblemDocument,
    SleepJobRequest,
    SleepPayload,
    Status,
)
from job_service_client.types import File

LOG = b"ERROR one\nwarn two\nERROR three\n"


def sleep(seconds: float) -> SleepJobRequest:
    """Build a job."""
    return SleepJobRequest(type_="sleep", payload=SleepPayload(seconds=seconds))


def upload(client: AuthenticatedClient, log: File) -> dict[str, int]:
    """Submit a job with a file; return its counts."""
    patterns = ["ERROR", PatternObject(pattern="WARN", ignore_case=True)]
    form = JobForm(type_="analyze", payload=AnalyzePayload(patterns=patterns), filename=log)
    analyzed = upload_job.sync(client=client, body=form, wait=30)
    assert analyzed.status == Status.SUCCEEDED, analyzed
    assert analyzed.upload.name == "app.log"
    return dict(analyzed.result["counts"])


def main() -> None:
    """Submit, wait, upload, list and cancel."""
    client = AuthenticatedClient(base_url=os.environ["JOBS_URL"], token=os.environ["JOBS_TOKEN"])
    ended = submit_job.sync(client=client, body=sleep(0), wait=30)
    assert ended.status == Status.SUCCEEDED, ended
    assert ended.result == {"slept": 0}
    response = submit_job.sync_detailed(client=client, body=sleep(600))
    assert (response.status_code, response.parsed.status) == (202, Status.QUEUED)
    job_id = UUID(str(response.parsed.job_id))
    with open("app.log", "rb") as log:
        assert upload(client, File(log, "app.log")) == {"ERROR": 2, "WARN": 1}

    page = list_jobs.sync(client=client, status=[Status.SUCCEEDED], limit=1)
    assert len(page.items) == 1, page
    rest = list_jobs.sync(client=client, status=[Status.SUCCEEDED], cursor=page.next_)
    assert [job.job_id for job in rest.items] == [ended.job_id]
    unknown = uuid4()
    found = list_jobs.sync(client=client, id=[ended.job_id, unknown], wait=0.0)
    assert (len(found.items), found.unknown, found.next_) == (1, [unknown], None)

    assert cancel_job.sync(job_id, client=client).status == Status.CANCELED
    assert get_job.sync(job_id, client=client).status == Status.CANCELED
    problem = get_job.sync(unknown, client=client)
    assert isinstance(problem, ProblemDocument)
    assert (problem.status, problem.code) == (404, "job_not_found")
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()

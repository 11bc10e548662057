"""`/jobs/{job_id}/comparison` and `/jobs/{job_id}/report`: what is made of results of analyses."""

import asyncio
from uuid import UUID

from server.api.analyses.comparison import Analyzed, compare
from server.api.analyses.comparison_document import ComparisonDocument
from server.api.analyses.html_report import POLICY, html_report
from server.api.analyses.queries import ComparisonQuery, ReportQuery
from server.api.analyses.tables import Table, tables_of
from server.api.jobs.job import OneJobHandler, parse_job_id
from server.api.openapi.operation import Operation
from server.auth.callers import Caller
from server.documents.job_documents import job_document
from server.handlers.query import query_parameters, read_query
from server.http.codes import Code
from server.http.negotiation import prefers_csv
from server.http.problems import FieldError, Problem, unacceptable
from server.jobs.jobs import Jobs
from storage.records.job import Job
from storage.records.json_values import JsonValue
from storage.records.states import Status

ANALYSIS = "analyze"
"""The job type whose results can be compared."""


class ComparisonHandler(OneJobHandler):
    """The changes since an earlier analysis."""

    ROUTE = "/jobs/{job_id}/comparison"

    @Operation(
        "compareJob", "jobs", {200: ComparisonDocument}, queries=(ComparisonQuery,), problems=(409,)
    )
    async def get(self, job_id: str) -> None:
        """Compare an analysis with an earlier one.

        Reports what is new, gone, more frequent or less frequent, with a test of significance. Both
        jobs must be of the type analyze, and have succeeded.
        """
        parsed_id, query = parse_job_id(job_id), read_query(ComparisonQuery, query_parameters(self))
        job = await self.jobs.wait(parsed_id, self.caller)
        before_id = query.before or compared_id(job)
        if before_id is None:
            detail = "name the earlier job: the payload of this one has no `compare`"
            raise unacceptable([FieldError("before", detail, "missing")])
        self.send_json(await comparison(self.jobs, self.caller, job, before_id, query))


class ReportHandler(OneJobHandler):
    """The result of an analysis for people: as one HTML file, or a table as CSV."""

    ROUTE = "/jobs/{job_id}/report"

    @Operation(
        "getJobReport",
        "jobs",
        {200: ("text/html", "text/csv")},
        queries=(ReportQuery,),
        problems=(409,),
    )
    async def get(self, job_id: str) -> None:
        """The result of an analysis as a page, or a table of it as CSV.

        The page is one file without scripts, which works offline. With `format=csv` or `Accept:
        text/csv`, the response is the table that `table` names.
        """
        parsed_id, query = parse_job_id(job_id), read_query(ReportQuery, query_parameters(self))
        job = await self.jobs.wait(parsed_id, self.caller)
        found = analyzed(job)
        compared = await self._comparison(job, query)
        self.add_header("Vary", "Accept")
        is_csv = prefers_csv(self.request.headers.get("Accept", ""))
        if query.format == "csv" or (query.format is None and is_csv):
            tables = await asyncio.to_thread(tables_of, found.result, compared)
            table = _require_table(tables, query.table)
            self._name_file(f"{parsed_id}-{query.table}.csv")
            self.send_content(table.to_csv().encode(), "text/csv; charset=utf-8; header=present")
        else:
            text = await asyncio.to_thread(html_report, job_document(job), compared)
            self.set_header("Content-Security-Policy", POLICY)
            self.send_content(text.encode(), "text/html; charset=utf-8")

    async def _comparison(self, job: Job, query: ReportQuery) -> ComparisonDocument | None:
        """Compare the job with the earlier one that the query or its payload names.

        The one in the payload may be gone, or may have failed; then there is no comparison.
        """
        if query.before:
            return await comparison(self.jobs, self.caller, job, query.before, query)
        before_id = compared_id(job)
        if before_id is None:
            return None
        try:
            return await comparison(self.jobs, self.caller, job, before_id, query)
        except Problem:
            return None

    def _name_file(self, name: str) -> None:
        self.set_header("Content-Disposition", f'attachment; filename="{name}"')


def _require_table(tables: list[Table], name: str) -> Table:
    """Return the table with this name. Raises Problem 422 if the result has none."""
    for table in tables:
        if table.name == name:
            return table
    names = ", ".join(table.name for table in tables)
    raise unacceptable([FieldError("table", f"the result has no such table; it has {names}")])


async def comparison(
    jobs: Jobs, caller: Caller, job: Job, before_id: UUID, query: ComparisonQuery
) -> ComparisonDocument:
    """Compare the results of two jobs. Raises Problem 404, 409 and 422."""
    after = analyzed(job)
    found = (await jobs.wait_each([before_id], caller, 0))[before_id]
    if found is None:
        detail = f"there is no job {before_id}; it may have been deleted after its retention"
        raise unacceptable([FieldError("before", detail, "unknown")])
    earlier = analyzed(found)
    if earlier.counted != after.counted:
        detail = (
            f"the job {before_id} counts {earlier.counted}, and the job {job.id} {after.counted}:"
            " analyze one of the files again with the option `records` of the other"
        )
        raise unacceptable([FieldError("before", detail)])
    return compare(earlier, after, query.alpha, query.min_ratio)


def analyzed(job: Job) -> Analyzed:
    """Return the result of an analysis. Raises Problem 409 if the job has none."""
    if job.type != ANALYSIS or job.status is not Status.SUCCEEDED:
        detail = f"the job {job.id} is a {job.status} job of the type {job.type}"
        raise Problem(Code.NO_ANALYSIS, detail)
    result: JsonValue = job.result
    return Analyzed(str(job.id), job.upload.name if job.upload else None, result)


def compared_id(job: Job) -> UUID | None:
    """Return the id of the job with which the payload of a job compares it; None without one."""
    compared = (job.payload or {}).get("compare") if job.type == ANALYSIS else None
    return UUID(compared["job_id"]) if compared else None

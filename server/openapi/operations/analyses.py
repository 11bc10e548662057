"""The operations on analyses: to analyze a file, to compare and report results, to read lines."""

from server.auth.callers import Role
from server.checking.analysis_query import AnalysisQuery
from server.documents.analyses.lines import LinesQuery
from server.documents.analyses.queries import ComparisonQuery, ReportQuery
from server.documents.schemas.comparison import ComparisonDocument
from server.documents.schemas.files import LinesDocument
from server.documents.schemas.jobs import JobView
from server.openapi.operations.operation import FILE, SUBMISSION_HEADERS, Operation

ANALYSIS = tuple(
    Operation(
        path,
        "Analyze the file that is the body",
        {
            200: ("text/plain", JobView),
            202: ("text/plain", JobView),
            424: "text/plain",
        },
        id=id_,
        tag="jobs",
        description="Submits a job of the type analyze, and waits. The response is a table in text"
        " or, with `Accept: application/json`, the job. For a job that did not succeed, the status"
        " of the text is 424.",
        method=method,
        role=Role.SUBMIT,
        body=FILE,
        problems=(409, 507),
        queries=(AnalysisQuery,),
        response_headers={
            200: SUBMISSION_HEADERS,
            202: (*SUBMISSION_HEADERS, "Retry-After"),
            424: SUBMISSION_HEADERS,
        },
        request_headers=("Idempotency-Key", "Traceparent"),
    )
    for id_, method, path in (
        ("analyze", "post", "/analyze"),
        ("analyzeFile", "put", "/analyze"),
        ("analyzeNamedFile", "put", "/analyze/{name}"),
    )
)

RESULTS = (
    Operation(
        "/jobs/{job_id}/comparison",
        "Compare an analysis with an earlier one",
        {200: ComparisonDocument},
        id="compareJob",
        tag="jobs",
        description="Reports what is new, gone, more frequent or less frequent, with a test of"
        " significance. Both jobs must be of the type analyze, and have succeeded.",
        problems=(409,),
        queries=(ComparisonQuery,),
    ),
    Operation(
        "/jobs/{job_id}/report",
        "The result of an analysis as a page, or a table of it as CSV",
        {200: ("text/html", "text/csv")},
        id="getJobReport",
        tag="jobs",
        description="The page is one file without scripts, which works offline. With `format=csv`"
        " or `Accept: text/csv`, the response is the table that `table` names.",
        problems=(409,),
        queries=(ReportQuery,),
    ),
    Operation(
        "/jobs/{job_id}/lines",
        "Lines of the file of a job",
        {200: (LinesDocument, "text/plain")},
        id="getJobLines",
        tag="jobs",
        description="Lines that meet all conditions, as pages of JSON or, with `Accept:"
        " text/plain`, all of them as text. A page ends after two seconds at the latest; follow"
        " `next`. Lines of an archive come from all its files that the job has selected, or from"
        " `member`. If the job has counted records of several lines, or with `records=multi_line`,"
        " whole records are returned.",
        queries=(LinesQuery,),
        problems=(409, 410),
    ),
)

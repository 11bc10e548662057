"""The operations on job types."""

from server.documents.schemas.types import JobTypeDocument, JobTypesDocument
from server.openapi.operations.operation import Operation

TYPES = (
    Operation(
        "/types",
        "All job types",
        {200: JobTypesDocument},
        id="listTypes",
        tag="job types",
        description="With the JSON Schemas of their payloads, and their defaults. Callers that may"
        " submit jobs also see which files of job types do not work, and why.",
    ),
    Operation(
        "/types/{name}",
        "A job type",
        {200: JobTypeDocument},
        id="getType",
        tag="job types",
        description="What its jobs take, and where it comes from.",
    ),
)

"""The payload of `analyze`: a request of `loganalysis`, and what it says of other jobs."""

from uuid import UUID

from pydantic import Field, field_validator

from loganalysis import AnalysisRequest
from runner.job_types.base import Payload


class EarlierJob(Payload):
    """An earlier job: its file is analyzed again, or its result is compared."""

    job_id: str = Field(description="The id of the job.")

    @field_validator("job_id")
    @classmethod
    def _check_uuid(cls, value: str) -> str:
        try:
            UUID(value)
        except ValueError:
            raise ValueError("it must be the id of a job, a UUID") from None
        return value


class AnalyzePayload(AnalysisRequest, Payload):
    """The patterns to count, up to 1,000 with distinct names, and the contents of the result."""

    source: EarlierJob | None = Field(
        None, description='An earlier job whose file to use instead of an upload, {"job_id": …}.'
    )
    compare: EarlierJob | None = Field(
        None, description='An earlier analysis with which to compare this one, {"job_id": …}.'
    )

    reuse: bool = Field(
        False,
        description="Whether the result of an equal analysis of an equal file may be the answer.",
    )

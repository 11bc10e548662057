"""The parts that several documents share: moments, ids, errors."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]


class Error(TypedDict):
    """Why an attempt or a job failed."""

    type: str
    """Kind of the error, such as the name of an exception, `TimedOut` or `Lost`."""
    message: str
    """What went wrong, for people."""

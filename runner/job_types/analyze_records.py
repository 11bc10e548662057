"""The option `records` in the payload of `analyze`, and what is wrong with it."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, WrapValidator

from loganalysis.match.patterns import Pattern, errors_of
from runner.job_types.base import Payload

MAX_START = 1000
"""Most characters of the regex of a record's start."""
_FORMS = 'it must be "lines", "multi_line", or an object such as {"start": "[0-9]+ "}'


class RecordStart(Payload):
    """Records that begin at lines of the client's choice."""

    start: str = Field(
        min_length=1,
        max_length=MAX_START,
        description="A regex of RE2. A line that it matches at its start begins a record.",
    )


def _check(value: object, validate: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    """Return the checked option. Raises ValueError with one error, also for an object."""
    if value in ("lines", "multi_line"):
        return value
    start = value.start if isinstance(value, RecordStart) else None
    if isinstance(value, dict) and value.keys() == {"start"}:
        start = value["start"]
    if not isinstance(start, str):
        raise ValueError(_FORMS)
    if not 0 < len(start) <= MAX_START:
        raise ValueError(f"start must have 1 to {MAX_START:,} characters")
    for error in errors_of([Pattern(start, regex=True)]):
        at = "" if error.position is None else f", at character {error.position + 1}"
        raise ValueError(f"start {error.message}{at}")
    return RecordStart(start=start)


RecordsOption = Annotated[Literal["lines", "multi_line"] | RecordStart, WrapValidator(_check)]

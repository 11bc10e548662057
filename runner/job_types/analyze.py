"""The job type `analyze`: counts patterns in a file. Imports nothing of ours but its base.

The file is read once, in windows, with the same memory for any size and any length of line. It is
taken as bytes, and the patterns as their UTF-8: in a file that is UTF-8 the counts are those of
`str.count`; in any other file they are the counts of those bytes. Lines end at "\\n".
"""

from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from runner.job_types.base import Context, JobType, Payload
from runner.job_types.scanner import Scanner

WINDOW_BYTES = 256 * 1024

Pattern = Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


class AnalyzePayload(Payload):
    """What to look for: 1 to 1000 different texts, of 1 to 10,000 characters each."""

    patterns: Annotated[
        list[Pattern], Field(min_length=1, max_length=1000, json_schema_extra={"uniqueItems": True})
    ]

    @field_validator("patterns")
    @classmethod
    def _distinct(cls, patterns: list[str]) -> list[str]:
        if len(set(patterns)) < len(patterns):
            raise ValueError("patterns must differ from each other")
        return patterns


class Analyze(JobType[AnalyzePayload]):
    """Returns {"counts", "matching_lines", "lines", "bytes"}, the first two by pattern.

    Reports {"bytes_done", "bytes_total", "counts"}.
    """

    name = "analyze"
    Payload = AnalyzePayload
    upload = "required"

    def run(self, payload: AnalyzePayload, context: Context) -> Any:
        """Scan the upload, window by window. Raises NotRetryable where it cannot be read."""
        assert context.upload is not None  # required above
        patterns = payload.patterns
        scanner = Scanner([pattern.encode() for pattern in patterns])
        window = memoryview(bytearray(WINDOW_BYTES))
        with context.upload.open() as file:
            while size := file.readinto(window):
                scanner.feed(window[:size])
                context.report(
                    {
                        "bytes_done": scanner.bytes,
                        "bytes_total": context.upload.size,
                        "counts": _by_pattern(patterns, scanner.counts),
                    }
                )
        return {
            "counts": _by_pattern(patterns, scanner.counts),
            "matching_lines": _by_pattern(patterns, scanner.matching_lines),
            "lines": scanner.lines,
            "bytes": scanner.bytes,
        }


def _by_pattern(patterns: list[str], numbers: list[int]) -> dict[str, int]:
    return dict(zip(patterns, numbers, strict=True))

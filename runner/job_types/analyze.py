"""The job type `analyze`: counts texts and regexes in a file, and the lines that match them."""

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

import loganalysis
from loganalysis import SetConflict, named_sets, with_sets
from runner.job_types.analyze_payload import AnalyzePayload
from runner.job_types.base import Context, JobType, NotRetryable, WrongSet
from runner.job_types.json_values import Json, JsonValue


class Analyze(JobType[AnalyzePayload]):
    """Counts non-overlapping occurrences in a file, which is decompressed if necessary."""

    name = "analyze"
    Payload = AnalyzePayload
    upload = "required"

    def load(self) -> None:
        """Import the modules of the analysis, and its library in C."""
        loganalysis.load()

    def pattern_sets(self, payload: Json) -> list[str]:
        """Return the names in `pattern_sets`."""
        return named_sets(payload)

    def with_pattern_sets(self, payload: Json, sets: Mapping[str, Sequence[JsonValue]]) -> Json:
        """Return the payload with the patterns of these sets behind its own. Raises WrongSet."""
        try:
            return with_sets(payload, sets)
        except SetConflict as error:
            raise WrongSet(error.index, error.message) from None

    def is_slow_to_check(self, payload: Json) -> bool:
        """Return whether there are regexes: RE2 takes 0.1 s to compile as many as are allowed."""
        lists = (payload.get("patterns"), payload.get("fields"))
        return any(
            isinstance(each, dict) and bool(each.get("regex"))
            for found in lists
            if isinstance(found, list)
            for each in found
        )

    def source(self, payload: AnalyzePayload) -> UUID | None:
        """Return the id of the job whose file is analyzed again, or None."""
        return UUID(payload.source.job_id) if payload.source else None

    def compared(self, payload: AnalyzePayload) -> UUID | None:
        """Return the id of the job whose result this one is compared with, or None."""
        return UUID(payload.compare.job_id) if payload.compare else None

    def reuses(self, payload: AnalyzePayload) -> bool:
        """Return whether the result of an earlier job with an equal question may be the answer."""
        return payload.reuse

    def question(self, payload: AnalyzePayload) -> str:
        """Return the payload without what does not decide the result.

        The names of pattern sets do not: their patterns are in `patterns`.
        """
        decisive = payload.model_dump(mode="json", exclude={"pattern_sets", "reuse", "source"})
        return json.dumps(decisive, sort_keys=True)

    def run(self, payload: AnalyzePayload, context: Context) -> JsonValue:
        """Scan the file. A file that cannot be read to its end fails the job: no partial counts."""
        assert context.upload is not None
        limits = loganalysis.DecompressionLimits(context.max_data_bytes, context.max_data_ratio)
        file = context.upload.stored()
        try:
            return loganalysis.analyze(file, payload, context.cores, context.report, limits)
        except loganalysis.UNREADABLE as error:
            raise NotRetryable(f"{context.upload.name}: {error}") from error

"""The pattern sets that a submission names: their patterns are added before it is checked."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from runner.job_types.base import AnyJobType, WrongSet
from server.http.problems import FieldError, unacceptable
from storage.records.json_values import Json, JsonValue

_PATTERN = re.compile(r"payload\.patterns\[(\d+)\].*")


@dataclass(frozen=True)
class FoundSets:
    """The sets of a submission: patterns of valid sets by name, and why other sets are wrong."""

    patterns: Mapping[str, Sequence[JsonValue]]
    wrong: Mapping[str, str]


NO_SETS = FoundSets({}, {})


class SetsNeeded(Exception):
    """A submission names pattern sets, which only the listener can read."""

    def __init__(self, names: list[str]):
        super().__init__(names)  # the argument with which it is unpickled
        self.names = names


def sets_of(document: JsonValue, job_type: AnyJobType | None) -> list[str]:
    """Return the names of the pattern sets in a submission that was not checked yet."""
    if job_type is None or not isinstance(payload := document.get("payload"), dict):
        return []
    return job_type.pattern_sets(payload)


def with_patterns(document: Json, job_type: AnyJobType | None, sets: FoundSets) -> Json:
    """Return the submission with the patterns of its sets in the payload.

    Raises Problem 422 for sets that do not exist or contradict each other.
    """
    if job_type is None or not sets_of(document, job_type):
        return document
    payload = document["payload"]
    names = payload["pattern_sets"]
    if sets.wrong:
        wrong = [(at, sets.wrong[name]) for at, name in enumerate(names) if name in sets.wrong]
        errors = [FieldError(f"payload.pattern_sets[{at}]", why, "unknown") for at, why in wrong]
        raise unacceptable(errors)
    try:
        return {**document, "payload": job_type.with_pattern_sets(payload, sets.patterns)}
    except WrongSet as error:
        field = f"payload.pattern_sets[{error.index}]"
        raise unacceptable([FieldError(field, error.message)]) from None


def at_sets(errors: list[FieldError], document: Json) -> list[FieldError]:
    """Return the errors of a submission, with errors in sets' patterns moved to the field
    `pattern_sets`."""
    payload = document.get("payload")
    if not isinstance(payload, dict) or not payload.get("pattern_sets"):
        return errors
    own = payload.get("patterns")
    count = len(own) if isinstance(own, list) else 0
    return [_at_sets(error, count) for error in errors]


def _at_sets(error: FieldError, own: int) -> FieldError:
    found = _PATTERN.fullmatch(error.field)
    if not found or int(found[1]) < own:
        return error
    detail = f"a pattern of the sets is wrong: {error.detail}"
    return replace(error, field="payload.pattern_sets", detail=detail)

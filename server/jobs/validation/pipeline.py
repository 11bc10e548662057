"""The names of the jobs of a batch, with which they refer to each other.

    {"name": "build", …}, {"after": ["build"], …}  ─▶  {…}, {"after": ["01a2107d-…"], …}

The ids of the jobs follow from the id of the batch. So an id can take the place of each name before
the jobs are checked, and nothing behind this knows names.
"""

import json
import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import cast
from uuid import UUID

from server.documents.batch_documents import MAX_JOB_ERRORS, refusal_document, refused_batch
from server.documents.field_errors import unknown_name
from server.http import strict_json
from server.http.problems import FieldError, Problem, joined, unacceptable
from server.jobs.validation.batch_body import BatchBody, SplitBatch, split_batch
from storage.records.batch import THEN
from storage.records.ids import id_in_batch
from storage.records.json_values import Json, JsonValue

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_RULE = (
    "it must be 1 to 64 letters, digits and the characters _ - . that begin with a letter or _, and"
    " no UUID, for example build"
)
_MOST_SUGGESTIONS = 20
"""The jobs with wrong names for which similar names are looked for."""
_MOST_SHOWN = 20
"""The jobs of a circle that an error names."""


def split_with_ids(body: BatchBody) -> SplitBatch:
    """Return the jobs of a batch, unparsed, with ids in the place of the names of its jobs.

    `names` has the indexes of the jobs with names. Raises Problem 400 and 422 as `split_batch`, and
    for names that are wrong, used twice or unknown, for jobs that wait for each other in a circle,
    and for malformed jobs of a batch with names.
    """
    split = split_batch(body)
    if not any(b'"name"' in job for job in split.jobs):
        return split
    pipeline = _Pipeline(body.batch_id)
    for index, job in enumerate(split.jobs):
        pipeline.read(index, job)
    if not pipeline.changed:
        return split
    if split.then is not None:
        pipeline.read(THEN, split.then)
    pipeline.resolve()
    texts = {index: json.dumps(pipeline.documents[index]).encode() for index in pipeline.changed}
    jobs = [texts.get(index, job) for index, job in enumerate(split.jobs)]
    return replace(split, jobs=jobs, then=texts.get(THEN, split.then), names=pipeline.names)


class _Pipeline:
    """The jobs of a batch by their indexes, as documents, while ids take the place of names."""

    def __init__(self, batch_id: UUID):
        self.documents: dict[int, Json] = {}
        self.names: dict[str, int] = {}
        self.changed: set[int] = set()
        self._id_of = cache(lambda at: str(id_in_batch(batch_id, at)))
        self._after = defaultdict[int, set[int]](set)
        self._problems = defaultdict[int, list[Problem]](list)

    def read(self, index: int, text: bytes) -> None:
        """Parse a job, and take its name out of it."""
        try:
            document = strict_json.parse(text)
        except Problem as problem:
            self._problems[index].append(problem)
            return
        if isinstance(document, dict):
            self.documents[index] = document
            if "name" in document and index == THEN:
                detail = "the job that follows has no name: no other job can wait for it"
                self._refuse(index, FieldError("name", detail, "not_allowed"))
            elif "name" in document:
                self._take_name(index, document.pop("name"))

    def _take_name(self, index: int, name: JsonValue) -> None:
        self.changed.add(index)
        if not isinstance(name, str) or not _NAME.fullmatch(name) or _is_id(name):
            self._refuse(index, FieldError("name", _RULE))
        elif name in self.names:
            detail = f"[{self.names[name]}] has the name {name}, too; each name can be used once"
            self._refuse(index, FieldError("name", detail, "not_allowed"))
        else:
            self.names[name] = index

    def resolve(self) -> None:
        """Put ids in the place of names. Raises Problem 400 and 422 with all errors."""
        for index, document in self.documents.items():
            if isinstance(after := document.get("after"), list):
                ids = [self._id(index, each, f"after[{at}]") for at, each in enumerate(after)]
                document["after"] = ids
            source = document.get("input")
            if isinstance(source, dict) and "from" in source:
                source["from"] = self._id(index, source["from"], "input.from")
        if not self._problems:
            self._refuse_circle()
        if self._problems:
            problems = sorted(self._problems.items())
            raise refused_batch([refusal_document(at, joined(each)) for at, each in problems])

    def _id(self, index: int, value: JsonValue, field: str) -> JsonValue:
        """Return the id of the job that a name stands for; any other value as it is."""
        found = self.names.get(value) if isinstance(value, str) else None
        if found is None:
            if isinstance(value, str) and self._takes_error(index) and not _is_id(value):
                self._refuse(index, FieldError(field, self._unknown(index, value), "unknown"))
            return value
        self.changed.add(index)
        self._after[index].add(found)
        return self._id_of(found)

    def _unknown(self, index: int, name: str) -> str:
        """Return the detail of an error about an unknown name.

        It suggests a similar name. That search takes long, so later errors have no suggestion.
        """
        if len(self._problems) >= _MOST_SUGGESTIONS:
            return "unknown job of this batch"
        others = [each for each, at in self.names.items() if at != index]
        return unknown_name("job of this batch", name, others)

    def _refuse_circle(self) -> None:
        try:
            TopologicalSorter(self._after).prepare()
        except CycleError as error:
            circle = cast("list[int]", error.args[1])
            names = {index: name for name, index in self.names.items()}
            more = len(circle) - _MOST_SHOWN
            shown = [names[index] for index in circle[:_MOST_SHOWN]]
            path = " → ".join([*shown, f"{more} more"] if more > 0 else shown)
            detail = f"these jobs wait for each other, so none could start: {path}"
            self._refuse(circle[-1], FieldError("after", detail, "not_allowed"))

    def _refuse(self, index: int, error: FieldError) -> None:
        if self._takes_error(index):
            self._problems[index].append(unacceptable([error]))

    def _takes_error(self, index: int) -> bool:
        return len(self._problems.get(index, ())) < MAX_JOB_ERRORS


def _is_id(text: str) -> bool:
    with suppress(ValueError):
        UUID(text)
        return True
    return False

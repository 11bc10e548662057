"""The documents of batches as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from jobservice.documents import Status, known_fields
from jobservice.json_values import JsonValue


@dataclass(frozen=True)
class Refusal:
    """Why a job of a batch was refused.

    index: its place among the submitted jobs, from 0.
    code: the kind of the problem, as in docs/errors.md.
    errors: for each invalid field, an object with `field`, `detail` and `code`.
    job_id: the job that holds its unique key, if that is the reason.
    """

    index: int
    code: str
    detail: str
    errors: tuple[Mapping[str, JsonValue], ...] = ()
    job_id: str | None = None


@dataclass(frozen=True)
class NewBatch:
    """A batch that was stored.

    size: the number of jobs that were stored.
    job_ids: the ids of the jobs in their order; None for a job that was refused.
    then: the id of the job that runs when all others have ended, or None.
    names: the ids of the jobs that have names.
    """

    batch_id: str
    size: int
    refused: int
    job_ids: tuple[str | None, ...]
    refusals: tuple[Refusal, ...] = ()
    then: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class BatchData:
    """How far a batch is: how many of its `size` jobs have each status.

    refused: jobs that were refused when the batch was submitted.
    then: the id of the job that runs when all its jobs have ended, or None.
    finished: whether no job is queued or running.
    """

    batch_id: str
    size: int = 0
    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    canceled: int = 0
    deleted: int = 0
    refused: int = 0
    then: str | None = None
    finished: bool = False
    created_at: datetime | None = None
    finished_at: datetime | None = None
    submitted_by: str | None = None
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


@dataclass(frozen=True)
class PipelineJob:
    """A job of a batch, with its name in it, and the ids of the jobs that it runs after."""

    job_id: str
    type: str
    status: Status
    name: str | None = None
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class PipelineData:
    """Which jobs of a batch run after which. `then` runs when all have ended; None without one."""

    batch_id: str
    jobs: tuple[PipelineJob, ...] = ()
    then: PipelineJob | None = None
    raw: Mapping[str, JsonValue] = field(default_factory=dict, repr=False, compare=False)
    """The document as it was received."""


def read_pipeline(document: Mapping[str, JsonValue]) -> PipelineData:
    """Read which jobs of a batch run after which."""
    jobs = tuple(map(_pipeline_job, document["jobs"]))
    then = document["then"]
    last = None if then is None else _pipeline_job(then)
    return PipelineData(document["batch_id"], jobs, last, raw=document)


def _pipeline_job(document: Mapping[str, JsonValue]) -> PipelineJob:
    after = tuple(document["after"])
    return PipelineJob(**known_fields(PipelineJob, {**document, "after": after}))


def read_new_batch(document: Mapping[str, JsonValue]) -> NewBatch:
    """Read the response to the submission of a batch."""
    refusals = tuple(
        Refusal(**known_fields(Refusal, {**each, "errors": tuple(each["errors"])}))
        for each in document["refusals"]
    )
    known = known_fields(NewBatch, document)
    known |= {"job_ids": tuple(document["job_ids"]), "refusals": refusals}
    return NewBatch(**known, raw=document)


def read_batch(document: Mapping[str, JsonValue]) -> BatchData:
    """Read how far a batch is."""
    return BatchData(**known_fields(BatchData, document), raw=document)

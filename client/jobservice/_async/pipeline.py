"""Pipelines: jobs that wait for each other, collected and submitted by one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from jobservice._async.batch_calls import AsyncBatches
from jobservice.batch_documents import NewBatch
from jobservice.json_values import JsonValue

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from jobservice.options import NewJob, Options


@dataclass
class AsyncStep:
    """A job of a pipeline, for `after` and `input_from` of other jobs.

    id: its name until the pipeline is submitted, then the id of the job.
    """

    name: str
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = self.name


class AsyncPipeline:
    """Jobs that are submitted together when the `with` block ends without an exception.

    Get it by `client.pipeline()`. Later jobs name earlier ones, but may also name jobs by the names
    of jobs that are still to come.
    """

    batch: NewBatch
    """What was submitted; after the `with` block."""

    def __init__(self, batches: AsyncBatches, key: str | None):
        self._batches = batches
        self._key = key
        self._jobs: list[NewJob] = []
        self._steps: list[AsyncStep] = []
        self._then: NewJob | None = None

    def submit(
        self,
        type: str,
        payload: Mapping[str, JsonValue] | None = None,
        *,
        name: str | None = None,
        **options: Unpack[Options],
    ) -> AsyncStep:
        """Add a job, by default with a name such as job-1. `after` and `input_from` take steps."""
        step = AsyncStep(f"job-{len(self._jobs) + 1}" if name is None else name)
        self._jobs.append(_job(type, payload, {"name": step.name, **options}))
        self._steps.append(step)
        return step

    def then(
        self,
        type: str,
        payload: Mapping[str, JsonValue] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Let a job run when all others have ended, also if some have failed."""
        self._then = _job(type, payload, options)

    async def __aenter__(self) -> AsyncPipeline:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            return
        given: Any = {"then": self._then, "idempotency_key": self._key}
        self.batch = await self._batches.submit(self._jobs, **given)
        for step in self._steps:
            step.id = self.batch.names[step.name]


def _job(type: str, payload: Mapping[str, JsonValue] | None, options: Mapping[str, Any]) -> NewJob:
    return cast("NewJob", {"type": type, "payload": payload or {}, **options})

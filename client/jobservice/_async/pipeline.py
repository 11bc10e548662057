"""Pipelines: jobs that wait for each other, collected and submitted by one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
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

    Get it by `client.pipeline()`. A job takes earlier steps in `after` and `input_from`, or the
    names of steps that are still to come. An exception in the block submits nothing.
    """

    def __init__(self, batches: AsyncBatches, key: str | None):
        self._batches = batches
        self._key = key
        self._jobs: list[NewJob] = []
        self._steps: dict[str, AsyncStep] = {}
        self._then: NewJob | None = None
        self._batch: NewBatch | None = None

    @property
    def batch(self) -> NewBatch:
        """What was submitted. Raises RuntimeError before the end of the `with` block."""
        if self._batch is None:
            raise RuntimeError("a pipeline is submitted at the end of its with block")
        return self._batch

    def submit(
        self,
        type: str,
        payload: Mapping[str, JsonValue] | None = None,
        *,
        name: str | None = None,
        **options: Unpack[Options],
    ) -> AsyncStep:
        """Add a job, by default with a name such as job-1. `after` and `input_from` take steps.

        Raises ValueError for a name that an earlier job has, and RuntimeError after the block.
        """
        self._require_open()
        if name is None:
            numbered = (f"job-{number}" for number in count(len(self._jobs) + 1))
            name = next(each for each in numbered if each not in self._steps)
        if name in self._steps:
            raise ValueError(f"the pipeline has a job with the name {name} already")
        self._jobs.append(_job(type, payload, {"name": name, **options}))
        self._steps[name] = AsyncStep(name)
        return self._steps[name]

    def then(
        self,
        type: str,
        payload: Mapping[str, JsonValue] | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Let a job run when all others have ended, also if some have failed: `batch.then`.

        Raises RuntimeError after the block, and if there is such a job already.
        """
        self._require_open()
        if self._then is not None:
            raise RuntimeError("one job can follow a pipeline, and it has one already")
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
        self._batch = await self._batches.submit(self._jobs, **given)
        for name, step in self._steps.items():
            step.id = self._batch.names[name]

    def _require_open(self) -> None:
        if self._batch is not None:
            raise RuntimeError("the pipeline was submitted; begin another one")


def _job(type: str, payload: Mapping[str, JsonValue] | None, options: Mapping[str, Any]) -> NewJob:
    return cast("NewJob", {"type": type, "payload": payload or {}, **options})

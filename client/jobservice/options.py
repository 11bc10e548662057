"""The keyword arguments of calls, which type checkers read: options, filters and changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypedDict

from jobservice.documents import Status
from jobservice.json_values import JsonValue

Wait = float | timedelta
"""Seconds, or a duration."""


class Options(TypedDict, total=False):
    """The options of a submission, as docs/jobs.md explains them; None is the default."""

    max_retries: int | None
    max_losses: int | None
    timeout: float | timedelta | None
    priority: int | None
    run_at: datetime | str | None
    delay: float | timedelta | None
    queue: str | None
    callback_url: str | None
    tags: Iterable[str] | None
    metadata: Mapping[str, JsonValue] | None
    keep_for: float | timedelta | None
    expires_at: datetime | str | None
    expires_in: float | timedelta | None
    finish_by: datetime | str | None
    backoff: Wait | Sequence[Wait] | Mapping[str, Wait] | None
    after: Any
    on_failure: str | None
    input_from: Any
    unique_key: str | None
    unique: str | None
    if_exists: str | None
    concurrency_key: str | None
    max_per_key: int | None
    memory_bytes: int | None
    cpu_seconds: int | timedelta | None
    max_output_bytes: int | None
    nice: int | None
    upload: Any


class _Typed(TypedDict):
    """What a job must have."""

    type: str


class NewJob(_Typed, Options, total=False):
    """A job of a batch: its type, its payload, its options, and its name in this batch.

    Other jobs of the batch have the name in `after` and `input_from`.
    """

    payload: Mapping[str, JsonValue]
    name: str


class Changes(TypedDict, total=False):
    """What can be changed of a queued job; None is the default."""

    priority: int
    run_at: datetime | str
    delay: Wait
    queue: str
    tags: Iterable[str]
    timeout: Wait | None
    max_retries: int
    keep_for: Wait | None
    memory_bytes: int | None
    cpu_seconds: int | timedelta | None
    max_output_bytes: int | None
    nice: int | None


class Filters(TypedDict, total=False):
    """The filters of lists and bulk changes; a job is selected if it matches all of them."""

    status: Status | Iterable[Status] | None
    type: str | None
    queue: str | None
    schedule: str | None
    submitted_by: str | None
    tag: str | Iterable[str] | None
    batch: str | None
    after: str | None
    text: str | None
    created_after: datetime | str | None
    created_before: datetime | str | None
    finished_after: datetime | str | None
    finished_before: datetime | str | None
    failure: str | None


class QueueChanges(TypedDict, total=False):
    """What can be changed of a queue. With `max_running` None, it has no limit."""

    max_running: int | None
    paused: bool

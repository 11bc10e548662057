"""The client: connects to a service, submits jobs, and finds and changes them."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from jobservice import calls, requests
from jobservice._async import many
from jobservice._async.audit import AsyncAuditCalls
from jobservice._async.batch_calls import AsyncBatches
from jobservice._async.bulk import change_all
from jobservice._async.failures import AsyncFailureCalls
from jobservice._async.file_calls import AsyncFileCalls
from jobservice._async.job import AsyncJob
from jobservice._async.pipeline import AsyncPipeline
from jobservice._async.schedules import AsyncSchedules
from jobservice._async.transport import RETRY_SECONDS, TIMEOUT_SECONDS, AsyncTransport
from jobservice._async.types import AsyncTypeCalls
from jobservice._async.uploads import AsyncUploads
from jobservice.address import base_url
from jobservice.blocking import async_call
from jobservice.bundles import read_bundle
from jobservice.documents import (
    BulkChange,
    DryRun,
    JobData,
    PatternSetData,
    QueueData,
    read_dry_run,
    read_job,
    read_pattern_set,
    read_queue,
)
from jobservice.errors import ApiError
from jobservice.event_stream import Event
from jobservice.json_values import Json, JsonValue
from jobservice.pieces import UploadState
from jobservice.scale import Scale, read_scale
from jobservice.uploads import Files, Progress

if TYPE_CHECKING:
    import httpx
    from typing_extensions import ParamSpec, Unpack

    from jobservice.options import Filters, Options, QueueChanges

    P = ParamSpec("P")

DEFAULT_URL = "http://localhost:5000"


class AsyncClient:
    """A client of one service. Close it at the end, or use it as a context manager.

    Every call repeats a request whose connection breaks or whose response is 429, 502, 503 or 504,
    until failures in a row have taken `retry_seconds`. A submission is stored once even so. All
    calls raise ApiError if the service refuses them, and ConnectionFailed if it cannot be reached.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        transport: httpx.AsyncBaseTransport | None = None,
    ):
        """`url` and `token` default to the environment variables JOBS_URL and JOBS_TOKEN. An
        empty token sends none. Raises ValueError if `url` is no address of HTTP.

        timeout: how many seconds the service may stay silent; a wait adds its own time.
        transport: what sends requests instead of the network, as in `jobservice.testing`.
        """
        self.url = base_url(url or os.environ.get("JOBS_URL") or DEFAULT_URL)
        token = os.environ.get("JOBS_TOKEN") if token is None else token
        self._transport = AsyncTransport(self.url, token, timeout, retry_seconds, transport)
        self.audit = AsyncAuditCalls(self._transport)
        self.batches = AsyncBatches(self._transport)
        self.failures = AsyncFailureCalls(self._transport)
        self.files = AsyncFileCalls(self._transport)
        self.schedules = AsyncSchedules(self._transport)
        self.types = AsyncTypeCalls(self._transport)
        self.uploads = AsyncUploads(self._transport)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def submit(
        self,
        type: str,
        payload: Mapping[str, JsonValue] | None = None,
        *,
        file: Files | None = None,
        by_hash: bool = False,
        wait: float | None = None,
        idempotency_key: str | None = None,
        on_progress: Progress | None = None,
        **options: Unpack[Options],
    ) -> AsyncJob:
        """Submit a job, and return it when it is stored.

        file: a path, bytes or a binary stream to upload, or a pair of a name and one of these. A
            list of these is stored as one zip archive. A large file is sent as a resumable upload.
        by_hash: read the file first, and do not send it if a job has an equal one.
        wait: seconds to wait for the end of the job. The job may still run afterwards.
        idempotency_key: calls with the same key make one job. By default, each call has its own.
        on_progress: a function that gets the bytes sent and the size of the file.
        """
        if file is not None and options.get("upload") is not None:
            raise TypeError("give either file or upload")
        if by_hash:
            more = {**options, "wait": wait, "idempotency_key": idempotency_key}
            if (found := await self._submit_known(type, payload, file, more)) is not None:
                return found
        deadline = time.monotonic() + (wait or 0.0)
        upload = await self.uploads.send_for(
            file,
            lambda new: requests.submit(type, payload, {**options, "upload": new}, dry_run=True),
            on_progress,
            check=idempotency_key is None,
        )
        if upload is not None:
            options["upload"], file = upload, None
        request = requests.submit(
            type,
            payload,
            options,
            file=file,
            key=idempotency_key,
            wait=wait or 0.0,
            on_progress=on_progress,
        )
        answer = await self._send_submission(request, upload)
        job = self._job(read_job({"type": type, "payload": dict(payload or {}), **answer}))
        if wait and not job.is_final and (left := deadline - time.monotonic()) > 0:
            await job.wait_up_to(left)
        return job

    async def call(
        self, function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncJob:
        """Submit the job that calls a function of a job type with these arguments.

        The function is decorated with `@job`, so a type checker compares the arguments with its
        parameters. A `File` is uploaded. CONTEXT stands for the context, which the worker makes.
        Raises TypeError and ValueError for arguments that the function does not take.
        """
        type, payload, files = calls.read_call(function, args, kwargs)
        file = files[0] if len(files) == 1 else files or None
        return await self.submit(type, payload, file=file)

    def pipeline(self, *, idempotency_key: str | None = None) -> AsyncPipeline:
        """Collect jobs that wait for each other, and submit all of them at the end of `with`.

        Either all are stored or none. Calls with the same key submit one pipeline.
        """
        return AsyncPipeline(self.batches, idempotency_key)

    async def _send_submission(self, request: requests.Request, upload: UploadState | None) -> Any:
        """Send a submission, then delete its upload: the job has its own copy of the file."""
        try:
            answer = await self._transport.send(request)
        finally:
            await self.uploads.discard(upload)
        return answer.document()

    async def _submit_known(
        self, type: str, payload: Any, file: Files | None, more: Mapping[str, JsonValue]
    ) -> AsyncJob | None:
        """Submit a job whose file the service has; None if it has it not, or not any more."""
        known = await self.uploads.find_file(file)
        if known is None:
            return None
        try:
            return await self.submit(type, payload, **{**more, "upload": known})
        except ApiError as error:
            if error.field == "upload.sha256":
                return None
            raise

    async def replay(
        self,
        bundle: str | os.PathLike[str],
        *,
        wait: float | None = None,
        on_progress: Progress | None = None,
        **options: Unpack[Options],
    ) -> AsyncJob:
        """Submit the job of a bundle again, here or at another service, and return the new job.

        It has the payload, the file and most options of the first one; `options` replace them.
        `client.files.download_bundle` makes a bundle. Raises BadBundle, a ValueError.
        """
        found = await async_call(partial(read_bundle, bundle))
        with tempfile.TemporaryDirectory(prefix="jobservice-") as folder:
            file = await async_call(partial(found.extract_upload, folder))
            given: Any = {**found.options, **options, "file": file}
            return await self.submit(
                found.type, found.payload, wait=wait, on_progress=on_progress, **given
            )

    async def dry_run(
        self,
        type: str,
        payload: Mapping[str, JsonValue] | None = None,
        *,
        file: Files | None = None,
        **options: Unpack[Options],
    ) -> DryRun:
        """Check a submission, and estimate when the job would start and end. Stores nothing."""
        request = requests.submit(type, payload, options, file=file, dry_run=True)
        return read_dry_run(await self._transport.document(request))

    async def analyze(
        self,
        source: Files | AsyncJob,
        patterns: Iterable[str | Mapping[str, JsonValue]] | None = None,
        *,
        ignore_case: bool = False,
        regexes: Iterable[str] = (),
        pattern_sets: Iterable[str] = (),
        samples: int = 0,
        histogram: str = "none",
        lines: bool = True,
        encoding: str | None = None,
        members: Iterable[str] = (),
        fields: Iterable[str | Mapping[str, JsonValue]] = (),
        top: int = 20,
        fields_over_time: bool = False,
        compare: AsyncJob | str | None = None,
        reuse: bool = False,
        overview: bool | None = None,
        explain: bool = False,
        since: datetime | timedelta | str | None = None,
        until: datetime | timedelta | str | None = None,
        context: int | None = None,
        records: str | Mapping[str, str] = "lines",
        by_hash: bool = False,
        on_progress: Progress | None = None,
        **options: Unpack[Options],
    ) -> AsyncJob:
        """Submit a job that counts patterns in a file, a list of files, or an earlier job's file.

        docs/analyze.md#analyze explains the parameters. A timedelta is before the file's last time.
        With `by_hash`, the file is not sent if the service has an equal one.
        """
        given: Json = {"regexes": regexes, "pattern_sets": pattern_sets}
        given |= {"ignore_case": ignore_case, "samples": samples, "context": context}
        given |= {"histogram": histogram, "lines": lines, "overview": overview}
        given |= {"fields": fields, "fields_over_time": fields_over_time, "top": top}
        given |= {"records": records, "explain": explain}
        given |= {"since": since, "until": until, "members": members, "encoding": encoding}
        given |= {"compare": compare.id if isinstance(compare, AsyncJob) else compare}
        given |= {"source": source.id if isinstance(source, AsyncJob) else None, "reuse": reuse}
        payload = requests.analyze_payload(patterns, **given)
        file = None if isinstance(source, AsyncJob) else source
        return await self.submit(
            "analyze", payload, file=file, by_hash=by_hash, on_progress=on_progress, **options
        )

    async def get(self, job_id: str | AsyncJob) -> AsyncJob:
        """Return a job, as it is now. Raises ApiError 404 (job_not_found) if there is none."""
        answer = await self._transport.send(requests.get_job(job_id))
        return self._job(read_job(answer.document()))

    async def list(
        self, *, limit: int | None = None, **filters: Unpack[Filters]
    ) -> AsyncIterator[AsyncJob]:
        """Yield the jobs that all filters select, newest first: all of them, or up to `limit`.

        The filters are status (one or several), type, queue, schedule, submitted_by, tag (one, or
        several that a job must all have), batch, text, created_after, created_before,
        finished_after, finished_before and failure.
        """
        request = partial(requests.list_jobs, filters)
        async for document in self._transport.items(request, requests.PAGE_JOBS, limit):
            yield self._job(read_job(document))

    async def refresh_all(self, jobs: Iterable[AsyncJob], wait: float = 0.0) -> Jobs:
        """Load the present state of jobs, with one request per hundred. Return the ended ones.

        With `wait`, the service answers when all jobs have ended, or after about so many seconds.
        """
        return await many.refresh_all(self._transport, [*jobs], wait)

    async def wait_all(self, jobs: Iterable[AsyncJob | str], timeout: float | None = None) -> Jobs:
        """Wait until all jobs have ended, and return them in their order; ids count as jobs.

        Raises WaitTimeout after `timeout` seconds.
        """
        return await many.wait_all(self._transport, self._jobs(jobs), timeout)

    async def as_completed(
        self, jobs: Iterable[AsyncJob | str], timeout: float | None = None
    ) -> AsyncIterator[AsyncJob]:
        """Yield each job when it has ended. Raises WaitTimeout after `timeout` seconds."""
        async for job in many.as_completed(self._transport, self._jobs(jobs), timeout):
            yield job

    async def cancel_all(
        self, *, all: bool = False, dry_run: bool = False, **filters: Unpack[Filters]
    ) -> BulkChange:
        """Cancel the queued and running jobs that all filters select, or with `all` all jobs.

        A dry run only counts them. Does not wait for processes to end.
        """
        return await change_all(self._transport, "cancel", filters, all, dry_run)

    async def retry_all(
        self,
        *,
        all: bool = False,
        dry_run: bool = False,
        downstream: bool = False,
        **filters: Unpack[Filters],
    ) -> BulkChange:
        """Let the failed and canceled jobs run again that all filters select, or `all` of them.

        With `downstream`, also the jobs that were canceled because of them.
        """
        return await change_all(self._transport, "retry", filters, all, dry_run, downstream)

    async def queues(self) -> Queues:
        """Return all queues, sorted by name."""
        found = await self._transport.document(requests.get("/queues"))
        return [read_queue(each) for each in found["items"]]

    async def queue(self, name: str) -> QueueData:
        """Return a queue."""
        return read_queue(await self._transport.document(requests.get(requests.queue_path(name))))

    async def scale(self, queues: Iterable[str] = (), *, within: float | timedelta = 0.0) -> Scale:
        """Return how many slots the jobs of some queues could use now, by default of all queues.

        within: jobs and schedules that become due within so many seconds count as due.
        """
        request = requests.get_scale(queues, within)
        return read_scale(await self._transport.document(request))

    async def put_queue(
        self,
        name: str,
        max_running: int | None = None,
        paused: bool = False,
        *,
        only_new: bool = False,
    ) -> QueueData:
        """Create a queue, or replace all its settings.

        With `only_new`, an existing queue is left alone: ApiError 412 (precondition_failed).
        """
        request = requests.put_queue(name, max_running, paused, only_new=only_new)
        return read_queue(await self._transport.put(request))

    async def change_queue(self, name: str, **changes: Unpack[QueueChanges]) -> QueueData:
        """Change some settings of a queue: `max_running`, `paused`."""
        return read_queue(await self._transport.document(requests.change_queue(name, changes)))

    async def delete_queue(self, name: str) -> None:
        """Delete a queue without queued or running jobs."""
        await self._transport.send(requests.delete_queue(name))

    async def pattern_sets(self) -> PatternSets:
        """Return all saved and built-in pattern sets without their patterns, sorted by name."""
        found = await self._transport.document(requests.get("/pattern-sets"))
        return [read_pattern_set(each) for each in found["items"]]

    async def pattern_set(self, name: str) -> PatternSetData:
        """Return a pattern set with its patterns."""
        path = requests.pattern_set_path(name)
        return read_pattern_set(await self._transport.document(requests.get(path)))

    async def put_pattern_set(
        self,
        name: str,
        patterns: Iterable[str | Mapping[str, JsonValue]],
        description: str = "",
        *,
        only_new: bool = False,
    ) -> PatternSetData:
        """Save a pattern set, or replace all of it.

        With `only_new`, an existing set is left alone: ApiError 412 (precondition_failed).
        """
        request = requests.put_pattern_set(name, patterns, description, only_new=only_new)
        return read_pattern_set(await self._transport.put(request))

    async def delete_pattern_set(self, name: str) -> None:
        """Delete a pattern set. Jobs that were submitted with it keep its patterns."""
        await self._transport.send(requests.delete_pattern_set(name))

    async def events(
        self,
        type: str | None = None,
        queue: str | None = None,
        status: str | None = None,
        last_event_id: int | None = None,
        tag: str | Iterable[str] | None = None,
        batch: str | None = None,
    ) -> AsyncIterator[Event]:
        """Yield the changes of all jobs, or of a type, queue, tag, batch or status; without end.

        Begins with the next change or, with `last_event_id`, with the event after it; 0 replays
        everything. A broken connection is opened again and misses nothing.
        """
        filters = {"type": type, "queue": queue, "status": status, "tag": tag, "batch": batch}
        async for event in self._transport.events(requests.events(None, filters), last_event_id):
            yield event

    async def overview(self) -> Json:
        """Return the figures of all jobs, by type and queue, and the living workers."""
        return await self._transport.document(requests.get("/overview"))

    async def health(self) -> Json:
        """Ask once whether the service accepts jobs, and how many workers live (`runners`)."""
        return await self._transport.document(requests.get("/readyz", repeats=False))

    async def session(self) -> Json:
        """Return the name, role and quotas of the caller, and how much of each quota is used."""
        return await self._transport.document(requests.get("/session"))

    def _job(self, data: JobData) -> AsyncJob:
        return AsyncJob(self._transport, data)

    def _jobs(self, jobs: Iterable[AsyncJob | str]) -> Jobs:
        return [
            self._job(JobData(each, "queued")) if isinstance(each, str) else each for each in jobs
        ]


Jobs = list[AsyncJob]
Queues = list[QueueData]
PatternSets = list[PatternSetData]
"""Names for lists: in the class, `list` is a method."""

"""One job: its state, and the calls that wait for it, change it and read its output."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from jobservice import requests
from jobservice._async.transport import RETRY_SECONDS, TIMEOUT_SECONDS, AsyncTransport
from jobservice.blocking import async_sleep
from jobservice.documents import JobData, LineData, Status, read_job, read_line
from jobservice.errors import ApiError, FileDamaged, JobCanceled, JobFailed, WaitTimeout
from jobservice.event_stream import Event
from jobservice.json_values import Json, JsonValue
from jobservice.log_entries import (
    LogEntry,
    OutputLines,
    entries_of_event,
    entries_of_output,
    lines_of,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from jobservice.options import Changes

MIN_WAIT_SECONDS = 0.2
"""The least time between two requests of a wait, also if a response comes at once."""


class AsyncJob:
    """A job of the service. Its state is the one that was received last.

    Two objects are equal if they are the same job of the same service. A job can be pickled. The
    copy takes the token from the environment variable JOBS_TOKEN, since pickles may be stored.
    """

    def __init__(self, transport: AsyncTransport, data: JobData):
        self._transport = transport
        self._data = data
        self.retried_with = 0
        """How many jobs that follow it the last call of `retry` has retried, too."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.data.type} {self.status}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncJob) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __reduce__(self) -> tuple[object, ...]:
        return _unpickled, (self._transport.url, self._data)

    @property
    def _identity(self) -> tuple[str, str]:
        return self._transport.url, self.id

    @property
    def id(self) -> str:
        """The id of the job."""
        return self._data.job_id

    @property
    def status(self) -> Status:
        """The last known status: queued, running, succeeded, failed or canceled."""
        return self._data.status

    @property
    def data(self) -> JobData:
        """All that is known of the job. Right after a submission, that is only its submission."""
        return self._data

    @property
    def is_final(self) -> bool:
        """Whether the job has ended, as far as is known."""
        return self._data.is_final

    def update(self, data: JobData) -> None:
        """Take a newer state."""
        self._data = data

    async def refresh(self) -> AsyncJob:
        """Load the present state of the job."""
        return await self._load(0.0, None)

    async def wait(self, timeout: float | None = None) -> AsyncJob:
        """Wait until the job has ended. Raises WaitTimeout after `timeout` seconds.

        A wait survives restarts of the service, as long as they take no longer than the
        `retry_seconds` of the client.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            has_asked = False
            while not self.data.has_end:
                left = _left(deadline)
                if has_asked and left <= 0:
                    raise WaitTimeout(f"job {self.id} is still {self.status} after {timeout} s")
                asked_at, has_asked = time.monotonic(), True
                await self._load(left, deadline)
                if not self.is_final and time.monotonic() - asked_at < min(left, MIN_WAIT_SECONDS):
                    await async_sleep(MIN_WAIT_SECONDS)  # a stopping listener answers at once
        except WaitTimeout as error:
            raise WaitTimeout(str(error), [self]) from error.__cause__
        return self

    async def wait_up_to(self, seconds: float) -> bool:
        """Wait up to `seconds` for the end of the job; return whether it has ended."""
        try:
            await self.wait(seconds)
        except WaitTimeout:
            return False
        return True

    async def result(self, timeout: float | None = None) -> JsonValue:
        """Wait until the job has ended, and return its result.

        Raises JobFailed, JobCanceled, and WaitTimeout after `timeout` seconds.
        """
        await self.wait(timeout)
        if self.status == "failed":
            raise JobFailed(self, self.data.error)
        if self.status == "canceled":
            raise JobCanceled(self)
        return self.data.result

    async def cancel(self) -> AsyncJob:
        """Cancel the job. Its status is `canceled` when its process is gone.

        If that takes longer than two seconds, the status is still `running`: then wait for the
        end. Raises ApiError (job_ended) if the job has succeeded or failed.
        """
        answer = await self._transport.send(requests.cancel_job(self.id))
        self._data = replace(self._data, status=answer.document()["status"])
        return self

    async def count_canceled_with(self) -> int:
        """Return how many waiting jobs a cancel of this job would cancel, too.

        Raises ApiError (job_ended) if the job has succeeded or failed.
        """
        answer = await self._transport.send(requests.cancel_job(self.id, dry_run=True))
        return int(answer.document()["downstream"])

    async def change(self, **changes: Unpack[Changes]) -> AsyncJob:
        """Change options of the queued job: `job.change(priority=5, tags=["urgent"])`.

        Raises ApiError (job_not_queued) if the job has started.
        """
        answer = await self._transport.send(requests.update_job(self.id, changes))
        self._data = read_job(answer.document())
        return self

    async def retry(self, *, downstream: bool = False) -> AsyncJob:
        """Let a failed or canceled job run again. Raises ApiError for a job in another state.

        With `downstream`, so do the jobs that were canceled because of it. It need not have failed
        then, if there are such jobs.
        """
        await self.refresh()
        before = self.data.client_retries
        try:
            answer = await self._transport.send(requests.retry_job(self.id, downstream))
            self.retried_with = int(answer.document().get("downstream", 0))
        except ApiError as error:
            await self.refresh()
            # A try whose response was lost may have done it.
            if error.status != 409 or self.data.client_retries == before:
                raise
            return self
        return await self.refresh()

    async def delete(self) -> None:
        """Delete the job, which must be final, and its file."""
        await self._transport.send(requests.delete_job(self.id))

    async def comparison(
        self,
        before: AsyncJob | str | None = None,
        *,
        alpha: float | None = None,
        min_ratio: float | None = None,
    ) -> Json:
        """Compare this analysis with an earlier one. The answer has `counts` and `changes`.

        before: the earlier job or its id; by default the one that was named at the submission.
        alpha, min_ratio: the level of significance, by default 0.05, and the least factor between
        two rates that counts as a change, by default 1.5.
        """
        before_id = before.id if isinstance(before, AsyncJob) else before
        request = requests.compare_job(self.id, before_id, alpha, min_ratio)
        return dict((await self._transport.send(request)).document())

    async def explain_range(
        self, since: datetime | str, until: datetime | str | None = None
    ) -> Json:
        """Return what is different in a range of time of this analysis, and its `reasons`.

        since, until: times with a zone, or such as "-30m" before the last time; by default, the
        range ends with the log.
        """
        request = requests.job_range(self.id, since, until)
        return dict((await self._transport.send(request)).document())

    async def report(self, *, csv: str | None = None, before: AsyncJob | str | None = None) -> str:
        """Return the result of this analysis as an HTML page, which is one file.

        csv: the name of a table, such as patterns, to return as CSV instead.
        before: an earlier job, or its id, with which to compare this one.
        """
        before_id = before.id if isinstance(before, AsyncJob) else before
        kind = "html" if csv is None else "csv"
        answer = await self._transport.send(requests.job_report(self.id, kind, csv, before_id))
        return answer.body.decode()

    async def explain(self) -> Json:
        """Ask why the job does not run yet: `reasons`, its position, and when it may start."""
        answer = await self._transport.send(requests.get(f"{requests.job_path(self.id)}/explain"))
        return dict(answer.document())

    async def logs(
        self,
        follow: bool = False,
        attempt: int | None = None,
        *,
        level: str | None = None,
        stream: str | None = None,
    ) -> AsyncIterator[str]:
        """Yield the lines that an attempt printed, by default the newest, each with its line end.

        With `follow`, continue with new lines until the job ends or, if `attempt` is given, until
        that attempt ends. `level` and `stream` select lines as for `log_entries`.
        """
        if level or stream:
            async for entry in self.log_entries(follow, attempt, level=level, stream=stream):
                for line in lines_of(entry.text):
                    yield line
            return
        if follow:
            async for line in self._followed_output(attempt):
                yield line
            return
        answer = await self._transport.send(requests.job_output(self.id, attempt, as_json=False))
        for line in lines_of(answer.body.decode(errors="replace")):
            yield line

    async def log_entries(
        self,
        follow: bool = False,
        attempt: int | None = None,
        *,
        level: str | None = None,
        stream: str | None = None,
    ) -> AsyncIterator[LogEntry]:
        """Yield what an attempt printed and logged, by default the newest, entry by entry.

        follow, attempt: as for `logs`.
        level: only log entries of this level or a higher one: "debug", "info", "warning", "error"
        or "critical".
        stream: only entries of this stream: "stdout", "stderr" or "log".
        """
        request = requests.job_output(self.id, attempt, as_json=True, level=level, stream=stream)
        output = (await self._transport.send(request)).document()
        for entry in entries_of_output(output):
            yield entry
        if not follow:
            return
        async for event in self._output_events(output, attempt):
            for entry in entries_of_event(event.data):
                if entry.is_selected(level, stream):
                    yield entry

    async def lines(
        self,
        match: str | None = None,
        *,
        regex: str | None = None,
        ignore_case: bool = False,
        level: str | None = None,
        status: str | None = None,
        from_: datetime | str | None = None,
        to: datetime | str | None = None,
        line: int | None = None,
        before: int = 0,
        after: int = 0,
        limit: int | None = None,
        member: str | None = None,
        records: str | None = None,
    ) -> AsyncIterator[LineData]:
        """Yield the lines of the job's file that meet all conditions, page by page.

        match, regex: a text that a line contains, and a regex of RE2 that matches in it.
        level, status: "ERROR", "5xx", as an overview counts lines.
        from_, to: only lines at `from_` or later, and before `to`. "-30m" is before the last time.
        line: the number of the first line to look at.
        before, after: how many lines of context to yield around each; `limit` leaves them out.
        member: a file of an archive; by default all that the job has selected, one by one.
        records: "multi_line" for whole records of several lines, then `limit`, `before` and `after`
        count records; "lines" for lines; by default what the job has counted.

        Raises FileDamaged after the last line that can be read of a damaged file.
        """
        parameters = {
            **{"match": match, "regex": regex, "ignore_case": ignore_case, "from": from_, "to": to},
            **{"line": line, "before": before or None, "after": after or None, "limit": limit},
            **{"level": level, "status": status, "member": member, "records": records},
        }
        cursor: str | None = None
        while True:
            request = requests.job_lines(self.id, parameters, cursor)
            page = (await self._transport.send(request)).document()
            found = [read_line(each) for each in page["lines"]]
            for each in found:
                yield each
            if page["problem"]:
                raise FileDamaged(page["problem"])
            cursor = page["next"]
            if limit is not None:
                hits = sum(not (each.context or each.continues) for each in found)
                parameters["limit"] = limit = limit - hits
            if cursor is None or limit == 0:
                return

    async def events(self, last_event_id: int | None = None) -> AsyncIterator[Event]:
        """Yield the changes and the output of the job; the last event is `end`.

        The first event is the present state or, with `last_event_id`, the next event after it; 0
        replays everything. A broken connection is opened again and misses nothing.
        """
        async for event in self._transport.events(requests.events(self.id), last_event_id):
            if event.name == "status":
                self._data = replace(self._data, status=event.status or self.status)
            yield event

    async def _followed_output(self, attempt: int | None) -> AsyncIterator[str]:
        answer = await self._transport.send(requests.job_output(self.id, attempt, as_json=True))
        output, lines = answer.document(), OutputLines()
        for piece in output["pieces"]:
            for line in lines.take(output["attempt"], piece["position"], piece["text"]):
                yield line
        async for event in self._output_events(output, attempt):
            data = event.data
            for line in lines.take(data["attempt"], data["position"], data["text"]):
                yield line
        for line in lines.finish():
            yield line

    async def _output_events(self, output: Json, attempt: int | None) -> AsyncIterator[Event]:
        """Yield the events of the output that follows `output`, until the job or attempt ends."""
        async for event in self.events(last_event_id=output["version"]):
            number = event.data.get("attempt", 0)
            if attempt is not None and number > attempt:
                return
            if event.name == "log" and number >= output["attempt"]:
                yield event

    async def _load(self, wait: float, deadline: float | None) -> AsyncJob:
        answer = await self._transport.send(requests.get_job(self.id, wait), deadline)
        self._data = read_job(answer.document())
        return self


def _unpickled(url: str, data: JobData) -> AsyncJob:
    """Return a job that was pickled, with connections of its own."""
    token = os.environ.get("JOBS_TOKEN")
    return AsyncJob(AsyncTransport(url, token, TIMEOUT_SECONDS, RETRY_SECONDS), data)


def _left(deadline: float | None) -> float:
    """The seconds to a deadline, which may be negative."""
    return requests.MAX_WAIT_SECONDS if deadline is None else deadline - time.monotonic()

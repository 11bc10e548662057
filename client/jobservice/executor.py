"""An executor of `concurrent.futures` whose futures are jobs.

    with Client() as client, Executor(client) as executor:
        future = executor.submit("sleep", {"seconds": 5})
        print(future.result())

A job that was submitted is stored: it runs also if this program ends. One thread waits for all
jobs of an executor.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent import futures
from typing import Any

from jobservice._sync.client import Client
from jobservice._sync.job import Job
from jobservice.errors import ApiError, JobFailed, JobServiceError
from jobservice.json_values import JsonValue

LOOK_SECONDS = 0.1
"""How long one request waits for the ends of jobs; longer while none ends."""
MAX_LOOK_SECONDS = 0.5


class JobFuture(futures.Future[Any]):
    """The future result of a job. `result` raises JobFailed, or CancelledError."""

    def __init__(self, job: Job):
        super().__init__()
        self.job = job
        self._settling = threading.Lock()

    def cancel(self) -> bool:
        """Cancel the job, also a running one, and wait until its process is gone.

        Returns False if the job had ended already.
        """
        if self.done():
            return self.cancelled()
        try:
            self.job.cancel().wait()
        except ApiError as error:
            if error.code != "job_ended":
                raise
            self.job.refresh()
        self.settle()
        return self.cancelled()

    def running(self) -> bool:
        """Whether the job was running when it was last looked at."""
        return not self.done() and self.job.status == "running"

    def settle(self) -> None:
        """Set the result of the future if the job has ended and the future has no result yet."""
        with self._settling:  # the thread and a cancel may see the end at the same time
            if self.done():
                return
            if self.job.status == "canceled":
                super().cancel()
                self.set_running_or_notify_cancel()
            elif self.job.status == "failed":
                self.set_exception(JobFailed(self.job, self.job.data.error))
            elif self.job.status == "succeeded":
                self.set_result(self.job.data.result)

    def give_up(self, error: BaseException) -> None:
        """The end of the job cannot be learned."""
        with self._settling:
            if not self.done():
                self.set_exception(error)


class Executor(futures.Executor):
    """Runs jobs of the service. The first argument of `submit` is a job type, not a function."""

    def __init__(self, client: Client, **options: JsonValue):
        """`options` apply to all jobs, such as `queue`. Options of a call override them."""
        self._client = client
        self._options = options
        self._futures: list[JobFuture] = []
        self._changed = threading.Condition()
        self._is_shut_down = False
        self._thread: threading.Thread | None = None

    def submit(  # type: ignore[override]
        self, type: str, payload: Mapping[str, JsonValue] | None = None, /, **options: JsonValue
    ) -> JobFuture:
        """Submit a job. `options` are options of `Client.submit`: `file`, `priority` and others.

        Returns when the job is stored, and raises at once if the service refuses it.
        `map("sleep", payloads)` submits one job for each payload.
        """
        if callable(type):
            raise TypeError("an Executor takes the name of a job type, not a function")
        with self._changed:
            self._require_open()
        future = JobFuture(self._client.submit(type, payload, **{**self._options, **options}))
        with self._changed:
            self._futures.append(future)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._watch, name="jobservice-executor", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Stop taking jobs. With `wait`, wait until all jobs have ended.

        With `cancel_futures`, cancel all jobs that have not ended, running ones included.
        """
        with self._changed:
            self._is_shut_down = True
            self._changed.notify_all()
            unfinished, thread = list(self._futures), self._thread
        if cancel_futures:
            for future in unfinished:
                future.cancel()
        if wait and thread is not None:
            thread.join()

    def _require_open(self) -> None:
        if self._is_shut_down:
            raise RuntimeError("cannot submit jobs after shutdown")

    def _watch(self) -> None:
        """Settle futures until the executor is shut down and none is left."""
        pause = LOOK_SECONDS
        while unfinished := self._unfinished():
            by_id = {future.job.id: future for future in unfinished}
            try:
                ended = self._client.refresh_all([each.job for each in unfinished], pause)
            except JobServiceError as error:
                lost = by_id.get(getattr(error, "job_id", None) or "")
                for future in [lost] if lost else unfinished:
                    future.give_up(error)
                continue
            for job in ended:
                by_id[job.id].settle()
            pause = LOOK_SECONDS if ended else min(MAX_LOOK_SECONDS, 2 * pause)

    def _unfinished(self) -> list[JobFuture]:
        """Wait for a future that is not done, and return all of them. Empty after a shutdown."""
        with self._changed:
            while True:
                self._futures = [future for future in self._futures if not future.done()]
                if self._futures or self._is_shut_down:
                    return list(self._futures)
                self._changed.wait()

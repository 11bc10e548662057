"""The contract between a job type and what runs it. Imports nothing of ours.

    class Greet(JobType[GreetPayload]):      one class, in a module of its own
        name = "greet"                       `type` on the wire
        Payload = GreetPayload               a subclass of Payload below
        upload = "none"                      or "required"

        def run(self, payload: GreetPayload, context: Context) -> Any:
            return {"text": f"hello {payload.whom}"}

    JobError             the job failed; it is retried while retries are left
    └── NotRetryable     trying again would end the same way

Any other exception counts like a JobError. A job may run more than once (a retry, a rescue), so
what `run` does to the outside should be safe to repeat.
"""

import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from io import FileIO, RawIOBase
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

REPORT_SECONDS = 0.1
"""The least time between two reports of a job, in seconds."""

MAX_DATA_RATIO = 1000
"""Bytes of data for a byte of a compressed file: what deflate can do at most, and logs hardly."""


class JobError(Exception):
    """What a job type raises to fail its job; the message is for the client."""

    retryable: ClassVar[bool] = True


class NotRetryable(JobError):
    """The job fails now, whatever retries are left."""

    retryable = False


class Payload(BaseModel):
    """Base of every payload: no unknown fields, no coercion, no change after it is checked."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


P = TypeVar("P", bound=Payload)


class UploadFile:
    """The job's file. `name` is what the client called it, `size` is in bytes."""

    def __init__(self, path: Path, name: str, size: int) -> None:
        self._path, self.name, self.size = path, name, size

    @property
    def path(self) -> Path:
        """Where it is on a disk. One that is kept elsewhere is copied into the job's folder, when
        this is first asked for: it needs room there, and `open` does not. Raises JobError."""
        return self._path

    def stored(self) -> Any:
        """What runner.analysis takes: its path, or how it is read where it is. Raises as `open`."""
        self.open().close()  # says what is wrong with it, if anything
        return self._path

    def open(self) -> RawIOBase:
        """The file, unbuffered, for reading bytes: a file, or what is read from afar like one.

        Raises NotRetryable where there is none or it is not as long as it was when stored, JobError
        where the network fails.
        """
        try:
            file = FileIO(self._path)
        except OSError as error:
            raise NotRetryable(f"cannot read upload {self.name!r}: {error.strerror}") from error
        size = os.fstat(file.fileno()).st_size
        if size != self.size:
            file.close()
            raise NotRetryable(f"upload {self.name!r} has {size} bytes instead of {self.size}")
        return file


class Context:
    """What a running job knows of itself besides its payload."""

    def __init__(
        self,
        job_id: str,
        attempt: int,
        upload: UploadFile | None,
        send: Callable[[str], None],
        cores: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`send` takes progress as JSON text out of the job process; `clock` is in seconds.

        `cores`: how many processors the job may keep busy, beside the jobs that run with it.
        """
        self.job_id = job_id
        self.attempt = attempt
        self.upload = upload
        self.cores = cores
        self.max_data_bytes: int | None = None
        """What a compressed file may become; None for any size."""
        self.max_data_ratio = MAX_DATA_RATIO
        """How many bytes each of its bytes may become."""
        self._send = send
        self._clock = clock
        self._next_report = float("-inf")
        self._unsent: dict[str, Any] | None = None

    def report(self, progress: dict[str, Any]) -> None:
        """Tell how far the job is, as a JSON object. Call it as often as is handy.

        At most ten a second leave the job process; of the others, only the last one may.
        """
        self._unsent = progress
        now = self._clock()
        if now >= self._next_report:
            self._next_report = now + REPORT_SECONDS
            self.flush()

    def flush(self) -> None:
        """Send the last report, if it was held back; done for every job at its end."""
        if self._unsent is not None:
            progress, self._unsent = self._unsent, None
            self._send(to_json("progress", progress))


class JobType(ABC, Generic[P]):
    """The code that a job names.

    Made without arguments, once a process; it serves many jobs, so it keeps no state of one.
    """

    name: ClassVar[str]
    Payload: type[P]
    upload: ClassVar[Literal["none", "required"]]

    def load(self) -> None:
        """Import, or read, what jobs of this type need and a listener does not: large libraries, a
        model. Called once in a worker, before job processes are forked: they share it in memory,
        and a generator of random numbers that is made here gives all of them the same.

        A worker does not start where this raises.
        """

    def source(self, payload: P) -> UUID | None:
        """The earlier job whose file serves instead of an upload, if the payload names one."""
        return None

    @abstractmethod
    def run(self, payload: P, context: Context) -> Any:
        """Do the job, in its own process, and return its result: anything that JSON can hold.

        With `upload = "required"`, `context.upload` is never None. Raises what it likes.
        """


_JSON = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def to_json(what: str, value: object) -> str:
    """`value` as JSON text. Raises NotRetryable, naming `what` it is, where JSON cannot hold it."""
    try:
        text = _JSON.encode(value)
        text.encode()  # a lone surrogate passes as JSON and then fits no pipe and no database
    except (TypeError, ValueError, RecursionError) as error:
        raise NotRetryable(f"{what} is not JSON: {error}") from error
    return text

"""The base classes for job types, and the errors that they raise.

A job type is a subclass of `JobType` in a module of its own::

    class GreetPayload(Payload):
        whom: str

    class Greet(JobType[GreetPayload]):
        name = "greet"                       # the `type` that clients submit
        Payload = GreetPayload               # validates the payload that clients submit
        upload = "none"                      # or "required", or "optional": the job gets a file

        def run(self, payload: GreetPayload, context: Context) -> object:
            return {"text": f"hello {payload.whom}"}

To fail a job, `run` raises one of these, or any other exception, which counts as a JobError::

    JobError             the job is retried while it has retries left
    └── NotRetryable     the job fails now, because trying again would not help

A job can run more than once: after an error, or after the death of a worker. So the effects of
`run` on the outside should be safe to repeat.

This module imports no other module of the service.
"""

import json
import logging
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, FileIO, RawIOBase
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from runner.job_types.json_values import Json, JsonValue

FILES_FOLDER = "stored-files"
"""The name of the folder of `Context.files`. The keeper of a job looks for this name."""
REPORT_SECONDS = 0.1
"""The shortest interval, in seconds, at which progress leaves the job process."""

MAX_DATA_BYTES = 256 << 30
"""The most bytes that a compressed upload may expand to."""
MAX_DATA_RATIO = 1000
"""The highest ratio of expanded to compressed bytes, above 1 GiB of data.

Deflate expands a byte to about 1,000 bytes at most, and log files hardly reach that.
"""


class JobError(Exception):
    """Fails the current attempt of a job. Clients see the message."""

    retryable: ClassVar[bool] = True
    """Whether the job is retried while it has retries left."""


class NotRetryable(JobError):
    """Fails a job at once, even if it has retries left."""

    retryable = False


class WrongSet(Exception):
    """A pattern set that a payload names cannot be used. `index` is its place among the names."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(index, message)
        self.index, self.message = index, message


class Payload(BaseModel):
    """The base class of payloads: a Pydantic model that is strict and immutable.

    It rejects unknown fields and does not convert types, so the text "1" is not accepted as a
    number.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


P = TypeVar("P", bound=Payload)


@dataclass(frozen=True)
class Defaults:
    """The options of jobs of a type whose submissions leave them out.

    Units and bounds are as for the options of a submission. None: the default of the service.
    """

    timeout: float | None = None
    max_retries: int | None = None
    backoff: JsonValue = None
    queue: str | None = None
    priority: int | None = None
    keep_for: float | None = None
    memory_bytes: int | None = None
    cpu_seconds: int | None = None
    max_output_bytes: int | None = None
    nice: int | None = None

    def given(self) -> Json:
        """Return the options that are not None, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


NO_DEFAULTS = Defaults()


class UploadFile:
    """The file that a client uploaded for a job."""

    def __init__(self, path: Path, name: str | None = None, size: int | None = None) -> None:
        """`name` is the file name that the client gave; `size` is in bytes.

        Tests of a job type can leave both out: `path` then determines them.
        """
        self._path, self.name = path, path.name if name is None else name
        self.size = path.stat().st_size if size is None else size

    @property
    def path(self) -> Path:
        """The path of the file on a local disk.

        If the file is stored elsewhere, the first access copies it into the work folder of the job
        and raises JobError if that fails. The copy takes disk space; `open` needs none.
        """
        return self._path

    def stored(self) -> JsonValue:
        """Return a source for `loganalysis`: a path, or a file that is read over the network.

        Raises the same errors as `open`.
        """
        self.open().close()  # raises if the file cannot be read
        return self._path

    def open(self) -> RawIOBase:
        """Open the file for reading bytes, unbuffered. A remote file is read over the network.

        Raises NotRetryable if the file is missing or its size has changed since the upload, and
        JobError if the network fails.
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

    def read_bytes(self) -> bytes:
        """Return the whole file. Raises the same errors as `open`."""
        with BufferedReader(self.open()) as file:
            return file.read()

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return the whole file as text, with its line breaks as they are.

        Raises the same errors as `open`, and UnicodeDecodeError.
        """
        return self.read_bytes().decode(encoding)


class JobLog:
    """Logs what a job does: messages with a level and, as keywords, fields::

        context.log.info("resized", width=300, name="cat.png")
        context.log.warning("%d rows have no date", missing, table="visits")

    Clients can filter by the level and read the fields. Further positional arguments are inserted
    into the message, as `logging` does it. `logger` is the logger below, for all else.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger

    def debug(self, message: object, /, *arguments: object, **fields: object) -> None:
        """Log details. They are dropped unless the job sets `context.log.logger` to DEBUG."""
        self._log(logging.DEBUG, message, arguments, fields)

    def info(self, message: object, /, *arguments: object, **fields: object) -> None:
        """Log what happens as expected."""
        self._log(logging.INFO, message, arguments, fields)

    def warning(self, message: object, /, *arguments: object, **fields: object) -> None:
        """Log a problem that deserves a look, although the job goes on."""
        self._log(logging.WARNING, message, arguments, fields)

    def error(self, message: object, /, *arguments: object, **fields: object) -> None:
        """Log that something has failed."""
        self._log(logging.ERROR, message, arguments, fields)

    def critical(self, message: object, /, *arguments: object, **fields: object) -> None:
        """Log that the job cannot go on."""
        self._log(logging.CRITICAL, message, arguments, fields)

    def exception(self, message: object, /, *arguments: object, **fields: object) -> None:
        """Log an error with the traceback of the exception that is being handled."""
        self._log(logging.ERROR, message, arguments, fields, exc_info=True)

    def _log(
        self,
        level: int,
        message: object,
        arguments: tuple[object, ...],
        fields: dict[str, object],
        exc_info: bool = False,
    ) -> None:
        extra = {"fields": fields} if fields else None
        self.logger.log(level, message, *arguments, exc_info=exc_info, extra=extra, stacklevel=3)


JOB_LOG = JobLog(logging.getLogger("job"))


class Context:
    """Gives a running job its id, its upload, and ways to report progress and to log.

    job_id: the id of the job, as text.
    attempt: the number of this attempt, from 1.
    upload: the uploaded file; None if the job has none. Several files are one zip archive here.
    cores: how many processors the job may keep busy, given the other jobs that run now.
    max_data_bytes: the most bytes that a compressed upload may expand to; None for no limit.
    max_data_ratio: the highest ratio of expanded to compressed bytes.
    log: the log of the job, whose lines clients read as the output of the attempt.
    """

    def __init__(
        self,
        job_id: str,
        attempt: int,
        upload: UploadFile | None,
        send: Callable[[str], None],
        cores: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`send` gets progress as JSON text; `clock` returns seconds."""
        self.job_id = job_id
        self.attempt = attempt
        self.upload = upload
        self.cores = cores
        self.max_data_bytes: int | None = MAX_DATA_BYTES
        self.max_data_ratio = MAX_DATA_RATIO
        self.work_folder = os.getcwd()
        self.log = JOB_LOG
        self.list_uploads: Callable[[UploadFile], list[UploadFile]] = lambda upload: [upload]
        self._uploads: list[UploadFile] | None = None
        self._send = send
        self._clock = clock
        self._next_report = float("-inf")
        self._unsent: Json | None = None

    @property
    def files(self) -> Path:
        """A folder: the service stores with the job what is in it after `run` has returned.

        The folder is made at the first access. It may have folders; names are relative paths, of
        at most 255 bytes. Only regular files can be stored. Files of an attempt that fails are not
        stored.
        """
        folder = Path(self.work_folder, FILES_FOLDER)
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def uploads(self) -> list[UploadFile]:
        """All uploaded files: several, one, or none. Raises as `UploadFile.open`."""
        if self._uploads is None:
            self._uploads = [] if self.upload is None else self.list_uploads(self.upload)
        return list(self._uploads)

    def report(self, progress: Json) -> None:
        """Report how far the job is, as an object that JSON can hold.

        It is cheap to call often: at most ten reports a second leave the job process, and newer
        reports replace older ones. Raises NotRetryable if JSON cannot hold the object.
        """
        self._unsent = progress
        now = self._clock()
        if now >= self._next_report:
            self._next_report = now + REPORT_SECONDS
            self.flush()

    def flush(self) -> None:
        """Send the newest report if it has not been sent. The service calls this after `run`."""
        if self._unsent is not None:
            progress, self._unsent = self._unsent, None
            self._send(to_json("progress", progress))


Isolation = Literal["caller", "shared", "fresh"]
"""Which jobs may run in one process, one after the other."""


class JobType(ABC, Generic[P]):
    """The base class of job types: the code that runs a kind of job.

    A subclass sets three class attributes and implements `run`:

    name: the `type` that clients submit; unique among all job types.
    Payload: the subclass of `base.Payload` that validates payloads.
    upload: "required" if a job needs an uploaded file, "optional" if it can have one, or "none".

    These may be left out:

    defaults: options of jobs whose submissions leave them out.
    version: any text that says which code this is; clients see it.
    isolation: which jobs a process runs one after the other: "caller": all jobs of one caller;
        "shared": jobs of all callers, of all types that say so; "fresh": a single job.
    network: False if the jobs must not use the network. They fail if that cannot be prevented.

    Each process makes one instance, without arguments. It serves many jobs, so `run` must not
    leave state of a job on it.
    """

    name: ClassVar[str]
    Payload: type[P]
    upload: ClassVar[Literal["none", "required", "optional"]]
    defaults: ClassVar[Defaults] = NO_DEFAULTS
    version: ClassVar[str] = ""
    isolation: ClassVar[Isolation] = "caller"
    network: ClassVar[bool] = True

    @property
    def summary(self) -> str:
        """The first line of the docstring of the class; empty without one."""
        return (type(self).__doc__ or "").strip().partition("\n")[0]

    def load(self) -> None:
        """Import or read what jobs need and the listener does not: large libraries, a model.

        A worker calls this once, before it forks its job processes. They share the loaded data in
        memory. They also share the state of a random number generator that is created here, so all
        of them would draw the same numbers. If this method raises, the worker does not start.
        """

    def source(self, payload: P) -> UUID | None:
        """Return the id of an earlier job whose file this job uses, or None if it has an upload."""
        return None

    def compared(self, payload: P) -> UUID | None:
        """Return the id of an earlier job of this type whose result this job is compared with."""
        return None

    def reuses(self, payload: P) -> bool:
        """Return whether the result of an earlier job with an equal question may be the answer."""
        return False

    def question(self, payload: P) -> str:
        """Return all that decides what the result is, besides the file, as text."""
        return json.dumps(payload.model_dump(mode="json"), sort_keys=True)

    def refuses_files(self, count: int) -> str | None:
        """Return why a job cannot have so many uploaded files, and None if it can.

        Clients get the text when they submit the job. `upload` says whether it can have none.
        """
        return None

    def pattern_sets(self, payload: Json) -> list[str]:
        """Return the names of the pattern sets that a payload uses; it was not validated yet."""
        return []

    def with_pattern_sets(self, payload: Json, sets: Mapping[str, Sequence[JsonValue]]) -> Json:
        """Return the payload with the patterns of these sets: the job to store.

        `sets` has the patterns of each set by its name, as JSON has them. Raises WrongSet.
        """
        return payload

    def is_slow_to_check(self, payload: Json) -> bool:
        """Return whether validating this payload may take more than some milliseconds.

        The listener then validates it in another process, and answers other requests meanwhile.
        `payload` is JSON that was not validated yet. Large payloads always count as slow.
        """
        return False

    @abstractmethod
    def run(self, payload: P, context: Context) -> JsonValue:
        """Run a job in its own process, and return its result: any value that JSON can hold.

        It may also return a Path, or a list of Paths, to files or folders in the work folder. Then
        these are stored as if they were in `context.files`, and the result is their names:
        `{"files": [...]}`. A Path within a dict or a list is stored, too, and becomes its name.

        With `upload = "required"`, `context.upload` is never None. Any exception fails the attempt;
        a NotRetryable fails the job.
        """


AnyJobType = JobType[Any]
"""A job type, whatever its payload."""


_LEAVES = frozenset({str, int, float, bool, type(None)})
"""Types of most values in a result; no such value is or holds a Path."""


def has_path(value: object) -> bool:
    """Return whether a value is a Path, or a list, tuple or dict with one at any depth."""
    try:
        if isinstance(value, dict):
            return any(map(has_path, [v for v in value.values() if type(v) not in _LEAVES]))
        if isinstance(value, list | tuple):
            return any(map(has_path, [v for v in value if type(v) not in _LEAVES]))
    except RecursionError:  # JSON cannot hold it either
        return False
    return isinstance(value, Path)


_JSON = json.JSONEncoder(allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def to_json(what: str, value: object) -> str:
    """Return `value` as JSON text; raises NotRetryable if JSON cannot hold it.

    `what` names the value in the error message.
    """
    try:
        text = _JSON.encode(value)
        text.encode()  # raises for a lone surrogate: JSON allows it, pipes and databases do not
    except (TypeError, ValueError, RecursionError) as error:
        raise NotRetryable(f"{what} is not JSON: {error}") from error
    return text

"""Job types that run a program: one for each command of COMMANDS_FILE."""

import contextlib
import errno
import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from pydantic import create_model

from runner.job_types.base import (
    Context,
    Defaults,
    JobError,
    JobType,
    NotRetryable,
    Payload,
)
from runner.job_types.commands import process
from runner.job_types.commands.definition import UPLOAD, UPLOADS, Definition, OutputFile
from runner.job_types.commands.made_files import move_files, names_in, stored_path
from runner.job_types.commands.process import Ended, OutputTooLong
from runner.job_types.commands.progress import LineProgress, progress_pattern
from runner.job_types.commands.template import Template
from runner.job_types.json_values import Json, JsonValue

MAX_OUTPUT_BYTES = 16 * 2**20
"""The most standard output that can become a result: no result is larger."""


class MissingProgram(JobError):
    """This worker does not have the program of a command."""

    remedy = "install it where the worker runs, and start the worker again"


class CommandFailed(JobError):
    """The program of a command has ended with an exit code that means a failure."""

    def __init__(self, message: str, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable  # type: ignore[misc]


class CpuTimeExceeded(JobError):
    """The program of a command has used more CPU time than it may."""


class FileTooLarge(JobError):
    """The program of a command has written a larger file than it may."""


class Command(JobType[Any]):
    """The base class of the job types of commands."""

    definition: ClassVar[Definition]
    line: ClassVar[int]
    """The line of COMMANDS_FILE on which the command begins."""

    @property
    def program(self) -> str:
        """The program: a name in PATH, or a path."""
        return str(self.definition.argv[0])

    def load(self) -> None:
        """Raise MissingProgram if this worker does not have the program."""
        path = self.definition.env.get("PATH", os.environ.get("PATH", os.defpath))
        if Template(path).names:
            return  # only a job knows it
        if shutil.which(self.program, path=path) is None:
            raise MissingProgram(f"this worker has no program {self.program!r} (PATH={path})")

    def run(self, payload: Payload, context: Context) -> JsonValue:
        """Run the program. Its exit code decides whether the job succeeds."""
        values = self._values(payload, context)
        ended = self._run(values, context)
        if ended.code < 0:
            self._on_signal(-ended.code)
        outcome = self.definition.outcome(ended.code)
        if outcome != "succeeded":
            raise CommandFailed(self._complaint(ended), retryable=outcome == "retry")
        if self.definition.files:
            patterns = self.definition.file_patterns(values)
            inputs = {os.path.relpath(path) for path in values.get(UPLOADS) or ()}
            move_files(patterns, Path.cwd(), context.files, {self.definition.upload_as, *inputs})
        return self._result(ended, context)

    def _values(self, payload: Payload, context: Context) -> Json:
        """Return the values of all parameters, and the values that every command has."""
        values: Json = {
            "attempt": context.attempt,
            "cores": context.cores,
            "folder": os.getcwd(),
            "job_id": context.job_id,
        }
        if (upload := context.upload) is not None:
            inserted = self.definition.inserted
            values[UPLOAD] = str(self._named(upload.path)) if UPLOAD in inserted else True
            paths = context.uploads if UPLOADS in inserted else ()
            values[UPLOADS] = [str(each.path) for each in paths]
        if "files" in self.definition.used:
            values["files"] = str(context.files)
        return {**values, **vars(payload)}

    def _named(self, upload: Path) -> Path:
        """Return a path of the upload that ends in the name that the program expects."""
        if not self.definition.upload_as:
            return upload
        link = Path.cwd() / self.definition.upload_as
        link.symlink_to(upload)
        return link

    def _run(self, values: Json, context: Context) -> Ended:
        definition = self.definition
        folder = definition.working_folder or os.getcwd()
        env = {**os.environ, **definition.environment(values)}
        source, output, limit = None, None, None
        problem: JobError
        with contextlib.ExitStack() as opened:
            if definition.stdin == "upload" and context.upload:
                source = opened.enter_context(context.upload.open())
            if isinstance(definition.stdout, OutputFile):
                name = Template(definition.stdout.file).fill(values)
                output = opened.enter_context(stored_path(context.files, name).open("wb")).fileno()
            elif definition.stdout != "log":
                limit = MAX_OUTPUT_BYTES
            try:
                arguments = definition.arguments(values)
                reader = self._reader(context)
                return process.run(arguments, env, folder, source, limit, output, reader)
            except OutputTooLong:
                problem = NotRetryable(
                    f"{self.program} wrote more than {limit} bytes to its standard output, which "
                    f"becomes the result"
                )
            except OSError as error:
                problem = self._not_started(error, folder)
        raise problem  # not above: a traceback of this code says nothing about the command

    def _reader(self, context: Context) -> Callable[[], LineProgress] | None:
        if not self.definition.progress:
            return None
        return partial(LineProgress, progress_pattern(self.definition.progress), context.report)

    def _not_started(self, error: OSError, folder: str) -> JobError:
        """Return the error of a job whose program cannot be started, or its upload not read."""
        if error.filename is None and error.errno != errno.E2BIG:
            return JobError(f"cannot read the upload: {error.strerror or error}")
        if error.filename == folder:
            return NotRetryable(f"working_folder {folder!r}: {error.strerror}")
        remedy = {
            errno.ENOENT: "install it where the worker runs, and restart the worker",
            errno.EACCES: "make it executable (chmod 755), and name its folder in JOB_READ_PATHS",
            errno.ENOEXEC: "a script needs a first line such as #!/bin/sh",
            errno.E2BIG: "its arguments are longer than the system allows",
        }.get(error.errno or 0, "")
        reason = f"cannot run {self.program!r}: {error.strerror}"
        return NotRetryable(f"{reason}; {remedy}" if remedy else reason)

    def _on_signal(self, number: int) -> None:
        """Raise the right error for some signals; return for others."""
        if number == signal.SIGXCPU:
            raise CpuTimeExceeded(f"{self.program} used more CPU time than it may")
        if number == signal.SIGXFSZ:
            raise FileTooLarge(f"{self.program} wrote a file beyond JOB_FOLDER_BYTES")
        if number == signal.SIGKILL:
            _share_fate()

    def _complaint(self, ended: Ended) -> str:
        if ended.code >= 0:
            how = f"exited with code {ended.code}"
        else:
            how = f"was killed by {_signal_name(-ended.code)}"
        return f"{self.program} {how}{f': {ended.last_line}' if ended.last_line else ''}"

    def _result(self, ended: Ended, context: Context) -> JsonValue:
        stdout = self.definition.stdout
        if stdout == "text":
            return ended.output.decode("utf-8", "replace")
        if stdout == "json":
            return self._parsed(ended.output)
        result: Json = {"exit_code": ended.code}
        if self.definition.stores_files:
            result["files"] = names_in(context.files)
        return result

    def _parsed(self, output: bytes) -> JsonValue:
        try:
            return json.loads(output, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            reason = f"the standard output of {self.program} is not JSON: {error}"
        raise NotRetryable(reason)


def command_type(name: str, definition: Definition, line: int = 1) -> type[Command]:
    """Make the job type of a command. Raises ValueError if its payload cannot be described."""
    words = "".join(word.capitalize() for word in re.findall("[A-Za-z0-9]+", name))
    first = definition.first_names
    fields: Json = {
        each: parameter.field(each in first, definition.is_optional(each), definition.is_flag(each))
        for each, parameter in definition.parameters.items()
    }
    module, about = f"{__name__}.{name}", definition.summary or f"Runs {definition.argv[0]}."
    payload = create_model(
        f"{words}Payload",
        __base__=Payload,
        __module__=module,
        __doc__=about,
        **fields,
    )
    attributes = {
        "__doc__": about,
        "__module__": module,
        "name": name,
        "line": line,
        "Payload": payload,
        "upload": definition.takes_upload,
        "version": definition.version,
        "defaults": Defaults(**definition.defaults),
        "isolation": definition.isolation,
        "network": definition.network,
        "definition": definition,
    }
    return type(f"{words}Command", (Command,), attributes)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _share_fate() -> None:
    """End this process by SIGKILL, as its program has ended.

    Only the keeper can find out if memory had run out. It looks when SIGKILL ends the job process.
    """
    os.kill(os.getpid(), signal.SIGKILL)

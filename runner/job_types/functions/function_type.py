"""The job type that a function becomes: it calls the function for each job."""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from runner.job_types.base import Context, JobType, NotRetryable, Payload, UploadFile, has_path
from runner.job_types.functions.signature import Signature
from runner.job_types.json_values import Json, JsonValue
from runner.job_types.payload_errors import flaws
from runner.job_types.returned_files import keep_returned_files


class InvalidPayload(ValueError):
    """The arguments of a function are not valid. The message names each wrong field."""


class FunctionType(JobType[Payload]):
    """The base class of job types that are functions. `job` makes the subclasses."""

    functions: ClassVar[tuple[Callable[..., object], Callable[[], object] | None]]
    """The function, and its `load`. In a tuple, they do not become methods."""
    signature: ClassVar[Signature]
    fields: ClassVar[dict[str, str]]
    """The field of the payload for each parameter that is one."""
    file_name: ClassVar[str]
    """The name of the file that is made of bytes which the function returns."""

    def load(self) -> None:
        """Call the function's `load`, and import what coroutines need."""
        function, load = self.functions
        if inspect.iscoroutinefunction(function):
            importlib.import_module("asyncio")
        if load is not None:
            load()

    def refuses_files(self, count: int) -> str | None:
        """Return why the function cannot be called with so many files; None if it can."""
        return self.signature.refuses_files(count)

    def run(self, payload: Payload, context: Context) -> JsonValue:
        """Call the function, wait for it if it is a coroutine, and return its result.

        Bytes become a file of the job, paths are returned as they are, and all else as JSON.
        """
        values = {name: getattr(payload, field) for name, field in self.fields.items()}
        by_position, by_name = self.signature.arguments(values, context, context.uploads)
        result = self.functions[0](*by_position, **by_name)
        if inspect.iscoroutine(result):
            import asyncio

            result = asyncio.run(result)
        if isinstance(result, (bytes, bytearray, memoryview)):
            file = context.files / self.file_name
            file.write_bytes(result)
            return file
        return _plain(result)

    @classmethod
    def read_call(
        cls, args: Sequence[object], kwargs: Mapping[str, JsonValue]
    ) -> tuple[Json, list[tuple[str, Path]]]:
        """Return the payload, and the name and path of each file, of the job that makes a call.

        Raises TypeError if the function does not take the arguments, and InvalidPayload.
        """
        values = inspect.signature(cls.functions[0]).bind(*args, **kwargs).arguments
        payload = {
            each.name: values[each.name] for each in cls.signature.fields if each.name in values
        }
        as_json: Json = _json(payload)
        cls._validated(as_json)
        given = [values.get(each.name) or [] for each in cls.signature.files]
        files = [file for each in given for file in (each if isinstance(each, list) else [each])]
        return as_json, [(file.name, file.path) for file in files]

    @classmethod
    def run_here(
        cls, payload: Json, files: Mapping[str, Path], folder: Path
    ) -> tuple[JsonValue, Path]:
        """Run a job in this process, for tests; return its result and the folder of its files.

        `files` has the uploads by name, and `folder` is its work folder. Raises InvalidPayload,
        NotRetryable for a wrong number of files, and what `run` raises.
        """
        context = Context("00000000-0000-7000-8000-000000000000", 1, None, lambda _: None)
        context.work_folder = str(folder)
        uploads = [UploadFile(path, name) for name, path in files.items()]
        context.upload = uploads[0] if uploads else None
        context.list_uploads = lambda _: uploads
        done = cls().run(cls._validated(payload), context)
        return keep_returned_files(done, context), context.files

    @classmethod
    def _validated(cls, payload: Json) -> Payload:
        try:
            return cls.Payload.model_validate(payload)
        except ValidationError as error:
            found = flaws(error, payload, cls.Payload)
            texts = [f"payload.{flaw.path}: {flaw.detail}" for flaw in found]
            raise InvalidPayload("; ".join(texts)) from None


_RESULT = TypeAdapter[Any](Any, config=ConfigDict(ser_json_inf_nan="constants"))


def _plain(result: Any) -> JsonValue:
    """Return a result as JSON; paths stay as they are, for the service to keep their files.

    Raises NotRetryable if JSON cannot hold the result.
    """
    if isinstance(result, Path):
        return result
    if has_path(result):
        if isinstance(result, dict):
            return {next(iter(_json({key: None}))): _plain(each) for key, each in result.items()}
        return [_plain(each) for each in result]
    return _json(result)


def _json(value: object) -> JsonValue:
    try:
        return _RESULT.dump_python(value, mode="json")
    except ValueError as error:
        raise NotRetryable(f"result is not JSON: {error}") from None

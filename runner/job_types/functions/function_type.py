"""The job type that a function becomes: it calls the function for each job."""

import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, TypeAdapter

from runner.job_types.base import Context, JobType, NotRetryable, Payload, has_path
from runner.job_types.functions.signature import Signature


class FunctionType(JobType[Payload]):
    """The base class of job types that are functions. `job` makes the subclasses."""

    functions: ClassVar[tuple[Callable[..., Any], Callable[[], Any] | None]]
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

    def run(self, payload: Payload, context: Context) -> Any:
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


_RESULT = TypeAdapter[Any](Any, config=ConfigDict(ser_json_inf_nan="constants"))


def _plain(result: Any) -> Any:
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


def _json(value: Any) -> Any:
    try:
        return _RESULT.dump_python(value, mode="json")
    except ValueError as error:
        raise NotRetryable(f"result is not JSON: {error}") from None

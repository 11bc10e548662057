"""The decorator `job`, which makes a job type of a function.

    @job("resize", timeout=60)
    def resize(image: File, width: int, context: Context) -> Path:
        \"\"\"Make an image smaller.\"\"\"

The function itself stays as it is, so that tests can call it. Its attribute `job_type` is the class
that the loader finds.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar, TypeVar, overload

from pydantic import ConfigDict, TypeAdapter, ValidationError

from loganalysis import flaws
from runner.job_types.base import (
    Context,
    Defaults,
    Isolation,
    JobType,
    NotRetryable,
    Payload,
    UploadFile,
    has_path,
)
from runner.job_types.functions.payload import payload_model
from runner.job_types.functions.signature import InvalidFunction, Signature, read_signature
from runner.job_types.json_values import Json, JsonValue
from runner.job_types.returned_files import keep_returned_files

F = TypeVar("F", bound=Callable[..., object])


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


@overload
def job(name: F, /) -> F: ...


@overload
def job(
    name: str = ...,
    /,
    *,
    load: Callable[[], object] | None = ...,
    version: str = ...,
    isolation: Isolation = ...,
    network: bool = ...,
    file_name: str = ...,
    **defaults: Any,
) -> Callable[[F], F]: ...


def job(
    name: Any = "",
    /,
    *,
    load: Callable[[], object] | None = None,
    version: str = "",
    isolation: Isolation = "caller",
    network: bool = True,
    file_name: str = "result.bin",
    **defaults: Any,
) -> Any:
    """Make a job type of a function, whose parameters are the fields of the payload.

    Every parameter needs an annotation. Pydantic derives the schema of the payload from them, and a
    default makes a field optional. A parameter that is a `File` gets the uploaded file, and one
    that is a `Context` or named `context` gets the context. An `async def` runs in an event loop of
    its own.

    name: the `type` that clients submit; the name of the function if left out.
    load: called once by each worker, before it forks job processes, as `JobType.load`.
    version, isolation, network: as the attributes of a JobType.
    file_name: the name of the file of the job that is made of bytes which the function returns.
    defaults: the fields of `Defaults`, such as timeout=60 and max_retries=3.

    Raises InvalidFunction, when the module is imported, if no job type can be derived.
    """
    if callable(name):
        return job()(name)
    if not isinstance(name, str):
        raise InvalidFunction(str(name), ['its name must be a text, as in @job("resize")'])

    def decorate(function: F) -> F:
        shown = name or getattr(function, "__name__", "")
        attributes = {
            "defaults": _defaults(shown, defaults),
            "version": version,
            "isolation": isolation,
            "network": network,
            "file_name": _checked(shown, file_name),
        }
        vars(function)["job_type"] = _job_type(shown, function, load, attributes)
        return function

    return decorate


def _defaults(name: str, given: dict[str, Any]) -> Defaults:
    known = [each.name for each in fields(Defaults)]
    if unknown := sorted(given.keys() - set(known)):
        texts = f"@job has no option {unknown[0]}; it has {', '.join(known)}"
        rest = "load, version, isolation, network and file_name"
        raise InvalidFunction(name, [f"{texts}, {rest}"])
    return Defaults(**given)


def _checked(name: str, file_name: Any) -> str:
    if not isinstance(file_name, str) or file_name in {"", ".", ".."} or "/" in file_name:
        raise InvalidFunction(name, ['file_name must be a name, as in file_name="small.png"'])
    return file_name


def _job_type(
    name: str,
    function: Callable[..., object],
    load: Callable[[], object] | None,
    attributes: dict[str, Any],
) -> type[FunctionType]:
    signature = read_signature(name, function)
    doc = inspect.getdoc(function) or ""
    summary = doc.strip().partition("\n")[0]
    model, names = payload_model(name, function.__module__, summary, signature.fields)
    attributes = {
        **attributes,
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "__doc__": doc,
        "__firstlineno__": function.__code__.co_firstlineno,  # as Python 3.13 has it of a class
        "name": name,
        "Payload": model,
        "upload": signature.upload,
        "functions": (function, load),
        "signature": signature,
        "fields": names,
    }
    return type(function.__name__, (FunctionType,), attributes)


class InvalidPayload(ValueError):
    """The arguments of a function are not valid. The message names each wrong field."""


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

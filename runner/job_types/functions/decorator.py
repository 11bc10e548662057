"""The decorator `job`, which makes a job type of a function.

    @job("resize", timeout=60)
    def resize(image: File, width: int, context: Context) -> Path:
        \"\"\"Make an image smaller.\"\"\"

The function itself stays as it is, so that tests can call it. Its attribute `job_type` is the class
that the loader finds.
"""

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar, overload

from runner.job_types.base import Defaults, Isolation
from runner.job_types.functions.function_type import FunctionType
from runner.job_types.functions.payload import payload_model
from runner.job_types.functions.signature import InvalidFunction, read_signature

F = TypeVar("F", bound=Callable[..., object])


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

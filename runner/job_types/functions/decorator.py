"""The decorator `job`, which makes a job type of a function.

    @job("resize")
    def resize(image: File, width: int, context: Context) -> Path:
        \"\"\"Make an image smaller.\"\"\"

The function itself stays as it is, so that tests can call it. Its attribute `job_type` is the class
that the loader finds.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from runner.job_types.functions.function_type import FunctionType
from runner.job_types.functions.payload import payload_model
from runner.job_types.functions.signature import InvalidFunction, read_signature

F = TypeVar("F", bound=Callable[..., Any])


@overload
def job(name: F, /) -> F: ...
@overload
def job(
    name: str = ...,
    /,
    *,
    load: Callable[[], Any] | None = ...,
) -> Callable[[F], F]: ...
def job(
    name: Any = "",
    /,
    *,
    load: Callable[[], Any] | None = None,
) -> Any:
    """Make a job type of a function, whose parameters are the fields of the payload.

    Every parameter needs an annotation. Pydantic derives the schema of the payload from them, and a
    default makes a field optional. A parameter that is a `File` gets the uploaded file, and one
    that is a `Context` or named `context` gets the context. An `async def` runs in an event loop of
    its own.

    name: the `type` that clients submit; the name of the function if left out.
    load: called once by each worker, before it forks job processes, as `JobType.load`.

    Raises InvalidFunction, when the module is imported, if no job type can be derived.
    """
    if callable(name):
        return job()(name)

    def decorate(function: F) -> F:
        shown = name or getattr(function, "__name__", "")
        vars(function)["job_type"] = _job_type(shown, function, load)
        return function

    if not isinstance(name, str):
        raise InvalidFunction(str(name), ['its name must be a text, as in @job("resize")'])
    return decorate


def _job_type(
    name: str, function: Callable[..., Any], load: Callable[[], Any] | None
) -> type[FunctionType]:
    signature = read_signature(name, function)
    doc = inspect.getdoc(function) or ""
    summary = doc.strip().partition("\n")[0]
    model, fields = payload_model(name, function.__module__, summary, signature.fields)
    attributes = {
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "__doc__": doc,
        "name": name,
        "Payload": model,
        "upload": signature.upload,
        "functions": (function, load),
        "signature": signature,
        "fields": fields,
    }
    return type(function.__name__, (FunctionType,), attributes)

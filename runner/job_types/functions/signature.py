"""Reads the signature of a function: which parameters are fields of the payload, and which files.

| annotation                   | argument                                                         |
|---|---|
| `Context`, or named `context` | the context of the job                                          |
| `File`, `File | None`        | the next uploaded file                                           |
| `list[File]`                 | all uploaded files that are left                                 |
| any other                    | the field of the payload with the name of the parameter          |
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union

from runner.job_types.base import Context, NotRetryable, UploadFile

Kind = Literal["field", "file", "files", "context"]
_LISTS = (list, Sequence)


class InvalidFunction(TypeError):
    """No job type can be derived from a function. The message has all reasons, with remedies."""

    remedy = "change the signature of the function, as docs/job-types.md#functions describes"

    def __init__(self, name: str, problems: Sequence[str]) -> None:
        super().__init__(f"job type {name!r}: {'; '.join(problems)}")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function: where its argument comes from."""

    name: str
    kind: Kind
    annotation: Any
    default: Any
    """`inspect.Parameter.empty` if the parameter has no default."""
    is_positional: bool
    """Whether it can be passed by position only."""
    may_be_none: bool = False
    """For a file: whether the job may come without it."""

    @property
    def is_required(self) -> bool:
        """Whether the parameter has no default, and is no file that may be None."""
        return self.default is inspect.Parameter.empty and not self.may_be_none


@dataclass(frozen=True)
class Signature:
    """The parameters of a function, in their order."""

    parameters: tuple[Parameter, ...]

    @property
    def fields(self) -> list[Parameter]:
        """The parameters that are fields of the payload."""
        return [each for each in self.parameters if each.kind == "field"]

    @property
    def files(self) -> list[Parameter]:
        """The parameters that are uploaded files."""
        return [each for each in self.parameters if each.kind in {"file", "files"}]

    @property
    def upload(self) -> Literal["none", "required", "optional"]:
        """Whether a job needs an uploaded file, as the attribute of a JobType says it."""
        if not self.files:
            return "none"
        return "required" if any(each.is_required for each in self.files) else "optional"

    def arguments(
        self, values: dict[str, Any], context: Context, uploads: Sequence[UploadFile]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Return the arguments of a call, by position and by name.

        `values` has the fields of the payload. Raises NotRetryable if there are too few or too many
        files.
        """
        given = {**values, **self._files(uploads)}
        by_position, by_name = [], {}
        for each in self.parameters:
            if each.kind == "context":
                given[each.name] = context
            if each.is_positional:
                by_position.append(given[each.name])
            else:
                by_name[each.name] = given[each.name]
        return by_position, by_name

    def _files(self, uploads: Sequence[UploadFile]) -> dict[str, Any]:
        left, found = list(uploads), dict[str, Any]()
        for each in self.files:
            if each.kind == "files":
                found[each.name], left = left, []
            else:
                found[each.name] = left.pop(0) if left else None
        lacking = [each.name for each in self.files if each.is_required and not found[each.name]]
        if lacking or left:
            got = ", ".join(repr(each.name) for each in uploads) or "none"
            raise NotRetryable(f"{self._takes}; it got {got}")
        return found

    def refuses_files(self, count: int) -> str | None:
        """Return why the function cannot be called with so many files; None if it can."""
        least = sum(each.is_required for each in self.files)
        takes_more = any(each.kind == "files" for each in self.files)
        if count < least or (count > len(self.files) and not takes_more):
            return f"{self._takes}; it got {count}"
        return None

    @property
    def _takes(self) -> str:
        names = ", ".join(_shown(each) for each in self.files)
        return f"it takes these files in this order: {names}" if names else "it takes no file"


def read_signature(name: str, function: Callable[..., object]) -> Signature:
    """Return the signature of a function that is to become the job type `name`.

    Raises InvalidFunction with everything that is wrong.
    """
    if not inspect.isfunction(function):
        raise InvalidFunction(name, [f"@job needs a function, made by def, not {function!r}"])
    problems = list(_problems_of_kind(function))
    hints = _hints(name, function)
    found = []
    for each in inspect.signature(function).parameters.values():
        try:
            found.append(_parameter(each, hints.get(each.name, inspect.Parameter.empty)))
        except ValueError as error:
            problems.append(f"parameter {each.name}: {error}")
    signature = Signature(tuple(found))
    names = [each.name for each in signature.files]
    rest = [each.name for each in signature.files if each.kind == "files"]
    if rest and rest != names[-1:]:
        problems.append(
            f"parameter {rest[0]}: a list of files takes all that are left: put it last"
        )
    if problems:
        raise InvalidFunction(name, problems)
    return signature


def _problems_of_kind(function: Callable[..., object]) -> Iterator[str]:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        yield "it yields: return the result instead, and report progress by context.report({…})"


def _hints(name: str, function: Callable[..., object]) -> dict[str, Any]:
    """Return the evaluated annotations of a function, including annotations that are texts."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        reason = f"an annotation names {error.name}, which does not exist at this place:"
        remedy = "import or define it above the function, and not below `if TYPE_CHECKING`"
        raise InvalidFunction(name, [f"{reason} {remedy}"]) from None
    except Exception as error:  # evaluating an annotation runs arbitrary code
        reason = f"its annotations cannot be evaluated: {type(error).__name__}: {error}"
        raise InvalidFunction(name, [reason]) from error


def _parameter(each: inspect.Parameter, annotation: Any) -> Parameter:
    """Return one parameter. Raises ValueError with the problem and the remedy."""
    name, default = each.name, each.default
    if each.kind in {each.VAR_POSITIONAL, each.VAR_KEYWORD}:
        raise ValueError("a job type cannot take any number of arguments: name each parameter")
    is_positional = each.kind == each.POSITIONAL_ONLY
    plain, may_be_none = _plain(annotation)
    if plain is Context or (annotation is each.empty and name == "context"):
        return Parameter(name, "context", Context, default, is_positional)
    if annotation is each.empty:
        raise ValueError(f"it has no annotation: write its type, as in {name}: int")
    kind = _file_kind(plain)
    if kind:
        if default is not each.empty and default is not None:
            raise ValueError("the default of a file can only be None")
        may_be_none = may_be_none or default is None
        return Parameter(name, kind, annotation, default, is_positional, may_be_none)
    if isinstance(plain, type) and issubclass(plain, (bytes, bytearray, PurePath)):
        raise ValueError(
            f"a payload is JSON, which has no {plain.__name__}: write File for a file that clients "
            "upload, or str for a text"
        )
    return Parameter(name, "field", annotation, default, is_positional)


def _shown(each: Parameter) -> str:
    """Return the name of a file, and whether a job needs it, or can have several."""
    if each.kind == "files":
        return f"{each.name} (any number{', at least one' if each.is_required else ''})"
    return each.name if each.is_required else f"{each.name} (may be left out)"


def _file_kind(plain: object) -> Literal["file", "files"] | None:
    if isinstance(plain, type) and issubclass(plain, UploadFile):
        return "file"
    inner = typing.get_args(plain)
    if typing.get_origin(plain) in _LISTS or _is_open_tuple(plain):
        return "files" if _file_kind(inner[0]) == "file" else None
    return None


def _is_open_tuple(plain: object) -> bool:
    return typing.get_origin(plain) is tuple and typing.get_args(plain)[1:] == (Ellipsis,)


def _plain(annotation: object) -> tuple[Any, bool]:
    """Return an annotation without Annotated and None, and whether None was in it."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _plain(typing.get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        others = [each for each in typing.get_args(annotation) if each is not type(None)]
        if len(others) == 1:
            return _plain(others[0])[0], True
    return annotation, False

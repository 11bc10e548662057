"""Makes the payload model of a function, whose fields are the parameters of the function."""

import inspect
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PydanticUserError,
    ValidationError,
    create_model,
)
from pydantic.errors import PydanticSchemaGenerationError
from pydantic.fields import FieldInfo
from pydantic.json_schema import PydanticJsonSchemaWarning

from loganalysis import flaws
from runner.job_types.base import Payload
from runner.job_types.functions.signature import InvalidFunction, Parameter

_TYPES = "a JSON type such as int, str or list[str], a date, an Enum, a Literal or a Pydantic model"


class FunctionPayload(Payload):
    """The base class of the payloads of functions.

    It is as strict as other payloads, but reads values as JSON has them: a date from a text, a
    tuple from a list.
    """

    model_config = ConfigDict(protected_namespaces=())

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Validate a decoded JSON value. Raises ValidationError."""
        return cls.model_validate_json(json.dumps(obj), **options)


def payload_model(
    name: str, module: str, summary: str, parameters: Sequence[Parameter]
) -> tuple[type[Payload], dict[str, str]]:
    """Return the payload model of the job type `name`, and its field for each parameter.

    Raises InvalidFunction if a parameter cannot be a field.
    """
    problems = [text for each in parameters for text in _problems(each)]
    if problems:
        raise InvalidFunction(name, problems)
    words = "".join(word.capitalize() for word in re.findall("[A-Za-z0-9]+", name))
    fields = {each.name: _field_name(each.name) for each in parameters}
    definitions: Any = {fields[each.name]: _definition(each) for each in parameters}
    model: type[Payload] = create_model(
        f"{words or 'Other'}Payload",
        __base__=FunctionPayload,
        __module__=module,
        __doc__=summary,
        **definitions,
    )
    try:
        model.model_json_schema()
    except PydanticUserError as error:  # two parameters of one alias, for example
        raise InvalidFunction(name, [_first_line(error)]) from None
    return model, fields


def _field_name(name: str) -> str:
    """Return a name of a model's field. Names of attributes that all models have are taken."""
    return f"field_{name}" if name.startswith("_") or hasattr(FunctionPayload, name) else name


def _definition(each: Parameter) -> tuple[Any, Any]:
    """Return a field as `create_model` takes it. The payload has it under the parameter's name."""
    default = ... if each.default is inspect.Parameter.empty else each.default
    if _field_name(each.name) == each.name:
        return each.annotation, default
    return Annotated[each.annotation, Field(alias=each.name)], default


def _problems(each: Parameter) -> Iterator[str]:
    """Yield what is wrong with a parameter as a field of a payload."""
    shown = inspect.formatannotation(each.annotation)
    try:
        one: Any = create_model("One", __base__=FunctionPayload, value=(each.annotation, ...))
        with warnings.catch_warnings():
            warnings.simplefilter("error", PydanticJsonSchemaWarning)
            one.model_json_schema()
    except PydanticSchemaGenerationError:
        yield f"parameter {each.name}: {shown} cannot be read from JSON: use {_TYPES}"
        return
    except (PydanticUserError, PydanticJsonSchemaWarning) as error:
        reason = f"has no JSON schema ({_first_line(error)})"
        yield f"parameter {each.name}: {shown} {reason}: use {_TYPES}"
        return
    except Exception as error:  # the annotation's own code can raise anything
        yield f"parameter {each.name}: {shown}: {type(error).__name__}: {_first_line(error)}"
        return
    yield from _problems_of_default(each, one)


def _problems_of_default(each: Parameter, one: type[BaseModel]) -> Iterator[str]:
    """Yield what is wrong with a default. Pydantic itself does not check it."""
    default = each.default
    if isinstance(default, FieldInfo):
        is_required = default.is_required()
        default = default.get_default(call_default_factory=True, validated_data={})
    else:
        is_required = default is inspect.Parameter.empty
    if is_required:
        return
    try:
        one.__pydantic_validator__.validate_python({"value": default})
    except ValidationError as error:
        remedy = f": write {inspect.formatannotation(each.annotation)} | None"
        detail = next(flaws(error, {"value": default}, one)).detail
        yield (
            f"parameter {each.name}: its default is {default!r}, but {detail}"
            f"{remedy if default is None else ''}"
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]

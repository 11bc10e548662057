"""Generates JSON Schemas from models, in forms that generators of clients understand.

Some generators fail on correct schemas. So a type that may be null is a list of types, no default
is null, and alternatives that exclude each other are `oneOf`. `tests/generators` runs them.
"""

import ast
import inspect
import json
import re
import sys
from collections import ChainMap
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from storage.records.json_values import Json, JsonValue

PREFIX = "#/components/schemas/"
_NULL: Json = {"type": "null"}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
"""Names of bounds that Pydantic does not translate for fields with validators of their own."""
_PREFIXED_ENUMS = {"Outcome", "FiringOutcome", "Missed", "Overlap"}
"""Enumerations whose constants begin with the name. In Go, all enumerations share one namespace,
and both `Outcome` and `Status` have `canceled`, both `Missed` and `Overlap` have `skip`."""


class Schemas:
    """The schemas of many models. Shared definitions are in `components`, and are used by
    reference. `examples` holds examples: of JSON by the name of its type, of texts by path and
    media type.
    """

    def __init__(self, models: Iterable[Any], examples: Json):
        self.examples = examples
        adapters = [(each, "validation", TypeAdapter(each)) for each in dict.fromkeys(models)]
        found, shared = TypeAdapter.json_schemas(
            adapters,  # type: ignore[arg-type]
            ref_template=f"{PREFIX}{{model}}",
            schema_generator=_Generator,
        )
        self.components: dict[str, Json] = shared.get("$defs", {})
        self._schemas: dict[object, Json] = {model: schema for (model, _), schema in found.items()}
        for name, component in self.components.items():
            _tidy(name, component)

    def of(self, model: object) -> Json:
        """Return the schema of a model, or a reference to it."""
        return dict(self._schemas[model])

    def name(self, model: object, name: str, schema: Json) -> None:
        """Add a component, and use it for a model."""
        self.components[name] = schema
        self._schemas[model] = {"$ref": f"{PREFIX}{name}"}

    def resolved(self, model: object) -> Json:
        """Return the schema of a model itself."""
        schema = self.of(model)
        return self.components[component_name(schema)] if "$ref" in schema else schema

    def parameters(self, model: object) -> list[Json]:
        """Return the fields of a model as query parameters."""
        properties = self.resolved(model)["properties"]
        return [_parameter(name, field) for name, field in properties.items()]

    def used(self, document: JsonValue) -> dict[str, Json]:
        """Return the components to which a document refers, directly or through others."""
        left, used = [document], set[str]()
        while left:
            new = set(re.findall(rf'"{PREFIX}([^"]+)"', json.dumps(left.pop()))) - used
            left += [self.components[name] for name in new]
            used |= new
        return {name: self.components[name] for name in sorted(used)}


def component_name(reference: Mapping[str, JsonValue]) -> str:
    """Return the name of the component to which a reference points."""
    return str(reference["$ref"]).rpartition("/")[2]


class _Generator(GenerateJsonSchema):
    """Generates schemas. Fields of documents are described by the docstrings below them."""

    def typed_dict_schema(self, schema: Any) -> Json:
        """Generate the schema of a document, or of a TypedDict in the payload of a job type."""
        generated = super().typed_dict_schema(schema)
        cls = schema["cls"]
        described_by = getattr(cls, "described_by", cls.__name__)
        texts = _docstrings(cls.__module__).get(described_by, {})
        for field, each in generated.get("properties", {}).items():
            if field in texts:
                each.setdefault("description", texts[field])
        return generated

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Fields have no titles: generators take them for the names of classes."""
        return False

    def int_schema(self, schema: Any) -> Json:
        """Generate the schema of a whole number. Without its size, some clients use 32 bits."""
        return {**super().int_schema(schema), "format": "int64"}

    def float_schema(self, schema: Any) -> Json:
        """Generate the schema of a number. Without its size, some clients use 32 bits."""
        return {**super().float_schema(schema), "format": "double"}

    def nullable_schema(self, schema: Any) -> Json:
        """Generate the schema of a value or null: a list of types, if the value has just a type."""
        inner = self.generate_inner(schema["schema"])
        if isinstance(inner.get("type"), str) and not {"enum", "const"} & set(inner):
            return {**inner, "type": [inner["type"], "null"]}
        return {"anyOf": [inner, _NULL]}

    def default_schema(self, schema: Any) -> Json:
        """Generate the schema of a field with a default. Null means the same as no value."""
        generated = super().default_schema(schema)
        if generated.get("default", ...) is None:
            del generated["default"]
        return generated

    def union_schema(self, schema: Any) -> Json:
        """Generate the schema of a union.

        A text excludes an object. Objects exclude one another, because they refuse unknown fields.
        """
        generated = super().union_schema(schema)
        kinds = [kind.get("type", "object") for kind in generated.get("anyOf", [])]
        if sorted(set(kinds)) == ["object", "string"] and kinds.count("string") == 1:
            generated["oneOf"] = generated.pop("anyOf")
        return generated


@cache
def _docstrings(module: str) -> Mapping[str, Mapping[str, str]]:
    """Return the docstrings below the fields of the classes of a module: by class and field.

    There are none if the source of a module of job types cannot be found.
    """
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError):
        return {}
    found: dict[str, dict[str, str]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            inherited = [found.get(base, {}) for base in bases]
            found[node.name] = dict(ChainMap(dict(_field_docstrings(node)), *inherited))
    return found


def _field_docstrings(node: ast.ClassDef) -> Iterable[tuple[str, str]]:
    for field, text in pairwise(node.body):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(docstring))),
            ):
                yield name, inspect.cleandoc(docstring)


def _tidy(name: str, component: Json) -> None:
    """Remove a title that equals the name, and line breaks within paragraphs."""
    component.pop("title", None)
    for each in (component, *component.get("properties", {}).values()):
        if "description" in each:
            each["description"] = re.sub(r"(?<!\n)\n(?!\n)", " ", each["description"])
    if name in _PREFIXED_ENUMS:
        component["x-enum-varnames"] = [f"{name}_{each}".upper() for each in component["enum"]]


def _parameter(name: str, schema: Json) -> Json:
    """Build a query parameter. It is left out instead of being null. Its default is not stated,
    because some clients would then send it, and a list by ids takes no limit.
    """
    rest = {key: value for key, value in schema.items() if key not in ("default", "description")}
    if "anyOf" in rest:
        kinds = [kind for kind in rest.pop("anyOf") if kind != _NULL]
        rest = {**(kinds[0] if len(kinds) == 1 else {"anyOf": kinds}), **rest}
    if isinstance(rest.get("type"), list):
        (rest["type"],) = [kind for kind in rest["type"] if kind != "null"]
    rest = {_BOUNDS.get(key, key): value for key, value in rest.items()}
    description = schema.get("description", "")
    return {"name": name, "in": "query", "description": description, "schema": rest}

"""The reference of the API in Markdown, made from the document that listeners serve.

One page for each tag, one for the types of JSON, and one for the codes of errors.
"""

import json
from collections.abc import Iterable, Iterator

from runner.job_types.registry import loader
from server.start.description import openapi_document
from storage.records.json_values import Json, JsonValue
from tests.support import errors_page

LIMITS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "default")


def reference_pages() -> dict[str, str]:
    """The text of each page, by its name."""
    document = openapi_document(loader.find(["runner.job_types"]))
    pages = {
        "types.md": _types_page(document["components"]["schemas"]),
        "errors.md": errors_page.full_page().replace("](", "](../"),
    }
    for tag in document["tags"]:
        calls = [_call(*each) for each in _calls(document) if tag["name"] in each[1]["tags"]]
        head = f"# {tag['name'].capitalize()}\n\n{tag['description']}.\n\n"
        pages[f"{tag['name'].replace(' ', '-')}.md"] = head + "\n".join(calls)
    return pages


def _calls(document: Json) -> Iterator[tuple[str, Json, list[Json]]]:
    """Yield title, operation and parameters of the path of each call."""
    for path, item in {**document["paths"], **document["webhooks"]}.items():
        for method, operation in item.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation, item.get("parameters", [])


def _call(title: str, operation: Json, shared: list[Json]) -> str:
    parts = [
        f"## {title.replace('{', '&#123;')} {{: #{operation['operationId']} }}\n",
        f"**{operation['summary']}.** {operation['description']}\n",
    ]
    if parameters := [*shared, *operation.get("parameters", [])]:
        rows = [(f"`{p['name']}`", p["in"], _kind(p["schema"]), _about(p)) for p in parameters]
        parts.append(_table(("parameter", "in", "type", "meaning"), rows))
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"**Body**: `{kind}`, {_kind(media['schema'])}\n\n{_example(media)}")
    for status, answer in operation["responses"].items():
        if "$ref" not in answer:
            bodies = answer.get("content", {}).items()
            kinds = "".join(f", `{kind}`, {_kind(media['schema'])}" for kind, media in bodies)
            parts.append(f"**{status}** {answer['description']}{kinds}\n")
            parts.extend(_example(media) for _, media in bodies)
    errors = [status for status, answer in operation["responses"].items() if "$ref" in answer]
    parts.append(f"**[Errors](errors.md)**: {', '.join(errors)}\n" if errors else "")
    return "\n".join(parts)


def _example(media: Json) -> str:
    """The first example of a body as a block of code; empty without one."""
    examples = [each["value"] for each in media.get("examples", {}).values()]
    for value in [media["example"]] if "example" in media else examples[:1]:
        is_text = isinstance(value, str)
        text = value.strip() if is_text else json.dumps(value, indent=2)
        return f"```{'text' if is_text else 'json'}\n{text}\n```\n"
    return ""


def _types_page(schemas: Json) -> str:
    parts = ["# Types of JSON\n\nBodies of requests and answers. A field with ? may be missing.\n"]
    for name, schema in sorted(schemas.items()):
        parts.append(f"## {name} {{: #{name.lower()} }}\n\n{schema.get('description', '')}\n")
        optional = schema.get("properties", {}).keys() - set(schema.get("required", ()))
        rows = [
            (f"`{field}`{' ?' if field in optional else ''}", _kind(its), _about(its))
            for field, its in schema.get("properties", {}).items()
        ]
        parts.append(_table(("field", "type", "meaning"), rows) if rows else f"{_kind(schema)}\n")
    return "\n".join(parts)


def _about(part: Json) -> str:
    """The description of a parameter or a field, with its limits."""
    found = {**part, **part.get("schema", {})}
    limits = ", ".join(f"{name} {found[name]}" for name in LIMITS if name in found)
    return f"{part.get('description', '')}{f' ({limits})' if limits else ''}"


def _kind(schema: Json) -> str:
    """The type of a value in a few words; other types are links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](types.md#{name.lower()})"
    if choices := schema.get("anyOf", schema.get("oneOf")):
        return " or ".join(map(_kind, choices))
    values: list[JsonValue] = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values:
        return ", ".join(f"`{json.dumps(each)}`" for each in values)
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kinds = schema.get("type", "any value")
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    cells = [[cell.replace("|", "&#124;").replace("\n", " ") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *cells])

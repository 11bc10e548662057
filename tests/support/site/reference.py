"""The reference of the API in Markdown, made from the document that listeners serve.

One page for each tag, one for the types of JSON, and one for the codes of errors.
"""

import json
from collections.abc import Iterator

from runner.job_types.registry import loader
from server.api.description import openapi_document
from storage.records.json_values import Json
from tests.support import errors_page

_TYPES = "types.md"


def reference_pages() -> dict[str, str]:
    """The text of each page, by its name."""
    document = openapi_document(loader.find(["runner.job_types"]))
    pages = {_TYPES: _types_page(document["components"]["schemas"])}
    for tag in document["tags"]:
        calls = [each for each in _calls(document) if tag["name"] in each[2]["tags"]]
        texts = [_call(document, *each) for each in calls]
        head = f"# {tag['name'].capitalize()}\n\n{tag['description']}.\n"
        pages[f"{tag['name'].replace(' ', '-')}.md"] = "\n".join([head, *texts])
    return {**pages, "errors.md": errors_page.full_page().replace("](", "](../")}


def _calls(document: Json) -> Iterator[tuple[str, str, Json, list[Json]]]:
    """Yield title, anchor, operation and parameters of the path of each call."""
    for section in ("paths", "webhooks"):
        for path, item in document[section].items():
            for method in ("get", "post", "put", "patch", "delete"):
                if method in item:
                    title = f"{method.upper()} {path}" if section == "paths" else path
                    yield (
                        title,
                        item[method]["operationId"],
                        item[method],
                        item.get("parameters", []),
                    )


def _call(document: Json, title: str, anchor: str, operation: Json, shared: list[Json]) -> str:
    parts = [
        f"## {title.replace('{', '&#123;')} {{: #{anchor} }}\n",
        f"**{operation['summary']}.** {operation['description']}\n",
    ]
    if parameters := [*shared, *operation.get("parameters", [])]:
        rows = ((f"`{p['name']}`", p["in"], _kind(p["schema"]), _about(p)) for p in parameters)
        parts.append(_table(("parameter", "in", "type", "meaning"), rows))
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"Body: `{kind}`, {_kind(media['schema'])}\n")
        parts.append(_example(media))
    answers = [
        (status, _resolve(document, answer)) for status, answer in operation["responses"].items()
    ]
    rows = ((status, _bodies(answer), answer["description"]) for status, answer in answers)
    parts.append(_table(("status", "body", "meaning"), rows))
    success = [
        media for status, answer in answers[:1] for media in answer.get("content", {}).values()
    ]
    return "\n".join([*parts, *map(_example, success[:1])])


def _resolve(document: Json, part: Json) -> Json:
    """The part of the document that a reference names, or the part itself."""
    for name in part["$ref"].split("/")[1:] if "$ref" in part else ():
        document = document[name]
    return document if "$ref" in part else part


def _bodies(answer: Json) -> str:
    """The media types of an answer; for JSON, its type."""
    content = answer.get("content", {})
    return ", ".join(
        _kind(media["schema"]) if kind.endswith("json") else f"`{kind}`"
        for kind, media in content.items()
    )


def _example(media: Json) -> str:
    """The first example of a body as a block of code; empty without one."""
    examples = [media["example"]] if "example" in media else []
    examples += [each["value"] for each in media.get("examples", {}).values()]
    if not examples:
        return ""
    text = examples[0] if isinstance(examples[0], str) else json.dumps(examples[0], indent=2)
    return f"```{'text' if isinstance(examples[0], str) else 'json'}\n{text.strip()}\n```\n"


def _types_page(schemas: Json) -> str:
    parts = ["# Types of JSON\n\nWhat the bodies of requests and answers consist of.\n"]
    for name, schema in sorted(schemas.items()):
        parts.append(f"## {name} {{: #{name.lower()} }}\n\n{schema.get('description', '')}\n")
        required = schema.get("required", ())
        rows = (
            (f"`{field}`" + ("" if field in required else " ?"), _kind(its), _about(its))
            for field, its in schema.get("properties", {}).items()
        )
        if "properties" in schema:
            parts.append(_table(("field (? may be missing)", "type", "meaning"), rows))
        else:
            parts.append(f"{_kind(schema)}\n")
    return "\n".join(parts)


def _about(part: Json) -> str:
    limits = {**part, **part.get("schema", {})}
    names = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "default")
    found = [f"{name} {limits[name]}" for name in names if name in limits]
    return " ".join([part.get("description", ""), f"({', '.join(found)})" if found else ""])


def _kind(schema: Json) -> str:
    """The type of a value in a few words; other types are links."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}]({_TYPES}#{name.lower()})"
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return " or ".join(map(_kind, schema[choice]))
    if "enum" in schema or "const" in schema:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        return ", ".join(f"`{json.dumps(each)}`" for each in values)
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kinds = schema.get("type", "any value")
    return " or ".join([kinds] if isinstance(kinds, str) else kinds)


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = (
        " | ".join(cell.replace("|", "&#124;").replace("\n", " ") for cell in row) for row in rows
    )
    return (
        "\n".join(f"| {line} |" for line in (" | ".join(heads), "|".join("-" * len(heads)), *lines))
        + "\n"
    )

"""`jobservice types` and its subcommands."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import completion
from jobservice.cli.command import command, default_command
from jobservice.cli.parameters import argument
from jobservice.cli.session import Session
from jobservice.json_values import JsonValue

if TYPE_CHECKING:
    from jobservice import TypeData
    from jobservice.cli.output.console import Cell

COLUMNS = ("TYPE", "FROM", "FILE", "VERSION", "SUMMARY")
FIELD_COLUMNS = ("FIELD", "KIND", "DEFAULT", "DESCRIPTION")
_PROCESSES = {"fresh": "a new one for each job", "shared": "shared by all callers"}
Name = Annotated[
    str,
    argument("NAME", "Name of a job type.", autocompletion=completion.job_types),
]

app = typer.Typer(rich_markup_mode=None)


def list_types(session: Session) -> None:
    """List the job types, and the files of job types that do not work."""
    found, output = session.client.types.list(), session.output
    if output.as_json:
        output.document(
            {
                "types": [dict(each.raw) for each in found.types],
                "broken": [dict(each.raw) for each in found.broken],
            }
        )
        return
    output.table(COLUMNS, [_row(each) for each in found.types])
    for each in found.broken:
        place = each.file if each.line is None else f"{each.file}:{each.line}"
        output.report(f"{place} does not work: {each.reason}; {each.remedy}")


def _row(found: "TypeData") -> list["Cell"]:
    file = "" if found.upload == "none" else found.upload
    return [found.name, _origin(found), file, found.version, found.summary]


def _origin(found: "TypeData") -> str:
    return f"{found.origin} ({found.file})" if found.file else found.origin


def show(session: Session, name: Name) -> None:
    """Show a job type: the fields of its payload, and the defaults of its jobs."""
    found, output = session.client.types.get(name), session.output
    if output.as_json:
        output.document(dict(found.raw))
        return
    fields: dict[str, Cell] = {
        "type": found.name,
        "summary": found.summary,
        "version": found.version,
        "from": _origin(found),
        "file": found.upload,
        "defaults": json.dumps(found.defaults, ensure_ascii=False) if found.defaults else "",
        "process": _PROCESSES.get(found.isolation, ""),
        "network": "" if found.network else "none",
    }
    output.fields((label, value) for label, value in fields.items() if value)
    if rows := _payload_rows(found.payload_schema):
        output.line()
        output.table(FIELD_COLUMNS, rows)


def _payload_rows(schema: Mapping[str, JsonValue]) -> list[list["Cell"]]:
    required = schema.get("required", ())
    return [
        [
            name,
            _kind(field),
            "required" if name in required else json.dumps(field.get("default")),
            str(field.get("description", "")).partition("\n")[0],
        ]
        for name, field in schema.get("properties", {}).items()
    ]


def _kind(field: Mapping[str, JsonValue]) -> str:
    """Return the type of a field in a few words, such as `integer` or `string or null`."""
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if choices := field.get("enum"):
        return " or ".join(map(str, choices))
    kinds = field.get("anyOf") or field.get("oneOf")
    if kinds:
        return " or ".join(dict.fromkeys(map(_kind, kinds)))
    if field.get("type") == "array" and field.get("items"):
        return f"list of {_kind(field['items'])}"
    return str(field.get("type", "any"))


default_command(app)(list_types)
command(app, "list", ("types list",))(list_types)
command(app, "show", ("types show analyze",))(show)

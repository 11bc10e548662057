"""`jobservice pattern-sets` and its subcommands."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobservice.cli import completion, exits
from jobservice.cli.command import command, default_command
from jobservice.cli.output import formats
from jobservice.cli.parameters import argument, flag, option
from jobservice.cli.session import Session
from jobservice.errors import ApiError
from jobservice.json_values import JsonValue

if TYPE_CHECKING:
    from jobservice import PatternSetData
    from jobservice.cli.output.console import Cell

COLUMNS = ("SET", "PATTERNS", "SAVED BY", "CHANGED", "DESCRIPTION")
Name = Annotated[
    str,
    argument("NAME", "Name of a set.", autocompletion=completion.pattern_sets),
]
Names = Annotated[
    list[str],
    argument("NAME...", "Names of sets.", autocompletion=completion.pattern_sets),
]

app = typer.Typer(rich_markup_mode=None)


def list_sets(session: Session) -> None:
    """List pattern sets; the subcommands show and change them."""
    found = session.client.pattern_sets()
    if session.output.as_json:
        for each in found:
            session.output.item(dict(each.raw))
    else:
        session.output.table(COLUMNS, [_row(each) for each in found], right=("PATTERNS",))


def _row(found: "PatternSetData") -> list["Cell"]:
    saved_by = "built in" if found.built_in else found.changed_by or ""
    changed = formats.moment(found.changed_at) if found.changed_at else ""
    return [found.name, formats.number(found.pattern_count), saved_by, changed, found.description]


def show(session: Session, name: Name) -> None:
    """Show the patterns of a set. With --json, `save` takes the output as a file."""
    found = session.client.pattern_set(name)
    if session.output.as_json:
        session.output.document(dict(found.raw))
        return
    rows: list[list[Cell]] = [list(_cells(each)) for each in found.patterns or ()]
    session.output.table(("PATTERN", "FINDS", "OPTIONS"), rows)


def _cells(pattern: str | Mapping[str, JsonValue]) -> tuple[str, str, str]:
    """Return the cells of a pattern: its name, the text or regex that it finds, its options."""
    if isinstance(pattern, str):
        return pattern, pattern, ""
    options = ", ".join(name for name in ("regex", "ignore_case", "word") if pattern.get(name))
    if "pattern" in pattern:
        return pattern.get("name") or pattern["pattern"], pattern["pattern"], options
    lists = {name: pattern[name] for name in ("all", "any", "none") if pattern.get(name)}
    finds = "; ".join(f"{name}: {', '.join(map(_text, each))}" for name, each in lists.items())
    return pattern.get("name") or "", finds, "combination"


def _text(condition: str | Mapping[str, JsonValue]) -> str:
    return condition if isinstance(condition, str) else str(condition["pattern"])


def save(
    session: Session,
    name: Name,
    file: str = argument(
        "FILE", "One text on each line, or JSON if it ends in .json; - is standard input."
    ),
    description: str | None = option("--description", "TEXT", "What the set is for."),
    new: bool = flag("--new", "A set that exists is an error."),
) -> None:
    """Save the patterns of a file as a set, or replace all of the set.

    JSON is a list of patterns, or an object with patterns and description.
    """
    patterns, about = _read(file)
    text = about if description is None else description
    try:
        found = session.client.put_pattern_set(name, patterns, text, only_new=new)
    except ApiError as error:
        if error.code != "precondition_failed":
            raise
        raise exits.CommandError(f"there is a pattern set {name!r} already") from None
    if session.output.as_json:
        session.output.item(dict(found.raw))
        return
    counted = formats.counted(found.pattern_count, "pattern")
    session.output.line(f"{found.name}  {counted}, version {found.version}")


def _read(name: str) -> tuple[list[JsonValue], str]:
    """The patterns of a file, and the description if there is one in it."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise typer.BadParameter(f"{name} cannot be read: {reason}") from None
    if not name.endswith(".json"):
        return list(dict.fromkeys(line for line in text.splitlines() if line)), ""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{name} is not JSON: {error}") from None
    found = document if isinstance(document, dict) else {"patterns": document}
    if not isinstance(found.get("patterns"), list):
        raise typer.BadParameter(f"{name} has no list of patterns")
    return found["patterns"], str(found.get("description") or "")


def delete(session: Session, names: Names) -> int:
    """Delete sets. Jobs that were submitted with them keep their patterns."""
    return session.delete_each(names, session.client.delete_pattern_set)


default_command(app)(list_sets)
command(app, "list", ("pattern-sets list",))(list_sets)
command(app, "show", ("pattern-sets show nginx",))(show)
command(app, "save", ("pattern-sets save shop patterns.txt",))(save)
command(app, "delete", ("pattern-sets delete shop",))(delete)

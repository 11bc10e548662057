"""The payload of a job from the arguments of a command."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from jobservice.json_values import Json, JsonValue


def read(arguments: Sequence[str]) -> Json:
    """Build a payload from arguments; later ones win.

    key=value    value is JSON if it can be read as such, else text
    @file.json   all fields of a file
    -            all fields of standard input, as JSON
    """
    payload: Json = {}
    for argument in arguments:
        if argument == "-":
            payload |= _fields(sys.stdin.read(), "standard input")
        elif argument.startswith("@"):
            payload |= _fields(_text_of(argument[1:]), argument[1:])
        else:
            key, separator, value = argument.partition("=")
            if not separator or not key:
                raise typer.BadParameter(
                    f"{argument!r} is neither key=value, @file.json nor -", param_hint="PAYLOAD"
                )
            payload[key] = parse_value(value)
    return payload


def parse_value(text: str) -> JsonValue:
    """A value as JSON where possible, else as text. NaN and infinities are text."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError:
        return text


def _refuse(name: str) -> JsonValue:
    raise ValueError(name)


def _text_of(name: str) -> str:
    try:
        return Path(name).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise typer.BadParameter(f"{name} cannot be read: {reason}", param_hint="PAYLOAD") from None


def _fields(text: str, source: str) -> Json:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{source} is not JSON: {error}", param_hint="PAYLOAD") from None
    if not isinstance(document, dict):
        raise typer.BadParameter(f"{source} is not a JSON object", param_hint="PAYLOAD")
    return document

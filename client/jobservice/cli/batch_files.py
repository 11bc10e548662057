"""Files of jobs for a batch: JSON lines, a JSON array, or the body of the API with its `then`."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import typer

from jobservice.json_values import Json, JsonValue

_EXAMPLE = '{"type": "sleep", "payload": {"seconds": 3}}'
_INDEX = re.compile(r"^job (\d+)\b|(?:^|(?<=; ))\[(\d+)\](?:\.|(?=: ))")
"""The index of a job in an error: of the client before its text, or of the service in a field."""


@dataclass
class BatchFile:
    """The jobs of a file, where each is, such as "line 2 of jobs.jsonl", and the job after them."""

    jobs: list[JsonValue]
    places: list[str]
    then: Json | None = None

    def with_places(self, text: str) -> str:
        """An error with the places of jobs instead of their indices."""
        return _INDEX.sub(self._place, text)

    def _place(self, found: re.Match[str]) -> str:
        index = int(found[1] or found[2])
        if index >= len(self.places):
            return found[0]
        place = self.places[index]
        if found[1]:
            return place
        return place if found[0].endswith("]") else f"{place}: "


def read(file: str) -> BatchFile:
    """Read the jobs of a file; - is standard input. Says where a line or a job is wrong."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise _wrong(f"{file} cannot be read: {reason}") from None
    found = _parsed(text, "standard input" if file == "-" else file)
    for job, place in zip(found.jobs, found.places, strict=True):
        require_job(job, place)
    return found


def require_job(job: JsonValue, place: str, hint: str = "FILE") -> None:
    """Refuse what is no job; `hint` is the argument that holds it."""
    if not isinstance(job, dict) or not isinstance(job.get("type"), str):
        given = json.dumps(job, ensure_ascii=False)[:100]
        raise _wrong(f"{place} is not an object such as {_EXAMPLE}: {given}", hint)


def _parsed(text: str, name: str) -> BatchFile:
    if text.lstrip().startswith("["):
        return _listed(_parse(text, name), name)
    body = _body(text)
    if body is not None:
        if unknown := body.keys() - {"jobs", "then"}:
            raise _wrong(f"{name} has the unknown field {min(unknown)}: known are jobs and then")
        return _listed(body["jobs"], name, body.get("then"))
    lines = [(f"line {number} of {name}", line) for number, line in enumerate(text.split("\n"), 1)]
    given = [(place, line) for place, line in lines if line.strip()]
    return BatchFile([_parse(line, place) for place, line in given], [place for place, _ in given])


def _listed(jobs: list[JsonValue], name: str, then: Json | None = None) -> BatchFile:
    return BatchFile(jobs, [f"job {number} of {name}" for number in range(1, len(jobs) + 1)], then)


def _body(text: str) -> Json | None:
    """The text as the body of a request with a list of jobs, if it is one."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    is_body = isinstance(document, dict) and isinstance(document.get("jobs"), list)
    return document if is_body else None


def _parse(text: str, place: str) -> JsonValue:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _wrong(f"{place} is not JSON: {error}") from None


def _wrong(message: str, hint: str = "FILE") -> typer.BadParameter:
    return typer.BadParameter(message, param_hint=hint)

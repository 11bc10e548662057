"""Reads the submission of an analysis from the query parameters of `/analyze`."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import Field, create_model

from runner.job_types.analyze_payload import AnalyzePayload
from server.documents.filters import MAX_WAIT_SECONDS, WaitQuery
from server.documents.submission import Submission
from server.http import strict_json
from server.http.problems import FieldError, Problem, unacceptable
from server.jobs.validation.received import FILE_PART, TEXT_FIELDS, Received
from server.jobs.validation.submission import REQUIRED
from storage.records.json_values import Json, JsonValue

Arguments = Mapping[str, Sequence[bytes]]
"""The values of each query parameter."""
_TEXTS = TEXT_FIELDS | {"encoding", "histogram", "records", "from", "until"}
_JSON = ("metadata", "backoff")
"""Options that are JSON texts."""
_FLAGS = {
    **dict.fromkeys(("", "1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?")
_PATTERN = re.compile(r"payload\.patterns\[(\d+)\]")
_IN_LIST = re.compile(r"\.(all|any|none)\[(\d+)\]")
_LISTED = {
    name: re.compile(rf"{re.escape(path)}(\[\d+\])?(?:\.|$)")
    for name, path in (
        ("set", "payload.pattern_sets"),
        ("member", "payload.members"),
        ("field", "payload.fields"),
        ("tag", "tags"),
        ("after", "after"),
    )
}
"""The parameters whose values are items of a list of the submission, and the names of its items."""


class AnalysisParameters(WaitQuery):
    """The query parameters of an analysis that are not options of its payload or of its job."""

    REPEATABLE: ClassVar = frozenset(
        {"p", "e", "set", "all", "any", "none", "field", "member", "tag", "after"}
    )

    wait: float = Field(
        MAX_WAIT_SECONDS,
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="maximum number of seconds to wait until the job is final",
    )
    p: list[str] = Field([], description="a text to count; repeat it for several")
    e: list[str] = Field([], description="a regex to count (RE2); repeat it for several")
    set: list[str] = Field(
        [], description="name of a pattern set whose patterns to count; repeat it for several"
    )
    i: bool = Field(False, description="ignore the case of ASCII letters")
    w: bool = Field(False, description="count only whole words")
    member: list[str] = Field(
        [], description="a glob for the files of an archive to analyze; repeat it for several"
    )
    field: list[str] = Field(
        [],
        description="a field of the file's format whose values to count, or NAME=REGEX; repeat it"
        " for several",
    )
    compare: str | None = Field(
        None, description="id of an earlier analysis with which to compare this one"
    )
    name: str | None = Field(None, description="name of the file, for lists and logs")
    tag: list[str] = Field(
        [], description="a name by which lists find the job; repeat it for several"
    )
    after: list[str] = Field(
        [],
        description="id of a job; this one starts after its end; repeat it, or separate ids by"
        " commas, for several",
    )
    metadata: str | None = Field(
        None,
        description='a small JSON object that is stored with the job, as in {"customer": 42}',
    )
    backoff: str | None = Field(
        None,
        description="seconds before each retry, as JSON: 30, [1, 10, 60], or an object with base,"
        " factor and max",
    )


_PAYLOAD = {
    field.alias or name: (field.annotation, field)
    for name, field in AnalyzePayload.model_fields.items()
    if name not in ("patterns", "pattern_sets", "fields", "members", "source", "compare")
}
_AS_TEXTS = (*_JSON, "after")
"""Options that are lists or objects, which parameters say as texts."""
_OPTIONS = {
    name: (field.annotation, field)
    for name, field in Submission.model_fields.items()
    if name not in (*REQUIRED, *_AS_TEXTS, "tags", "input")
}
_CONDITIONS: Json = {
    "all": "a text; lines that contain all such texts are counted as one pattern",
    "any": "a text; such lines must contain one of these",
    "none": "a text; such lines must contain none of these",
}
_LISTS: Json = {
    name: (list[str], Field([], description=f"{description}; repeat it for several"))
    for name, description in _CONDITIONS.items()
}
_FIELDS: Json = {**_PAYLOAD, **_OPTIONS}
AnalysisQuery: type[AnalysisParameters] = create_model(
    "AnalysisQuery", __base__=AnalysisParameters, **_LISTS, **_FIELDS
)
"""All query parameters of an analysis."""


def analysis_submission(arguments: Arguments) -> Received:
    """Return the submission that these parameters describe; only its names are checked.

    Raises Problem 422.
    """
    given = {name: [_text(name, value) for value in values] for name, values in arguments.items()}
    texts, regexes = given.get("p", []), given.get("e", [])
    conditions = {name: given[name] for name in _CONDITIONS if given.get(name)}
    flags = {"ignore_case": _flag(given, "i"), "word": _flag(given, "w")}
    options = {name: True for name, is_set in flags.items() if is_set}
    patterns = [_pattern(text, options) for text in texts]
    patterns += [{"pattern": regex, "regex": True, **options} for regex in regexes]
    if conditions:
        lists = {
            name: [_pattern(text, options) for text in conditions[name]] for name in conditions
        }
        patterns.append(lists)
    payload: Json = {"patterns": patterns} if patterns else {}
    document = {"type": "analyze", "payload": payload, **_lists_and_objects(given)}
    if sets := given.get("set"):
        payload["pattern_sets"] = sets
    if members := given.get("member"):
        payload["members"] = members
    if fields := given.get("field"):
        payload["fields"] = [_field(text) for text in fields]
    if compared := given.get("compare"):
        payload["compare"] = {"job_id": compared[-1]}
    for name, values in given.items():
        if name in _FIELDS:
            (payload if name in _PAYLOAD else document)[name] = _value(name, values[-1])
    return Received(json.dumps(document).encode(), FILE_PART)


def _lists_and_objects(given: Mapping[str, Sequence[str]]) -> Json:
    """Return the options of the job that are lists or objects."""
    options: Json = {name: _json(given[name][-1]) for name in _JSON if name in given}
    if tags := given.get("tag"):
        options["tags"] = tags
    if after := given.get("after"):
        options["after"] = [each.strip() for text in after for each in text.split(",")]
    return options


def _pattern(text: str, options: Mapping[str, bool]) -> JsonValue:
    return {"pattern": text, **options} if options else text


def _field(text: str) -> JsonValue:
    """A field of the payload: its name, or a name and a regex behind an equals sign."""
    name, separator, regex = text.partition("=")
    return {"name": name, "regex": regex} if separator else text


def at_parameters(problem: Problem, arguments: Arguments) -> Problem:
    """Return the problem of such a submission with the names of the parameters in its errors."""
    errors = [replace(each, field=_parameter(each.field, arguments)) for each in problem.errors]
    return unacceptable(errors, problem.code)


def _parameter(field: str, arguments: Arguments) -> str:
    """The name of the parameter for a field of the submission; p[1] for the second text."""
    texts = len(arguments.get("p", ()))
    if match := _PATTERN.match(field):
        index, regexes = int(match[1]), len(arguments.get("e", ()))
        if index >= texts + regexes:
            return _condition(field, arguments)
        name, index = ("p", index) if index < texts else ("e", index - texts)
        return _numbered(name, f"[{index}]", arguments)
    for name, regex in _LISTED.items():
        if match := regex.match(field):
            return _numbered(name, match[1], arguments)
    if field == "payload.patterns":
        return next(each for each in ("p", "e", "set", *_CONDITIONS) if each in arguments)
    if field == "payload.compare.job_id":
        return "compare"
    if field == "payload":  # its only error of its own
        return "lines"
    return field.removeprefix("payload.")


def _numbered(name: str, index: str | None, arguments: Arguments) -> str:
    """A parameter, with the index of one of its values if it has several."""
    return f"{name}{index or ''}" if len(arguments[name]) > 1 else name


def _condition(field: str, arguments: Arguments) -> str:
    """The name of the parameter for a part of the combination: `none[1]`, or the first list."""
    if match := _IN_LIST.search(field):
        name, index = match[1], match[2]
        return _numbered(name, f"[{index}]", arguments)
    return next(name for name in _CONDITIONS if name in arguments)


def _text(name: str, value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        detail = f"it is not UTF-8: invalid byte at position {error.start}"
        raise unacceptable([FieldError(name, detail, "malformed")]) from None
    if "\0" in text:
        raise unacceptable([FieldError(name, "text must not contain NUL", "malformed")])
    return text


def _flag(given: Mapping[str, Sequence[str]], name: str) -> bool:
    (text,) = given.get(name, ["false"])
    if (value := _FLAGS.get(text.lower())) is None:
        detail = "it must be true or false, or have no value, which means true"
        raise unacceptable([FieldError(name, detail, "wrong_type")])
    return value


def _json(text: str) -> JsonValue:
    """The value of a JSON text; a text that is no JSON stays, and is refused later."""
    try:
        return strict_json.parse(text.encode())
    except Problem:
        return text


def _value(name: str, text: str) -> JsonValue:
    """The value of a field; a text that is not acceptable stays, and is refused later."""
    if name in _TEXTS:
        return text
    if name in ("lines", "reuse", "overview", "fields_over_time", "explain"):
        return _FLAGS.get(text.lower(), text)
    return json.loads(text) if _NUMBER.fullmatch(text) else text

"""Checks that a response is allowed by /openapi.json. Applied to every response in the tests."""

import json
import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from pydantic import ConfigDict, TypeAdapter
from tornado.httpclient import HTTPResponse

from runner.job_types.registry import loader as job_types
from server.api.openapi.operation import ANY_TYPE, Operation
from server.documents.schemas.job_schemas import (
    ALWAYS_SENT,
    CORE,
    UNSET,
    VIEW_TYPES,
    JobView,
    PageDocument,
)
from server.documents.schemas.problems import ProblemDocument
from server.start.description import OPERATIONS, openapi_document

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json"
_VIEW = re.compile(r"[?&]view=(\w+)")


def require_described(method: str, path: str, response: HTTPResponse) -> None:
    """Fail if the API's description does not allow this response."""
    operation = operation_of(method, urlsplit(path).path)
    # 500 is a bug and not described; 599 means that the client gave up.
    if operation is None or response.code in (304, 500, 599):
        return
    described = described_api()["paths"][operation.path][operation.method]["responses"]
    assert str(response.code) in described, f"{method} {path}: {response.code} is not described"
    kind = response.headers.get("Content-Type")
    wanted = operation.responses.get(response.code, ProblemDocument)
    if wanted == ANY_TYPE:
        return
    if wanted is None:
        assert response.body == b""
    elif kind and kind.split(";")[0] != "application/json" and wanted is not ProblemDocument:
        texts = [each for each in _each(wanted) if isinstance(each, str)]
        assert kind.startswith((*texts, "application/openmetrics-text"))
    else:
        assert kind == (PROBLEM if response.code >= 400 else JSON)
        (wanted,) = [each for each in _each(wanted) if not isinstance(each, str)]
        if wanted in (JobView, PageDocument) and "fields=" not in path:
            document = json.loads(response.body)
            for job in document["items"] if wanted is PageDocument else [document]:
                _require_view(job, _VIEW.search(path))
        adapter(wanted).validate_json(b"[%s]" % response.body, strict=True)


def _require_view(job: dict[str, Any], view: re.Match[str] | None) -> None:
    """Fail if a job has not exactly the fields of its view: see `$defs` of JobDocument."""
    job = {name: job[name] for name in job.keys() - {"reused_from", "dry_run", "existing"}}
    if job.keys() == ALWAYS_SENT:
        return
    name = view[1] if view else "default"
    adapter(VIEW_TYPES[name]).validate_python((job,), strict=False)
    if name != "full":
        options = job.keys() - CORE
        assert not [each for each in options if job[each] == UNSET[each]], "unset, but not left out"


def _each(wanted: Any) -> tuple[Any, ...]:
    return wanted if isinstance(wanted, tuple) else (wanted,)


def operation_of(method: str, path: str) -> Operation | None:
    """The operation of a request, or None for a path or method that is not part of the API."""
    for template in sorted({each.path for each in OPERATIONS}):  # fixed names before {job_id}
        pattern = re.sub(r"{\w+}", "[^/]+", template.rstrip("/")) + "/?"
        if re.fullmatch(pattern, path):
            found = [(each.path, each.method) for each in OPERATIONS]
            key = (template, method.lower())
            return OPERATIONS[found.index(key)] if key in found else None
    return None


@cache
def described_api() -> dict[str, Any]:
    """The document."""
    return openapi_document(job_types.find())


@cache
def adapter(wanted: Any) -> TypeAdapter[Any]:
    """A validator for a list with one document of this type. It refuses unknown fields.

    A TypedDict takes the configuration only from the type around it.
    """
    return TypeAdapter(tuple[wanted], config=ConfigDict(extra="forbid"))

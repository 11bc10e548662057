"""Whether an answer is one that /openapi.json describes: looked at for each answer in the tests."""

import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter
from tornado.httpclient import HTTPResponse

from runner.job_types import loader as job_types
from server.documents.schemas import (
    AcceptedDocument,
    JobDocument,
    PageDocument,
    ProblemDocument,
    SetDocument,
)
from server.openapi.document import openapi_document
from server.openapi.operations import OPERATIONS, Operation

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json"
SECOND = {(PageDocument, SetDocument): b'"unknown"', (AcceptedDocument, JobDocument): b'"payload"'}
"""What is in the second of two documents alone."""


def require_described(method: str, path: str, response: HTTPResponse) -> None:
    """Fail if a call of the API is answered otherwise than its description says."""
    operation = operation_of(method, urlsplit(path).path)
    # 500: an error of ours is not described; 599: the client gave up.
    if operation is None or response.code in (304, 500, 599):
        return
    described = described_api()["paths"][operation.path][operation.method]["responses"]
    assert str(response.code) in described, f"{method} {path}: {response.code} is not described"
    kind = response.headers.get("Content-Type")
    wanted = ProblemDocument if response.code >= 400 else operation.responses[response.code]
    if wanted is None:
        assert response.body == b""
    elif kind and not kind.startswith("application/json") and response.code < 400:
        texts = [each for each in _each(wanted) if isinstance(each, str)]
        assert kind.startswith((*texts, "application/openmetrics-text"))
    else:
        assert kind == (PROBLEM if response.code >= 400 else JSON)
        if wanted in SECOND:
            wanted = wanted[SECOND[wanted] in response.body]
        (wanted,) = [each for each in _each(wanted) if not isinstance(each, str)]
        adapter(wanted).validate_json(response.body, strict=True)


def _each(wanted: Any) -> tuple[Any, ...]:
    return wanted if isinstance(wanted, tuple) else (wanted,)


def operation_of(method: str, path: str) -> Operation | None:
    """The operation that answers a call; None for what is none, or is said of all paths at once."""
    for template in sorted({each.path for each in OPERATIONS}):  # what is fixed before {job_id}
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
    """What reads a document of this type."""
    return TypeAdapter(wanted)

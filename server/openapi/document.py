"""Builds /openapi.json (OpenAPI 3.1).

It is generated from the models that validate requests, the types of the documents that are sent,
and the table of operations.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from operator import or_
from typing import Any, Literal

from pydantic import TypeAdapter, create_model
from pydantic.json_schema import GenerateJsonSchema

from runner.job_types.base import JobType
from server.auth.sessions import COOKIE
from server.checking.submission import FILE_PART, Submission
from server.documents.filters import WaitQuery
from server.documents.schemas import ProblemDocument
from server.http.problems import CONTENT_TYPE
from server.http.response import HEADER as REQUEST_ID
from server.http.response import MAX_LENGTH
from server.openapi.operations import FILE, NEW_JOB, OPERATIONS, Operation

Json = dict[str, Any]
_ABOUT = "Accepts jobs, runs them in processes, and lets clients follow, list and cancel them."
_COMMON_PROBLEMS = (400, 408, 413, 421, 422, 429, 431, 503)
"""Errors of every operation: the request is malformed, too slow, too large or too frequent, it has
an unknown host or parameter, or the store is unavailable."""
_PROBLEMS = {
    400: "The request is malformed",
    401: "The token is missing or not known",
    403: "The caller's role does not allow this, or the request comes from another origin's page",
    404: "The resource does not exist",
    408: "The request arrived too slowly",
    409: "The state of the job, or an earlier request, does not allow this",
    412: "If-Match or If-None-Match does not fit the present state of the resource",
    413: "The request is too large",
    415: "The media type of the body is not supported",
    421: "The host in the request is unknown; see ALLOWED_HOSTS",
    422: "The request is well-formed but invalid; errors names each field",
    429: "Too many requests; see the headers Retry-After and RateLimit",
    431: "The request's headers are too large",
    503: "The store is unavailable, or a limit is reached; see the header Retry-After",
    507: "The disk has no room",
}
_SCHEMES: dict[str, Json] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token from API_TOKENS or API_TOKENS_FILE; not needed if none is set",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Sign-in of the web front end; over https, its name begins with __Host-",
    },
}
_OK = {
    200: "Success",
    201: "Created",
    202: "Accepted",
    204: "No content",
    304: "Not modified",
    424: "The job failed or was canceled",
}
_TEXT: Json = {"type": "string"}
_FILE: Json = {"type": "string", "format": "binary"}
_TAG = '(W/)?"[!#-~]*"'
_TAGS: Json = {"type": "string", "pattern": rf"^(\*|{_TAG}(, ?{_TAG})*)$"}
_NUMBER: Json = {"type": "string", "pattern": "^[0-9]{1,18}$"}


def _header(description: str, schema: Json = _TEXT) -> Json:
    return {"description": description, "schema": schema}


_RESPONSE_HEADERS: dict[str, Json] = {
    "Location": _header("Path of the job or queue"),
    "Idempotency-Replayed": _header(
        "The response to an earlier submission with the same key", {"const": "true"}
    ),
    "Link": _header("The next page (RFC 8288)"),
    "Preference-Applied": _header("wait=30 if the response has waited because of Prefer"),
    "Retry-After": _header("Seconds to wait before asking again"),
    "Etag": _header("Version of this response, for If-None-Match"),
    "Allow": _header("The supported methods"),
    REQUEST_ID: _header(
        "Id of the request, also in the log; a request may choose it by this header",
        {"type": "string", "maxLength": MAX_LENGTH},
    ),
    "Set-Cookie": _header("Sets or removes the sign-in cookie"),
    "WWW-Authenticate": _header("Bearer (RFC 6750)"),
}
_REQUEST_HEADERS: dict[str, Json] = {
    "Prefer": _header("wait=30 has the effect of the parameter wait (RFC 7240)"),
    "Last-Event-ID": _header("Send only events after this one", _NUMBER),
    "If-Match": _header(
        "An Etag, several, or *; the status is 412 if none is the present one", _TAGS
    ),
    "If-None-Match": _header(
        "An Etag, several, or *; if one is the present one, the status is 304 for GET, and 412 for"
        " other methods",
        _TAGS,
    ),
    "Idempotency-Key": _header(
        "Any text; repeating a submission with its key creates no second job",
        {"type": "string", "pattern": "^[!-~]{1,255}$"},
    ),
    "Traceparent": _header("The client's trace context (W3C), used if tracing is on"),
}


def openapi_document(job_types: Mapping[str, JobType[Any]]) -> Json:
    """Build the whole document for these job types."""
    jobs, forms = _new_jobs(job_types)
    models = [jobs, ProblemDocument, *([forms] if forms else [])]
    for operation in OPERATIONS:
        for each in (*operation.queries, operation.body, *operation.responses.values()):
            models += _documents(each)
    schemas = Schemas(dict.fromkeys(models))
    bodies = {"application/json": jobs} | ({"multipart/form-data": forms} if forms else {})
    paths: dict[str, Json] = {}
    for operation in OPERATIONS:
        item = paths.setdefault(operation.path, _path_item(operation.path))
        item[operation.method] = _operation_object(operation, schemas, bodies)
        if operation.method == "get":
            item["head"] = _head_operation(item["get"])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Job Service", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": _SCHEMES},
        "security": [{name: []} for name in _SCHEMES],
    }


def _documents(alternatives: Any) -> tuple[Any, ...]:
    """Return the types of documents among alternatives, without media types and None."""
    kinds = alternatives if isinstance(alternatives, tuple) else (alternatives,)
    return tuple(kind for kind in kinds if kind is not None and not isinstance(kind, str))


def _path_item(path: str) -> Json:
    """Build the part that all methods of a path share: OPTIONS, and the path parameters."""
    response = {
        "description": "The supported methods",
        "headers": {name: _RESPONSE_HEADERS[name] for name in ("Allow", REQUEST_ID)},
    }
    item: Json = {"options": {"summary": "Supported methods", "responses": {"204": response}}}
    names = re.findall(r"{(\w+)}", path)
    if names:
        schema = {"type": "string", "format": "uuid"}
        item["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": schema} for name in names
        ]
    return item


def _operation_object(operation: Operation, schemas: "Schemas", bodies: Mapping[str, Any]) -> Json:
    parameters = [each for model in operation.queries for each in schemas.parameters(model)]
    queries = {each["name"]: each for each in parameters}
    headers = [
        {"name": name, "in": "header", **_REQUEST_HEADERS[name]}
        for name in _request_headers(operation)
    ]
    words = re.findall(r"\w+", operation.path.replace("{job_id}", "one")) or ["index"]
    result: Json = {
        "summary": operation.summary,
        **({"description": f"Role: {operation.role}."} if operation.role else {"security": []}),
        "operationId": "_".join([operation.method, *words]),
        "parameters": [*queries.values(), *headers],
        "responses": _responses(operation, schemas),
    }
    if operation.body == FILE:
        content = {"application/octet-stream": {"schema": _FILE}}
        result["requestBody"] = {"required": True, "content": content}
    elif operation.body:
        kinds = bodies if operation.body == NEW_JOB else {"application/json": operation.body}
        content = {kind: {"schema": schemas.of(model)} for kind, model in kinds.items()}
        result["requestBody"] = {"required": True, "content": content}
    return result


def _request_headers(operation: Operation) -> Iterator[str]:
    yield from operation.request_headers
    if any(issubclass(model, WaitQuery) for model in operation.queries):
        yield "Prefer"
    if operation.is_stream:
        yield "Last-Event-ID"
    if _has_etag(operation) or (operation.method != "get" and "{" in operation.path):
        yield from ("If-Match", "If-None-Match")


def _responses(operation: Operation, schemas: "Schemas") -> Json:
    responses = {
        str(status): _response(status, content, operation, schemas)
        for status, content in operation.responses.items()
    }
    if _has_etag(operation):
        responses["304"] = {"description": _OK[304]}
    problem = {CONTENT_TYPE: {"schema": schemas.of(ProblemDocument)}}
    for status in {*_COMMON_PROBLEMS, *operation.problems, *_problems(operation)}:
        responses[str(status)] = {"description": _PROBLEMS[status], "content": problem}
    if "401" in responses:
        responses["401"]["headers"] = {"WWW-Authenticate": _RESPONSE_HEADERS["WWW-Authenticate"]}
    for response in responses.values():
        response.setdefault("headers", {})[REQUEST_ID] = _RESPONSE_HEADERS[REQUEST_ID]
    return dict(sorted(responses.items()))


def _problems(operation: Operation) -> Iterator[int]:
    """Yield the statuses of errors that follow from the fields of an operation."""
    if operation.role is not None:
        yield 401
    if operation.method != "get":
        yield 403
    if "{" in operation.path and operation.method != "put":
        yield 404
    if not operation.is_stream:
        yield 412
    if operation.body:
        yield 415


def _response(status: int, alternatives: Any, operation: Operation, schemas: "Schemas") -> Json:
    response: Json = {"description": _OK[status]}
    kinds = alternatives if isinstance(alternatives, tuple) else (alternatives,)
    content = {kind: {"schema": _TEXT} for kind in kinds if isinstance(kind, str)}
    if documents := _documents(alternatives):
        model = documents if len(documents) > 1 else documents[0]
        content["application/json"] = {"schema": schemas.of(model)}
    if content:
        response["content"] = content
    etag = ["Etag"] if status == 200 and _has_etag(operation) else []
    names = [*operation.response_headers.get(status, ()), *etag]
    if names:
        response["headers"] = {name: _RESPONSE_HEADERS[name] for name in names}
    return response


def _has_etag(operation: Operation) -> bool:
    return operation.method == "get" and not operation.is_stream


def _head_operation(get: Json) -> Json:
    """Build the HEAD operation from GET: the same without content."""
    responses = {
        status: {key: value for key, value in response.items() if key != "content"}
        for status, response in get["responses"].items()
    }
    return {**get, "operationId": f"head_{get['operationId']}", "responses": responses}


class _ClosedDocuments(GenerateJsonSchema):
    """Generates schemas; documents that the service sends have no other fields."""

    def typed_dict_schema(self, schema: Any) -> Json:
        """Generate the schema of a document, or of a TypedDict in the payload of a job type."""
        generated = super().typed_dict_schema(schema)
        is_own = schema["cls"].__module__ == ProblemDocument.__module__
        return {**generated, "additionalProperties": False} if is_own else generated


class Schemas:
    """The schemas of many models. Shared definitions are in `components`, and are used by
    reference.
    """

    def __init__(self, models: Iterable[Any]):
        adapters = [(each, "validation", TypeAdapter(each)) for each in models]
        found, shared = TypeAdapter.json_schemas(
            adapters,  # type: ignore[arg-type]
            ref_template="#/components/schemas/{model}",
            schema_generator=_ClosedDocuments,
        )
        self.components: Json = shared.get("$defs", {})
        self._schemas = {model: schema for (model, _), schema in found.items()}

    def of(self, model: Any) -> Json:
        """Return the schema of a model, or one that accepts any model of a tuple."""
        if isinstance(model, tuple):
            return {"anyOf": [self.of(each) for each in model]}
        return dict(self._schemas[model])

    def parameters(self, model: Any) -> list[Json]:
        """Return the fields of a model as query parameters."""
        schema = self.of(model)
        if "$ref" in schema:
            schema = self.components[schema["$ref"].rpartition("/")[2]]
        return [_parameter(name, field) for name, field in schema["properties"].items()]


def _new_jobs(job_types: Mapping[str, JobType[Any]]) -> tuple[Any, Any]:
    """Create the models of new jobs and of forms with a file.

    Each is a union of models of the job types with their payloads. There is no model of forms if no
    job type needs a file.
    """
    jobs: list[Any] = []
    forms: list[Any] = []
    file: dict[str, Any] = {FILE_PART: (bytes, ...)}
    for name, job_type in sorted(job_types.items()):
        own: dict[str, Any] = {"type": (Literal[name], ...), "payload": (job_type.Payload, ...)}
        doc = (type(job_type).__doc__ or "").strip().partition("\n")[0]
        jobs.append(create_model(f"NewJob_{name}", __base__=Submission, __doc__=doc, **own))
        if job_type.upload == "required":
            forms.append(create_model(f"Form_{name}", __base__=jobs[-1], **file))
    return reduce(or_, jobs), reduce(or_, forms) if forms else None


def _parameter(name: str, schema: Json) -> Json:
    """Build a query parameter. An optional field may be null; an optional parameter is left out
    instead.
    """
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "title")}
    if rest.get("default", 0) is None:
        del rest["default"]
    description = rest.pop("description", "")
    own = {**kinds[0], **rest} if len(kinds) == 1 else {"anyOf": kinds, **rest} if kinds else rest
    return {"name": name, "in": "query", "description": description, "schema": own}

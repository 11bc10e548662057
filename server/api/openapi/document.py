"""Builds /openapi.json (OpenAPI 3.1).

It is generated from the models that validate requests, the types of the documents that are sent,
and the table of operations.
"""

from collections.abc import Iterable, Iterator, Mapping

from runner.job_types.base import AnyJobType
from server.api.openapi.components import (
    COMMON_PROBLEMS,
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    WEBHOOK_HEADERS,
    header_references,
    problem_reference,
    problem_responses,
    request_headers,
    security_schemes,
)
from server.api.openapi.new_jobs import NewJobs
from server.api.openapi.operation import (
    ANY_TYPE,
    BATCH,
    EVENT_STREAM,
    FILE,
    FORM,
    NEW_JOB,
    OFFSET_STREAM,
    TAGS,
    ZIP,
    Operation,
)
from server.api.openapi.schemas import Schemas
from server.documents.filters import WaitQuery
from server.documents.options.upload_reference import EXAMPLE_SHA256, SHA256_PATTERN
from server.documents.schemas.events import CallbackDocument
from server.documents.schemas.job_schemas import VIEW_TYPES, JobView
from server.documents.schemas.problems import ProblemDocument
from server.http.response import HEADER as REQUEST_ID
from storage.records.json_values import Json
from storage.records.release import RELEASE

_ABOUT = "Accepts jobs, runs them in processes, and lets clients follow, list and cancel them."
_STATUSES = {
    200: "Success",
    201: "Created",
    202: "Accepted",
    204: "No content",
    206: "A part of the file",
    424: "The job failed or was canceled",
}
_BYTES: Json = {"type": "string", "format": "binary"}
_FILE: Json = {
    "application/octet-stream": {
        "schema": _BYTES,
        "example": "2030-01-31 12:00:00 ERROR out of paper",
    }
}
_PIECE: Json = {OFFSET_STREAM: _FILE["application/octet-stream"]}
_NOT_MODIFIED: Json = {"description": "Not modified", "headers": header_references([REQUEST_ID])}
_TEXT: Json = {"schema": {"type": "string"}}
_UUID: Json = {"schema": {"type": "string", "format": "uuid"}}
_HASH: Json = {
    "schema": {"type": "string", "pattern": f"^sha256:{SHA256_PATTERN}$"},
    "example": f"sha256:{EXAMPLE_SHA256}",
}
_ABOUT_HASH = "`sha256:` and the SHA-256 of the file, in hexadecimal"
_PATH_PARAMETERS: dict[str, tuple[str, str, Json]] = {
    "/jobs/{job_id}": ("job_id", "Id of the job", _UUID),
    "/jobs/{job_id}/files/": ("name", "Name of the file", _TEXT),
    "/batches/{batch_id}": ("batch_id", "Id of the batch", _UUID),
    "/uploads/{upload_id}": ("upload_id", "Id of the resumable upload", _UUID),
    "/files/{hash}": ("hash", _ABOUT_HASH, _HASH),
    "/schedules/{name}": ("name", "Name of the schedule", _TEXT),
    "/queues/{name}": ("name", "Name of the queue", _TEXT),
    "/types/{name}": ("name", "Name of the job type", _TEXT),
    "/pattern-sets/{name}": ("name", "Name of the pattern set", _TEXT),
    "/analyze/{name}": ("name", "Name of the file", _TEXT),
}
"""By the beginning of the path: name, description, and the rest."""


def describe(
    job_types: Mapping[str, AnyJobType], operations: Iterable[Operation], examples: Json
) -> Json:
    """Build the whole document for these job types, with examples of all bodies."""
    new_jobs = NewJobs(job_types)
    operations = [each for each in operations if each.body != FORM or new_jobs.form]
    schemas = Schemas([*new_jobs.models, *VIEW_TYPES.values(), *_models(operations)], examples)
    new_jobs.add_to(schemas)
    views = {name: schemas.of(each) for name, each in VIEW_TYPES.items()}
    schemas.resolved(JobView)["$defs"] = views
    bodies = {
        NEW_JOB: new_jobs.content(schemas),
        BATCH: new_jobs.batch_content(schemas),
        FORM: new_jobs.form_content(schemas),
        FILE: _FILE,
        OFFSET_STREAM: _PIECE,
    }
    paths: dict[str, Json] = {}
    for operation in operations:
        item = paths.setdefault(operation.path, _path_item(operation.path))
        item[operation.method] = _operation_object(operation, schemas, bodies)
    webhooks = {"jobEnded": {"post": _callback(schemas)}}
    responses = problem_responses(schemas.of(ProblemDocument))
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Job Service",
            "version": RELEASE,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The listener that serves this document"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{name: []} for name in security_schemes()],
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": schemas.used([paths, webhooks, responses]),
            "responses": responses,
            "headers": RESPONSE_HEADERS,
            "securitySchemes": security_schemes(),
        },
    }


def _models(operations: list[Operation]) -> Iterator[object]:
    """Yield the types of all documents and queries."""
    yield from (ProblemDocument, CallbackDocument)
    for operation in operations:
        yield from (*operation.queries, *operation.events)
        for each in (operation.body, *operation.responses.values()):
            yield from _documents(each)


def _documents(alternatives: object) -> tuple[object, ...]:
    """Return the types of documents among alternatives, without media types and None."""
    kinds = alternatives if isinstance(alternatives, tuple) else (alternatives,)
    return tuple(kind for kind in kinds if kind is not None and not isinstance(kind, str))


def _path_item(path: str) -> Json:
    """Build the part that all methods of a path share: the path parameters."""
    parameters = [
        {"in": "path", "required": True, "name": name, "description": about, **rest}
        for beginning, (name, about, rest) in _PATH_PARAMETERS.items()
        if path.startswith(beginning)
    ]
    return {"parameters": parameters} if parameters else {}


def _operation_object(
    operation: Operation, schemas: Schemas, bodies: Mapping[str, dict[str, Json]]
) -> Json:
    parameters = [each for model in operation.queries for each in schemas.parameters(model)]
    queries = {each["name"]: each for each in parameters}
    headers = request_headers(_request_headers(operation), REQUEST_HEADERS)
    others = " for jobs that the caller has submitted, admin for others" if operation.is_own else ""
    role = f"Role: {operation.role}{others}." if operation.role else "No token is needed."
    result: Json = {
        "summary": operation.summary,
        "description": f"{operation.description} {role}",
        "operationId": operation.id,
        "tags": [operation.tag],
        **({} if operation.role else {"security": []}),
        "parameters": [*queries.values(), *headers],
        "responses": _responses(operation, schemas),
    }
    if operation.body:
        content = bodies.get(operation.body) if isinstance(operation.body, str) else None
        if content is None:
            content = _contents(operation, operation.body, schemas)
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


def _responses(operation: Operation, schemas: Schemas) -> Json:
    responses = {
        str(status): _response(status, content, operation, schemas)
        for status, content in operation.responses.items()
    }
    if _has_etag(operation):
        responses["304"] = _NOT_MODIFIED
    for status in {*COMMON_PROBLEMS, *operation.problems, *_problems(operation)}:
        responses[str(status)] = problem_reference(status)
    return dict(sorted(responses.items()))


def _problems(operation: Operation) -> Iterator[int]:
    """Yield the statuses of errors that follow from the fields of an operation."""
    if operation.role is not None:
        yield from (401, 403)
    if operation.method != "get":
        yield 403
    if "{" in operation.path and operation.method != "put":
        yield 404
    if not operation.is_stream:
        yield 412
    if operation.body:
        yield 415


def _response(status: int, alternatives: object, operation: Operation, schemas: Schemas) -> Json:
    is_resource = (status == 200 and _has_etag(operation)) or _is_changed(operation, status)
    etag = ["Etag"] if is_resource else []
    names = [*operation.response_headers.get(status, ()), *etag, REQUEST_ID]
    response: Json = {"description": _STATUSES[status], "headers": header_references(names)}
    content = _contents(operation, alternatives, schemas, status)
    return {**response, "content": content} if content else response


def _contents(
    operation: Operation, alternatives: object, schemas: Schemas, status: int = 200
) -> Json:
    """Describe the alternatives of a body by their media types."""
    kinds = alternatives if isinstance(alternatives, tuple) else (alternatives,)
    content = {}
    for kind in kinds:
        if isinstance(kind, str):
            example = schemas.examples[f"{operation.path} {kind}"]
            content[kind] = {"schema": _text_schema(kind, operation, schemas), "example": example}
        elif kind is not None:
            content["application/json"] = _media_type(kind, schemas, status)
    return content


def _text_schema(kind: str, operation: Operation, schemas: Schemas) -> Json:
    """Describe a body that is not JSON, by its media type."""
    if kind == EVENT_STREAM:
        return _stream(operation, schemas)
    return _BYTES if kind in (*ANY_TYPE, ZIP) else {"type": "string"}


def _media_type(model: object, schemas: Schemas, status: int = 200) -> Json:
    name, examples = getattr(model, "__name__", ""), schemas.examples
    return {
        "schema": schemas.of(model),
        "example": examples.get(f"{name} {status}", examples[name]),
    }


def _stream(operation: Operation, schemas: Schemas) -> Json:
    """Describe a stream of events: a text, as clients without a parser for streams see it."""
    events = [schemas.of(event) for event in operation.events]
    item = {"oneOf": events} if len(events) > 1 else events[0]
    return {
        "type": "string",
        "description": "Server-sent events. Each has these fields, and its data is JSON.",
        "contentMediaType": EVENT_STREAM,
        "contentSchema": {"type": "array", "items": item},
    }


def _callback(schemas: Schemas) -> Json:
    """Describe the request that the service sends to a callback_url."""
    return {
        "summary": "A job has ended",
        "description": "Sent to the `callback_url` of the job, and to the callbacks of the service"
        " that select the job, signed as Standard Webhooks. Any status from 200 to 299 acknowledges"
        " it; else it is sent again.",
        "operationId": "jobEnded",
        "tags": ["callbacks"],
        "security": [],
        "parameters": request_headers(WEBHOOK_HEADERS, WEBHOOK_HEADERS),
        "requestBody": {
            "required": True,
            "content": {"application/json": _media_type(CallbackDocument, schemas)},
        },
        "responses": {"204": {"description": "The callback is acknowledged"}},
    }


def _is_changed(operation: Operation, status: int) -> bool:
    """Whether a response shows a resource that was changed or created."""
    is_change = operation.method == "patch" or (
        operation.method == "put" and 201 in operation.responses
    )
    return is_change and status in (200, 201)


def _has_etag(operation: Operation) -> bool:
    return operation.method == "get" and not operation.is_stream

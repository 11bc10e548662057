"""/openapi.json: the API as OpenAPI 3.1, made from the models that check requests, the types of the
documents that are sent, and the table of operations."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from runner.job_types.base import JobType
from server.auth.sessions import COOKIE
from server.documents.service_schemas import ProblemDocument
from server.http.problems import CONTENT_TYPE
from server.openapi.operation import NEW_JOB, OWN, Operation
from server.openapi.operations import OPERATIONS
from server.openapi.schemas import Json, Schemas, new_forms, new_jobs

_ABOUT = "Takes jobs, runs them in processes, and lets clients follow, list and cancel them."
_ALWAYS = (400, 408, 413, 429, 431, 503)
"""Problems of any call: it cannot be read, is too slow or too large, comes too often; or the store
cannot take it."""
_PROBLEMS = {
    400: "It cannot be read",
    401: "A token is needed, or this one is not known",
    403: "The role is not enough, or a page of another origin may not do this",
    404: "There is no such job",
    408: "It has come too slowly",
    409: "The state of the job, or of an earlier request, does not allow it",
    413: "It is too large",
    415: "This kind of body is not taken",
    422: "It can be read, but not accepted; errors names each field",
    429: "Too many requests; Retry-After, RateLimit",
    431: "The head of the request is too large",
    503: "The store cannot take it now, or no more jobs; Retry-After",
    507: "The disk has no room",
}
_SCHEMES: dict[str, Json] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "Of API_TOKENS or API_TOKENS_FILE; where none is set, none is needed",
    },
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The sign-in of the web front end; by https, its name begins with __Host-",
    },
}
_OK = {200: "Here it is", 201: "Made", 202: "Accepted", 204: "Done", 304: "Nothing has changed"}
_TEXT: Json = {"type": "string"}
_NUMBER: Json = {"type": "string", "pattern": "^[0-9]{1,18}$"}
_SENT: dict[str, Json] = {
    "Location": {"description": "Where the job is", "schema": _TEXT},
    "Idempotency-Replayed": {"description": "An earlier answer again", "schema": {"const": "true"}},
    "Link": {"description": "The next page (RFC 8288)", "schema": _TEXT},
    "Retry-After": {"description": "Seconds until it can have changed", "schema": _TEXT},
    "Etag": {"description": "Of this very answer, for If-None-Match", "schema": _TEXT},
    "Allow": {"description": "The methods that are supported", "schema": _TEXT},
    "Set-Cookie": {"description": "The sign-in, or its end", "schema": _TEXT},
    "WWW-Authenticate": {"description": "Bearer (RFC 6750)", "schema": _TEXT},
}
_TAKEN: dict[str, Json] = {
    "Prefer": {"description": "wait=30 is like the parameter wait (RFC 7240)", "schema": _TEXT},
    "Last-Event-ID": {"description": "Go on after this event", "schema": _NUMBER},
    "If-None-Match": {"description": "An Etag: 304 if nothing has changed", "schema": _TEXT},
    "Idempotency-Key": {
        "description": "Any text; sent again with it, a submission makes no second job",
        "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
    },
    "Traceparent": {"description": "The client's trace (W3C), if there are any", "schema": _TEXT},
}


def document(job_types: Mapping[str, JobType[Any]]) -> Json:
    """All of it, for these job types."""
    jobs, forms = new_jobs(job_types), new_forms(job_types)
    models = [jobs, ProblemDocument, *_models(), *([forms] if forms else [])]
    schemas = Schemas(dict.fromkeys(models))
    bodies = {"application/json": jobs} | ({"multipart/form-data": forms} if forms else {})
    paths: dict[str, Json] = {}
    for each in OPERATIONS:
        item = paths.setdefault(each.path, _item(each.path))
        item[each.method] = _operation(each, schemas, bodies)
        if each.method == "get":
            item["head"] = _head(item["get"])
    return {
        "openapi": "3.1.0",
        "info": {"title": "Job Service", "version": "1", "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": _SCHEMES},
        "security": [{name: []} for name in _SCHEMES],
    }


def _models() -> Iterable[Any]:
    """All that the operations name."""
    for each in OPERATIONS:
        for wanted in (*each.queries, each.body, *each.answers.values()):
            for one in wanted if isinstance(wanted, tuple) else (wanted,):
                if one is not None and not isinstance(one, str):
                    yield one


def _item(path: str) -> Json:
    """What all methods of a path have in common, and OPTIONS."""
    allowed = {"description": "What is supported", "headers": {"Allow": _SENT["Allow"]}}
    item: Json = {"options": {"summary": "What is supported here", "responses": {"204": allowed}}}
    names = re.findall(r"{(\w+)}", path)
    if names:
        schema = {"type": "string", "format": "uuid"}
        item["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": schema} for name in names
        ]
    return item


def _needs(operation: Operation) -> Json:
    """What is said of the caller."""
    if operation.role is None:
        return {"security": []}
    roles = "submit for jobs that the caller has submitted, admin for others"
    return {"description": f"Role: {roles if operation.role == OWN else operation.role}."}


def _operation(operation: Operation, schemas: Schemas, bodies: Mapping[str, Any]) -> Json:
    parameters = [each for model in operation.queries for each in schemas.parameters(model)]
    queries = {each["name"]: each for each in parameters}
    takes = [*operation.takes, *(["If-None-Match"] if _has_etag(operation) else [])]
    headers = [{"name": name, "in": "header", **_TAKEN[name]} for name in takes]
    made: Json = {
        "summary": operation.summary,
        **_needs(operation),
        "operationId": _name(operation),
        "parameters": [*queries.values(), *headers],
        "responses": _responses(operation, schemas),
    }
    if operation.body:
        kinds = bodies if operation.body == NEW_JOB else {"application/json": operation.body}
        content = {kind: {"schema": schemas.of(model)} for kind, model in kinds.items()}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _responses(operation: Operation, schemas: Schemas) -> Json:
    found = {
        str(status): _answer(status, wanted, operation, schemas)
        for status, wanted in operation.answers.items()
    }
    if _has_etag(operation):
        found["304"] = {"description": _OK[304]}
    problem = {CONTENT_TYPE: {"schema": schemas.of(ProblemDocument)}}
    for status in {*_ALWAYS, *operation.problems, *_refusals(operation)}:
        found[str(status)] = {"description": _PROBLEMS[status], "content": problem}
        if status == 401:
            found["401"]["headers"] = {"WWW-Authenticate": _SENT["WWW-Authenticate"]}
    return dict(sorted(found.items()))


def _refusals(operation: Operation) -> Iterator[int]:
    """Problems of who asks. To look, the least role is enough."""
    if operation.role is not None:
        yield 401
    if operation.method != "get":
        yield 403


def _answer(status: int, wanted: Any, operation: Operation, schemas: Schemas) -> Json:
    answer: Json = {"description": _OK[status]}
    kinds = wanted if isinstance(wanted, tuple) else (wanted,)
    documents = tuple(kind for kind in kinds if kind is not None and not isinstance(kind, str))
    content = {kind: {"schema": _TEXT} for kind in kinds if isinstance(kind, str)}
    if documents:
        one = documents if len(documents) > 1 else documents[0]
        content["application/json"] = {"schema": schemas.of(one)}
    if content:
        answer["content"] = content
    etag = ["Etag"] if status == 200 and _has_etag(operation) else []
    names = [*operation.headers.get(status, ()), *etag]
    if names:
        answer["headers"] = {name: _SENT[name] for name in names}
    return answer


def _has_etag(operation: Operation) -> bool:
    return operation.method == "get" and not operation.is_stream


def _head(get: Json) -> Json:
    """HEAD is GET without content."""
    responses = {
        status: {key: value for key, value in answer.items() if key != "content"}
        for status, answer in get["responses"].items()
    }
    return {**get, "operationId": f"head_{get['operationId']}", "responses": responses}


def _name(operation: Operation) -> str:
    words = re.findall(r"\w+", operation.path.replace("{job_id}", "one"))
    return "_".join([operation.method, *words] if words else [operation.method, "index"])

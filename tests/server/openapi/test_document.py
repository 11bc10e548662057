"""/openapi.json describes every route and method, and nothing else.

The tests' HTTP client checks every response against it: `tests.support.openapi_conformance`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.web import Application, RequestHandler

from runner.job_types import loader as job_types
from server.app import App
from server.checking.submission import Submission
from server.documents.filters import BulkBody, ListQuery
from server.handlers.base import Handler
from server.handlers.pages import ErrorPageHandler, FileHandler, NoPageHandler, PageHandler
from server.http.codes import Code
from server.http.problems import CONTENT_TYPE
from tests.support.api import Client
from tests.support.openapi_conformance import described_api
from tests.support.stores import Bench

WITHOUT_API = (PageHandler, NoPageHandler, FileHandler, ErrorPageHandler)
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def routes(app: App) -> dict[str, type[Handler]]:
    """Return the handler of each path of the API, named as in the document; without the pages."""
    assert isinstance(app.application, Application)
    found = {}
    for rule in app.application.wildcard_router.rules:
        pattern = rule.matcher.regex.pattern  # type: ignore[attr-defined]
        name = "{name}" if pattern.startswith(("/queues", "/analyze")) else "{job_id}"
        path = pattern.removesuffix("$").removesuffix("/?").replace("([^/]+)", name)
        found[path.replace("\\", "")] = rule.target
    return {path: handler for path, handler in found.items() if handler not in WITHOUT_API}


def implemented(handler: type[RequestHandler]) -> set[str]:
    """Return the methods that a handler class implements."""
    return {name for name in METHODS if getattr(handler, name) is not getattr(RequestHandler, name)}


def test_every_route_and_method_is_described_and_nothing_else(app: App) -> None:
    described = described_api()["paths"]
    handlers = routes(app)
    assert set(handlers) == set(described)
    for path, handler in handlers.items():
        methods = set(described[path]) - {"parameters"}
        assert methods == implemented(handler), path
        assert ", ".join(sorted(each.upper() for each in methods)) == handler.ALLOW


def test_every_reference_resolves() -> None:
    document = described_api()
    references = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))
    assert len(references) > 20
    for reference in references:
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]
        assert target


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in described_api()["paths"].items():
        for method in sorted(set(METHODS) & set(item)):
            yield f"{method} {path}", item[method]


def test_every_response_has_the_id_of_its_request() -> None:
    for name, operation in operations():
        for status, response in operation["responses"].items():
            assert "X-Request-Id" in response["headers"], (name, status)


def test_problems_name_every_code() -> None:
    properties = described_api()["components"]["schemas"]["ProblemDocument"]["properties"]
    assert properties["code"]["enum"] == [str(code) for code in Code]
    assert {"type", "request_id", "errors"} <= set(properties)


@pytest.mark.parametrize("name", [name for name, _ in operations()])
def test_every_operation_describes_its_errors(name: str) -> None:
    method, operation = name.partition(" ")[0], dict(operations())[name]
    statuses = set(operation["responses"])
    if method == "options":
        assert statuses == {"204"}
        return
    assert {"400", "413", "503"} <= statuses
    assert ("403" in statuses) == (method in ("post", "put", "patch", "delete"))
    is_open = operation.get("security") == []
    assert ("401" in statuses) == (not is_open or name == "post /session")
    assert is_open or operation["description"].startswith("Role: ") or name == "get /"
    is_cached = method in ("get", "head") and not name.endswith("events")
    assert ("304" in statuses) == is_cached
    assert ("412" in statuses) == (not name.endswith("events"))
    # PUT creates a resource that does not exist.
    assert ("404" in statuses) == ("{" in name and method != "put")
    for status, answer in operation["responses"].items():
        kinds = set(answer.get("content", {}))
        assert answer["description"]
        wanted = {"text/plain"} if status == "424" else {CONTENT_TYPE}
        assert method == "head" or status < "400" or kinds == wanted


def test_requests_are_described_by_the_models_that_check_them() -> None:
    document = described_api()
    query = {
        parameter["name"]: parameter["schema"]
        for parameter in document["paths"]["/jobs"]["get"]["parameters"]
        if parameter["in"] == "query"
    }
    assert set(query) == {*ListQuery.model_fields, "id", "wait"}
    assert (query["limit"]["minimum"], query["limit"]["maximum"]) == (1, 500)
    assert all("null" not in json.dumps(schema) for schema in query.values())
    schemas = document["components"]["schemas"]
    assert set(schemas["BulkBody"]["properties"]) == set(BulkBody.model_fields)
    for name, job_type in job_types.find().items():
        schema = schemas[f"NewJob_{name}"]
        assert set(schema["properties"]) == set(Submission.model_fields)
        assert schema["properties"]["type"]["const"] == name
        payload = schema["properties"]["payload"]["$ref"].rpartition("/")[2]
        assert schemas[payload]["properties"].keys() == job_type.Payload.model_fields.keys()
    assert "filename" in schemas["Form_analyze"]["required"]


@pytest.mark.gen_test
async def test_the_document_is_served(client: Client, bench: Bench) -> None:
    assert await client.get("/openapi.json") == json.loads(json.dumps(described_api()))
    response = await client.fetch("/openapi.json", method="HEAD")
    assert response.headers["Etag"]


def test_an_application_describes_its_job_types(app: App) -> None:
    names = set(app.openapi["components"]["schemas"])
    assert {"NewJob_analyze", "NewJob_sleep"} <= names

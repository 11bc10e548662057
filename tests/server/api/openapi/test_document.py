"""/openapi.json describes every route and method but HEAD and OPTIONS, and nothing else.

The tests' HTTP client checks every response against it: `tests.support.openapi_conformance`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tornado.web import RequestHandler

from runner.job_types.registry import loader as job_types
from server.api.session.sign_in import (
    CallbackHandler,
    RenewalHandler,
    SignInHandler,
    SignOutHandler,
)
from server.documents.filters import BulkBody, ListQuery
from server.documents.schemas.events import CallbackDocument
from server.documents.schemas.job_schemas import JobDocument
from server.documents.submission import Submission
from server.handlers.base import Handler
from server.handlers.guides import GuideHandler
from server.handlers.pages import ErrorPageHandler, FileHandler, NoPageHandler, PageHandler
from server.http.codes import Code
from server.http.problems import CONTENT_TYPE
from server.start.app import App
from server.start.description import OPERATIONS, examples
from server.start.routes import routes
from tests.support.api import Client
from tests.support.openapi_conformance import adapter, described_api
from tests.support.stores import Bench

WITHOUT_API = (
    *(PageHandler, NoPageHandler, FileHandler, ErrorPageHandler, GuideHandler),
    *(SignInHandler, CallbackHandler, RenewalHandler, SignOutHandler),
)
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def api_handlers(app: App) -> dict[str, type[Handler]]:
    """Return the handler of each path of the API, named as in the document; without the pages."""
    rules = [rule for rule in routes(app) if rule.handler_class not in WITHOUT_API]
    return {rule.handler_class.ROUTE: rule.handler_class for rule in rules}


def test_each_handler_has_the_route_of_its_path(app: App) -> None:
    for path in api_handlers(app):
        found = next(rule for rule in routes(app) if rule.regex.match(path))
        assert path == found.handler_class.ROUTE


def implemented(handler: type[RequestHandler]) -> set[str]:
    """Return the methods that a handler class implements."""
    return {name for name in METHODS if getattr(handler, name) is not getattr(RequestHandler, name)}


def test_every_route_and_method_is_described_and_nothing_else(app: App) -> None:
    described = described_api()["paths"]
    handlers = api_handlers(app)
    assert set(handlers) == set(described)
    for path, handler in handlers.items():
        methods = set(described[path]) - {"parameters"}
        methods |= {"options", *(["head"] if "get" in methods else [])}
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


def responses(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the responses of an operation, without references."""
    shared = described_api()["components"]["responses"]
    return {
        status: shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
        for status, response in operation["responses"].items()
    }


def test_every_response_has_the_id_of_its_request() -> None:
    for name, operation in operations():
        for status, response in responses(operation).items():
            assert "X-Request-Id" in response["headers"], (name, status)


def texts(path: str) -> set[str]:
    """Return the media types of the responses at a path."""
    found = [responses(each) for name, each in operations() if name.endswith(f" {path}")]
    return {
        kind for each in found for response in each.values() for kind in response.get("content", ())
    }


def contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the media types of all requests and responses, with a name."""
    for name, operation in [*operations(), ("callback", callback())]:
        found = {"request": operation.get("requestBody", {}), **responses(operation)}
        for place, each in found.items():
            for kind, content in each.get("content", {}).items():
                yield f"{name} {place} {kind}", content


def callback() -> dict[str, Any]:
    """Return the description of callbacks."""
    described: dict[str, Any] = described_api()["webhooks"]["jobEnded"]["post"]
    return described


def test_every_request_and_response_has_an_example() -> None:
    for name, content in contents():
        assert "example" in content or content["examples"], name


def models() -> Iterator[Any]:
    """Yield the types of all JSON bodies."""
    yield CallbackDocument
    for operation in OPERATIONS:
        for body in (operation.body, *operation.responses.values()):
            kinds = body if isinstance(body, tuple) else (body,)
            yield from (kind for kind in kinds if kind is not None and not isinstance(kind, str))


def test_the_examples_are_of_their_types() -> None:
    used: dict[str, Any] = {each.__name__: each for each in models()}
    for name, example in examples().items():
        model = used.get(name.removesuffix(" 202"))
        validate = getattr(model, "model_validate_json", None)
        if validate:
            validate(json.dumps(example))
        elif model:
            adapter(model).validate_json(json.dumps([example]), strict=True)
        else:
            path, _, kind = name.partition(" ")
            assert kind in texts(path), f"nothing has the example {name}"
    for name, content in contents():
        if name.startswith("post /jobs request"):
            for each in content["examples"].values():
                payload = job_types.find()[each["value"]["type"]].Payload
                payload.model_validate(each["value"]["payload"])


def test_everything_that_has_a_name_is_described() -> None:
    document = described_api()
    for name, schema in document["components"]["schemas"].items():
        assert schema["description"], name
        for field, each in schema.get("properties", {}).items():
            assert each.get("description") or list(each) == ["$ref"], f"{name}.{field}"
    for name, operation in operations():
        parameters = operation["parameters"] + document["paths"][name.split()[1]].get(
            "parameters", []
        )
        assert operation["description"], name
        assert all(each["description"] for each in parameters), name


def test_operations_have_names_and_tags() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(set(names)) == len(names)
    assert {"submitJob", "uploadJob", "getJob", "listJobs", "cancelJob"} <= set(names)
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", name) for name in names)
    tags = {tag["name"] for tag in described_api()["tags"]}
    used = [*(operation["tags"] for _, operation in operations()), callback()["tags"]]
    assert {tag for each in used for tag in each} == tags


def test_no_two_enumerations_share_a_constant() -> None:
    # Go has one namespace for the constants of all enumerations.
    schemas = described_api()["components"]["schemas"].values()
    found = [
        name
        for schema in schemas
        for name in schema.get("x-enum-varnames", [each.upper() for each in schema.get("enum", [])])
    ]
    assert "QUEUED" in found
    assert len(set(found)) == len(found)


def test_no_default_is_null_or_sent_in_a_query() -> None:
    # Clients would send it.
    document = described_api()
    assert '"default": null' not in json.dumps(document)
    for name, operation in operations():
        assert all("default" not in each["schema"] for each in operation["parameters"]), name


def test_one_schema_describes_both_responses_to_a_submission() -> None:
    document = described_api()
    for path in ("/jobs", "/jobs/upload"):
        described = document["paths"][path]["post"]["responses"]
        for status in ("200", "202"):
            schema = described[status]["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/JobDocument"}
    schema = document["components"]["schemas"]["JobDocument"]
    assert set(schema["required"]) == {"job_id", "status"}
    assert set(schema["properties"]) == {
        *JobDocument.__annotations__,
        "reused_from",
        "dry_run",
        "existing",
    }


def test_streams_and_callbacks_describe_their_events() -> None:
    described = described_api()["paths"]["/jobs/{job_id}/events"]["get"]["responses"]["200"]
    schema = described["content"]["text/event-stream"]["schema"]
    names = {each["$ref"].rpartition("/")[2] for each in schema["contentSchema"]["items"]["oneOf"]}
    assert schema["type"] == "string"
    assert names == {"ChangeEvent", "DeadlineEvent", "LogEvent", "EndEvent"}
    body = callback()["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/CallbackDocument"}


def test_problems_name_every_code() -> None:
    properties = described_api()["components"]["schemas"]["ProblemDocument"]["properties"]
    assert properties["code"]["x-extensible-enum"] == [str(code) for code in Code]
    assert "enum" not in properties["code"]  # later releases may add codes
    assert {"type", "request_id", "errors"} <= set(properties)


@pytest.mark.parametrize("name", [name for name, _ in operations()])
def test_every_operation_describes_its_errors(name: str) -> None:
    method, operation = name.partition(" ")[0], dict(operations())[name]
    statuses = set(operation["responses"])
    assert {"400", "413", "503"} <= statuses
    is_open = operation.get("security") == []
    # An authenticated caller may have no role. A page of another origin may not change anything.
    assert ("403" in statuses) == (not is_open or method != "get")
    assert ("401" in statuses) == (not is_open or name == "post /session")
    assert ("No token is needed." if is_open else "Role: ") in operation["description"]
    is_cached = method == "get" and not name.endswith("events")
    assert ("304" in statuses) == is_cached
    assert ("412" in statuses) == (not name.endswith("events"))
    # PUT creates a resource that does not exist.
    assert ("404" in statuses) == ("{" in name and method != "put")
    for status, answer in responses(operation).items():
        kinds = set(answer.get("content", {}))
        assert answer["description"]
        wanted = {"text/plain"} if status == "424" else {CONTENT_TYPE}
        assert status < "400" or kinds == wanted


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
        schema = schemas[f"{name.capitalize()}JobRequest"]
        assert set(schema["properties"]) == set(Submission.model_fields)
        assert schema["properties"]["type"]["const"] == name
        payload = schema["properties"]["payload"]["$ref"].rpartition("/")[2]
        fields = job_type.Payload.model_fields.items()
        names = {field.alias or name for name, field in fields}
        assert schemas[payload]["properties"].keys() == names
    assert "filename" in schemas["JobForm"]["required"]


@pytest.mark.gen_test
async def test_the_document_is_served(client: Client, bench: Bench) -> None:
    assert await client.get("/openapi.json") == json.loads(json.dumps(described_api()))
    response = await client.fetch("/openapi.json", method="HEAD")
    assert response.headers["Etag"]


def test_an_application_describes_its_job_types(app: App) -> None:
    names = set(app.openapi["components"]["schemas"])
    assert {"AnalyzeJobRequest", "SleepJobRequest"} <= names

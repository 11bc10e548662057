"""Query parameters: every call refuses unknown and repeated ones, and names the known ones."""

from collections.abc import Iterator

import pytest

from server.start.app import App
from tests.server.api.openapi.test_document import api_handlers, operations
from tests.support.api import Client, fields, read
from tests.support.openapi_conformance import described_api

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]

OPEN = ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"]
"""Paths of the API and the pages that ignore unknown parameters."""
HASH = "0" * 64
WRONG_NAMES = [
    ("state=failed", "state", "did you mean status?"),
    ("Status=failed", "Status", "did you mean status?"),
    ("status[]=canceled", "status[]", "did you mean status?"),
    ("status%5B%5D=canceled", "status[]", "did you mean status?"),
    ("created-after=2027-01-01", "created-after", "did you mean created_after?"),
    ("offset=10", "offset", "cursor"),
    ("page=2", "page", "limit"),
    ("=5", "query", "status"),
    ("%ff=5", "\ufffd", "status"),
    ("%00", "\0", "status"),
    ("x" * 3000, "x" * 100, "status"),
]
"""Queries of a list, with the name that the problem reports and a text in its detail."""


def calls() -> Iterator[tuple[str, str]]:
    """Yield method and path of every call that is not open to any query."""
    for name, _ in operations():
        method, path = name.split()
        if path not in OPEN:
            job_id = "01a2107d-08cc-73f5-a3eb-bdc8e70382e5"
            target = path.format(
                job_id=job_id, batch_id=job_id, upload_id=job_id, name="default", hash=HASH
            )
            yield method.upper(), target
            if method == "get":
                yield "HEAD", target


async def test_every_call_refuses_an_unknown_query_parameter(client: Client) -> None:
    for method, path in calls():
        body = b"{}" if method in ("POST", "PUT", "PATCH") else None
        headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
        options = {"method": method, "body": body, "headers": headers}
        response = await client.fetch(f"{path}?colour=red", **options)
        assert response.code == 422, (method, path)
        if method != "HEAD":
            problem = read(response, 422)
            assert fields(problem) == ["colour"]
            assert problem["detail"].startswith("colour: unknown query parameter; ")


async def test_an_unknown_filter_is_named_with_the_known_ones(client: Client) -> None:
    for query, name, meant in WRONG_NAMES:
        problem = await client.get(f"/jobs?{query}", 422)
        assert (problem["code"], fields(problem)) == ("unknown_parameter", [name])
        assert meant in problem["errors"][0]["detail"]


async def test_a_parameter_is_given_only_once(client: Client) -> None:
    for query, names in (
        ("limit=1&limit=2", ["limit"]),
        ("type=a&type=a", ["type"]),
        ("cursor=&cursor=", ["cursor"]),
        ("limit=1&state=x&limit=2&page=3", ["limit", "state", "page"]),
    ):
        assert fields(await client.get(f"/jobs?{query}", 422)) == names


async def test_a_submission_with_a_wrong_parameter_creates_no_job(client: Client) -> None:
    job = {"type": "sleep", "payload": {"seconds": 5}}
    for query in ("wait=1&wait=2", "dryrun=true"):
        await client.post(f"/jobs?{query}", job, 422)
    assert (await client.get("/jobs"))["items"] == []


async def test_a_list_takes_several_statuses_and_several_ids(client: Client) -> None:
    one, two = await client.sleep_job(), await client.sleep_job()
    for query in ("status=queued&status=failed", "status=queued,failed", f"id={one}&id={two}"):
        assert len((await client.get(f"/jobs?{query}"))["items"]) == 2


async def test_events_take_one_status_and_those_of_a_job_take_no_filter(client: Client) -> None:
    problem = await client.get("/events?status=failed&status=canceled", 422)
    assert fields(problem) == ["status"]
    path = f"/jobs/{await client.sleep_job()}/events"
    assert fields(await client.get(f"{path}?status=failed", 422)) == ["status"]


async def test_a_list_without_ids_takes_a_wait_of_zero_and_ignores_a_preference(
    client: Client,
) -> None:
    await client.sleep_job()
    for query, headers in (("?wait=0", {}), ("?wait=0.0&limit=5", {}), ("", {"Prefer": "wait=9"})):
        response = await client.fetch(f"/jobs{query}", headers=headers)
        assert len(read(response, 200)["items"]) == 1
        assert "Preference-Applied" not in response.headers


async def test_ids_and_filters_exclude_each_other(client: Client) -> None:
    job_id = await client.sleep_job()
    problem = await client.get(f"/jobs?id={job_id}&status=queued&limit=5", 422)
    assert fields(problem) == ["status", "limit"]
    assert "together with id" in problem["detail"]


async def test_all_wrong_values_of_a_list_are_reported_at_once(client: Client) -> None:
    problem = await client.get("/jobs?wait=soon&limit=0&created_after=5", 422)
    assert sorted(fields(problem)) == ["created_after", "limit", "wait"]
    problem = await client.get("/jobs?id=5&wait=soon&limit=1", 422)
    assert sorted(fields(problem)) == ["id", "limit", "wait"]


@pytest.mark.parametrize("text", ["1_0", "1.0", "%2B1", "1e1", "0x1", "%EF%BC%91", ""])
async def test_numbers_are_decimal_digits(client: Client, text: str) -> None:
    job_id = await client.sleep_job()
    for query in (f"jobs?limit={text}", f"jobs/{job_id}/logs?attempt={text}"):
        problem = await client.get(f"/{query}", 422)
        assert problem["errors"][0]["detail"] == "it must be a whole number"
    await client.get(f"/jobs/{job_id}?wait=0_1", 422)


async def test_of_a_thousand_unknown_parameters_ten_are_reported(client: Client) -> None:
    query = "&".join(f"statu{number}" for number in range(1000))
    assert len((await client.get(f"/jobs?{query}", 422))["errors"]) == 10


async def test_probes_scrapers_descriptions_and_pages_ignore_the_query(client: Client) -> None:
    for path in (*OPEN, "/ui/jobs"):
        for method in ("GET", "HEAD"):
            response = await client.fetch(f"{path}?_=1&_=2&name%5B%5D=x", method=method)
            assert response.code == 200, path


async def test_a_wrong_path_or_method_is_reported_before_its_query(client: Client) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("PATCH", "/jobs", 405),
        ("OPTIONS", "/jobs", 204),
    ):
        response = await client.fetch(f"{path}?colour=red", method=method, body=None)
        assert response.code == status


async def test_the_handlers_know_the_parameters_that_are_described(app: App) -> None:
    described = described_api()["paths"]
    for path, handler in api_handlers(app).items():
        for method in set(described[path]) - {"parameters"}:
            parameters = described[path][method]["parameters"]
            names = {each["name"] for each in parameters if each["in"] == "query"}
            models = handler.OPERATIONS[method.upper()].queries
            assert names == {name for model in models for name in model.model_fields}, path
        assert handler.ANY_QUERY is (path in OPEN), path

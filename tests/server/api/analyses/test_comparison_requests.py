"""`GET /jobs/ID/comparison` and `/jobs/ID/report` over real sockets."""

import asyncio
import base64
import hashlib
import json
import re
from typing import Any
from uuid import uuid4

import pytest

from storage.records.filters import Filters
from storage.records.states import Status
from tests.support.api import Client, fields, read
from tests.support.stores import RETURNED, Bench
from tests.support.waiting import until

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]
DAY = ["2030-01-31T00:00:00Z", "2030-02-01T00:00:00Z"]


def result(errors: int) -> dict[str, Any]:
    return {
        "counts": {"ERROR": errors},
        "matching_lines": {"ERROR": errors},
        "first_line": {"ERROR": 1},
        "last_line": {"ERROR": 900},
        "lines": 1000,
        "bytes": 50_000,
        "file": {"time_span": DAY, "seconds": 0.1},
        "warnings": [],
    }


async def analyze(client: Client, status: int = 202, **payload: Any) -> Any:
    """Submit an analysis, and return the response."""
    document = json.dumps({"patterns": ["ERROR"], **payload}).encode()
    parts = [("type", None, b"analyze"), ("payload", None, document)]
    return await client.post_form([*parts, ("filename", "app.log", b"ERROR\n")], status)


def end(bench: Bench, errors: int) -> None:
    """Let the oldest queued job succeed."""
    runner = bench.runner()
    bench.clock.now *= 2
    with runner.claims.transaction():
        fence = runner.claim_one()
    with runner.claims.transaction():
        runner.claims.complete(fence, json.dumps(result(errors)), RETURNED)


async def two_analyses(client: Client, bench: Bench) -> tuple[str, str]:
    """The ids of two jobs that have succeeded; the second one compares itself with the first."""
    before = (await analyze(client))["job_id"]
    end(bench, 2)
    after = (await analyze(client, compare={"job_id": before}))["job_id"]
    end(bench, 80)
    return before, after


async def test_a_job_is_compared_with_the_one_that_its_payload_names(
    client: Client, bench: Bench
) -> None:
    before, after = await two_analyses(client, bench)
    document = await client.get(f"/jobs/{after}/comparison")
    assert (document["before"]["job_id"], document["after"]["job_id"]) == (before, after)
    assert document["changes"] == {"new": 0, "gone": 0, "more": 1, "less": 0}
    assert document["counts"][0]["ratio"] == 40.0
    assert document["after"]["name"] == "app.log"


async def test_any_two_analyses_can_be_compared(client: Client, bench: Bench) -> None:
    before, after = await two_analyses(client, bench)
    turned = await client.get(f"/jobs/{before}/comparison?before={after}")
    assert turned["changes"]["less"] == 1
    strict = await client.get(f"/jobs/{after}/comparison?alpha=0.01&min_ratio=50")
    assert strict["changes"]["more"] == 0
    assert strict["significance"]["alpha"] == 0.01


async def test_an_earlier_job_must_be_named(client: Client, bench: Bench) -> None:
    before, after = await two_analyses(client, bench)
    assert fields(await client.get(f"/jobs/{before}/comparison", 422)) == ["before"]
    unknown = await client.get(f"/jobs/{after}/comparison?before={uuid4()}", 422)
    assert fields(unknown) == ["before"]
    for query in ("before=x", "alpha=0", "alpha=1", "alpha=nan", "min_ratio=0.5", "min_ratio=inf"):
        problem = await client.get(f"/jobs/{after}/comparison?{query}", 422)
        assert fields(problem) == [query.partition("=")[0]]
    assert (await client.get(f"/jobs/{uuid4()}/comparison", 404))["code"] == "job_not_found"


async def test_both_jobs_must_be_analyses_that_have_succeeded(client: Client, bench: Bench) -> None:
    _, after = await two_analyses(client, bench)
    sleeping, queued = await client.sleep_job(), (await analyze(client))["job_id"]
    for path in (
        f"/jobs/{queued}/comparison?before={after}",
        f"/jobs/{after}/comparison?before={queued}",
        f"/jobs/{after}/comparison?before={sleeping}",
    ):
        assert (await client.get(path, 409))["code"] == "no_analysis"


async def test_a_submission_names_an_existing_analysis(client: Client, bench: Bench) -> None:
    for job_id in (str(uuid4()), await client.sleep_job(), "x"):
        problem = await analyze(client, 422, compare={"job_id": job_id})
        assert fields(problem) == ["payload.compare.job_id"]
    queued = (await analyze(client))["job_id"]
    assert (await analyze(client, compare={"job_id": queued}))["status"] == "queued"


async def test_the_comparison_is_not_sent_again_while_it_is_equal(
    client: Client, bench: Bench
) -> None:
    _, after = await two_analyses(client, bench)
    response = await client.fetch(f"/jobs/{after}/comparison")
    read(response, 200)
    headers = {"If-None-Match": response.headers["Etag"]}
    again = await client.fetch(f"/jobs/{after}/comparison", headers=headers)
    assert again.code == 304


async def test_a_report_is_a_page_with_a_policy_of_its_own(client: Client, bench: Bench) -> None:
    _, after = await two_analyses(client, bench)
    response = await client.fetch(f"/jobs/{after}/report", headers={"Accept": "*/*"})
    assert (response.code, response.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = response.body.decode()
    assert text.startswith("<!doctype html>")
    assert "conditional test" in text  # its payload names an earlier job
    policy = response.headers["Content-Security-Policy"]
    (style,) = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


async def test_a_table_comes_as_csv(client: Client, bench: Bench) -> None:
    before, after = await two_analyses(client, bench)
    for path, accept in (
        (f"/jobs/{after}/report?format=csv", "text/html"),
        (f"/jobs/{after}/report", "text/csv"),
        (f"/jobs/{after}/report?table=patterns", "text/html;q=0.5, text/csv"),
    ):
        response = await client.fetch(path, headers={"Accept": accept})
        assert response.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
        assert response.body.decode() == (
            "pattern,count,matching_lines,first_line,last_line\r\nERROR,80,80,1,900\r\n"
        )
        name = f'attachment; filename="{after}-patterns.csv"'
        assert response.headers["Content-Disposition"] == name
    path = f"/jobs/{before}/report?format=csv&table=comparison&before={after}"
    compared = await client.fetch(path)
    assert compared.body.decode().splitlines()[1].startswith("less,true,pattern,,ERROR,80,")


async def test_a_report_needs_a_result_and_a_table_that_it_has(
    client: Client, bench: Bench
) -> None:
    _, after = await two_analyses(client, bench)
    path = f"/jobs/{after}/report?format=csv"
    for table in ("fields", "nothing"):
        assert fields(await client.get(f"{path}&table={table}", 422)) == ["table"]
    assert fields(await client.get(f"{path}&before={uuid4()}", 422)) == ["before"]
    sleeping = await client.sleep_job()
    assert (await client.get(f"/jobs/{sleeping}/report", 409))["code"] == "no_analysis"
    assert (await client.get(f"/jobs/{uuid4()}/report", 404))["code"] == "job_not_found"


async def test_a_report_does_without_an_earlier_job_that_is_gone(
    client: Client, bench: Bench
) -> None:
    before, after = await two_analyses(client, bench)
    assert (await client.fetch(f"/jobs/{before}", method="DELETE")).code == 204
    response = await client.fetch(f"/jobs/{after}/report")
    assert response.code == 200
    assert "conditional test" not in response.body.decode()


async def analyze_as_text(
    client: Client, bench: Bench, before: str, errors: int, query: str = ""
) -> tuple[str, list[str]]:
    """Analyze a file in one request; the id of the job, and the lines behind the totals."""
    path = f"/analyze?p=ERROR&compare={before}{query}"
    sent = asyncio.ensure_future(client.fetch(path, method="POST", body=b"ERROR\n"))
    await until(lambda: bool(bench.jobs.list(Filters(statuses=frozenset({Status.QUEUED})), 1).jobs))
    end(bench, errors)
    response = await sent
    assert response.code == 200
    job_id = response.headers["Location"].removeprefix("/jobs/")
    shown = response.body.decode().splitlines()
    return job_id, shown[shown.index("1,000 lines, 50,000 bytes, 0.100 seconds") + 1 : -2]


async def test_the_text_of_an_analysis_has_what_changed_since_an_earlier_one(
    client: Client, bench: Bench
) -> None:
    before = (await analyze(client))["job_id"]
    end(bench, 2)
    job_id, shown = await analyze_as_text(client, bench, before, 80)
    assert shown == [
        "",
        f"changes since {before} (app.log), per line:",
        "ERROR  2  80  more x40",
        "",
        f"All figures:  jobservice diff {before} {job_id}",
    ]
    assert (await client.get(f"/jobs/{job_id}"))["payload"]["compare"] == {"job_id": before}
    _, shown = await analyze_as_text(client, bench, job_id, 80)
    assert shown[1] == f"no significant change since {job_id} (unnamed), of 1 count"


async def test_the_text_says_why_there_is_no_comparison(client: Client, bench: Bench) -> None:
    before = (await analyze(client))["job_id"]
    await client.post(f"/jobs/{before}/cancel", status=200)
    _, shown = await analyze_as_text(client, bench, before, 1)
    reason = f"the job {before} is a canceled job of the type analyze"
    assert shown == ["", f"not compared with {before}: {reason}"]


@pytest.mark.parametrize("compared", ["01a2107d-08cc-73f5-a3eb-bdc8e70382e5", "x", ""])
async def test_the_job_to_compare_with_is_checked_before_the_file_arrives(
    client: Client, bench: Bench, compared: str
) -> None:
    response = await client.fetch(f"/analyze?p=a&compare={compared}", method="POST", body=b"a")
    assert fields(read(response, 422)) == ["compare"]
    assert not bench.jobs.list(Filters(), 1).jobs

"""Records of several lines: the option, and what is made of results that count them."""

import json
from typing import Any

import pytest

from server.api.analyses.tables import tables_of
from server.api.analyses.text_report import analysis_report
from tests.support.api import Client, fields
from tests.support.stores import RETURNED, Bench

pytestmark = pytest.mark.gen_test
DAY = ["2030-01-31T00:00:00Z", "2030-02-01T00:00:00Z"]


def result(**more: Any) -> dict[str, Any]:
    return {
        "counts": {"ERROR": 5},
        "matching_lines": {"ERROR": 3},
        "first_line": {"ERROR": 1},
        "last_line": {"ERROR": 900},
        "lines": 1000,
        "bytes": 50_000,
        "samples": {"ERROR": ["ERROR a\n\tat b", "ERROR c"]},
        "timeline": {
            **{"start": DAY[0], "bin_seconds": 60, "bins": 2, "total": [70, 30], "undated": 2},
            "patterns": {"ERROR": [3, 0]},
        },
        "file": {"time_span": DAY, "seconds": 1.0},
        "warnings": [],
        **more,
    }


RECORDS = {"counted": "records", "records": 100}


async def analyze(client: Client, status: int = 202, **payload: Any) -> Any:
    """Submit an analysis, and return the response."""
    document = json.dumps({"patterns": ["ERROR"], **payload}).encode()
    parts = [("type", None, b"analyze"), ("payload", None, document)]
    return await client.post_form([*parts, ("filename", "app.log", b"ERROR\n")], status)


async def analyzed(client: Client, bench: Bench, **more: Any) -> str:
    """The id of an analysis that has succeeded with such a result."""
    job_id = str((await analyze(client))["job_id"])
    runner = bench.runner()
    bench.clock.now *= 2
    with runner.claims.transaction():
        fence = runner.claim_one()
    with runner.claims.transaction():
        runner.claims.complete(fence, json.dumps(result(**more)), RETURNED)
    return job_id


@pytest.mark.parametrize(
    "wrong",
    [
        *("multiline", "", 1, None, [], {}, {"start": ""}, {"start": 1}, {"start": "a" * 1001}),
        *({"start": "("}, {"start": "a*"}, {"start": "a", "end": "b"}, {"begin": "a"}),
    ],
)
async def test_a_wrong_option_names_the_field_and_the_fix(client: Client, wrong: Any) -> None:
    problem = await analyze(client, 422, records=wrong)
    assert fields(problem) == ["payload.records"]
    assert problem["errors"][0]["detail"].startswith(("it must be", "start "))


async def test_the_option_is_accepted_in_all_its_forms(client: Client) -> None:
    for right in ("lines", "multi_line", {"start": "[0-9]{6} "}):
        job_id = (await analyze(client, records=right))["job_id"]
        assert (await client.get(f"/jobs/{job_id}"))["payload"]["records"] == right
    answer = await client.fetch("/analyze?records=multiline", method="POST", body=b"ERROR\n")
    assert fields(json.loads(answer.body)) == ["records"]


async def test_results_with_records_and_with_lines_are_not_compared(
    client: Client, bench: Bench
) -> None:
    lines, records = await analyzed(client, bench), await analyzed(client, bench, **RECORDS)
    for first, second in ((lines, records), (records, lines)):
        problem = await client.get(f"/jobs/{second}/comparison?before={first}", 422)
        assert fields(problem) == ["before"]
        assert "records" in problem["errors"][0]["detail"]


async def test_rates_of_records_are_per_record(client: Client, bench: Bench) -> None:
    before = await analyzed(client, bench, **RECORDS)
    after = await analyzed(client, bench, **{**RECORDS, "matching_lines": {"ERROR": 60}})
    document = await client.get(f"/jobs/{after}/comparison?before={before}")
    assert document["significance"]["per"] == "record"
    assert document["after"]["lines"] == 100
    assert document["counts"][0]["ratio"] == 20.0


def text_of(found: dict[str, Any]) -> str:
    job = {"job_id": "1", "status": "succeeded", "result": found}
    return analysis_report(job, "http://here")[1]


def test_the_text_says_whether_it_counts_lines_or_records() -> None:
    text = text_of(result(**RECORDS))
    assert text.startswith("pattern  count  records  first  last")
    for part in (
        "1,000 lines, 100 records, ",
        "records over time",
        "all records",
        "2 records before",
    ):
        assert part in text
    assert "  ERROR a\n   at b\n  ERROR c\n" in text
    assert "records" not in text_of(result())


def test_tables_say_whether_they_count_lines_or_records() -> None:
    tables = {table.name: table for table in tables_of(result(**RECORDS))}
    assert tables["patterns"].columns == (
        *("pattern", "count", "matching_records", "first_line", "last_line"),
    )
    assert tables["timeline"].columns == ("time", "records", "ERROR")
    assert tables["timeline"].title == "Records over time"
    assert tables["samples"].title == "Sample records"
    assert ("counted", "records") in tables["file"].rows
    assert {table.name: table for table in tables_of(result())}["patterns"].columns[2] == (
        "matching_lines"
    )

"""Limits of single jobs: they are stored, and refused if no living worker allows them."""

import json
from typing import Any
from uuid import UUID

import pytest

from storage.db.models import UploadRow
from storage.records.job_limits import WorkerLimits
from tests.support.api import Client, analyze_form, read
from tests.support.stores import Bench

pytestmark = pytest.mark.gen_test
JOB = {"type": "sleep", "payload": {"seconds": 1}}
GIB = 2**30
LIMITS = {"memory_bytes": GIB, "cpu_seconds": 60, "max_output_bytes": 4096, "nice": 10}
SMALL = WorkerLimits(GIB, 60, 65536, 5)


async def send(client: Client, method: str, path: str, document: Any, status: int) -> Any:
    headers, body = {"Content-Type": "application/json"}, json.dumps(document)
    return read(await client.fetch(path, method=method, body=body, headers=headers), status)


async def submit(client: Client, status: int = 202, **options: Any) -> Any:
    return await client.post("/jobs", {**JOB, **options}, status)


async def stored(client: Client, **options: Any) -> dict[str, Any]:
    job: dict[str, Any] = await client.get(f"/jobs/{(await submit(client, **options))['job_id']}")
    return {name: job[name] for name in LIMITS}


async def test_a_job_has_the_limits_that_it_was_submitted_with(client: Client) -> None:
    assert await stored(client, **LIMITS) == LIMITS
    assert await stored(client, nice=0) == {**dict.fromkeys(LIMITS), "nice": 0}
    assert await stored(client) == dict.fromkeys(LIMITS)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("name", "value", "detail"),
    [
        ("memory_bytes", 1000, "at least 67108864"),
        ("memory_bytes", 2**60, "at most 1125899906842624"),
        ("memory_bytes", "1G", "whole number"),
        ("cpu_seconds", 0, "at least 1"),
        ("cpu_seconds", 1.5, "whole number"),
        ("max_output_bytes", -1, "at least 0"),
        ("max_output_bytes", 2**30, "at most 16777216"),
        ("nice", -5, "at least 0"),
        ("nice", 20, "at most 19"),
    ],
)
async def test_limits_out_of_their_range_are_refused(
    client: Client, name: str, value: Any, detail: str
) -> None:
    (error,) = (await submit(client, 422, **{name: value}))["errors"]
    assert error["field"] == name
    assert detail in error["detail"]


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("memory_bytes", GIB + 1, "at most 1073741824 (JOB_MEMORY_BYTES)"),
        ("cpu_seconds", 61, "at most 60 (JOB_CPU_SECONDS)"),
        ("max_output_bytes", 65537, "at most 65536 (LOG_BYTES)"),
        ("nice", 4, "at least 5"),
    ],
)
async def test_a_limit_that_no_living_worker_allows_is_refused_with_what_they_allow(
    client: Client, bench: Bench, name: str, value: int, allowed: str
) -> None:
    await submit(client, **{name: value})  # a worker may start later
    runner = bench.runner(limits=SMALL)
    problem = await submit(client, 422, **{name: value})
    (error,) = problem["errors"]
    assert (error["field"], error["code"]) == (name, "out_of_range")
    assert f"{runner.liveness.name} allows {allowed}" in error["detail"]
    assert (await client.post("/jobs?dry_run=true", {**JOB, name: value}, 422))["errors"] == [error]
    await submit(client, **{name: getattr(SMALL, name)})
    bench.runner(limits=WorkerLimits())
    await submit(client, **{name: value})


async def test_one_worker_has_to_allow_all_limits_together(client: Client, bench: Bench) -> None:
    bench.runner(limits=WorkerLimits(GIB, None))
    bench.runner(limits=WorkerLimits(None, 60))
    both = {"memory_bytes": 2 * GIB, "cpu_seconds": 600}
    (error,) = (await submit(client, 422, **both))["errors"]
    assert error["field"] == "memory_bytes"
    assert "together with cpu_seconds" in error["detail"]
    for name, value in both.items():
        await submit(client, **{name: value})


async def test_only_workers_of_the_queue_count(client: Client, bench: Bench) -> None:
    await send(client, "PUT", "/queues/other", {}, 201)
    bench.runner(limits=SMALL)
    await submit(client, 422, memory_bytes=2 * GIB)
    bench.runner(["other"], limits=WorkerLimits())
    await submit(client, 422, memory_bytes=2 * GIB)
    await submit(client, memory_bytes=2 * GIB, queue="other")


async def test_a_worker_of_an_earlier_release_allows_no_limits(
    client: Client, bench: Bench
) -> None:
    bench.runner()
    (error,) = (await submit(client, 422, nice=19))["errors"]
    assert "runs an earlier release" in error["detail"]


async def test_a_job_of_a_batch_is_refused_alone(client: Client, bench: Bench) -> None:
    bench.runner(limits=SMALL)
    jobs = [JOB, {**JOB, "cpu_seconds": 61}, {**JOB, "cpu_seconds": 60}]
    batch = await client.post("/jobs/batch", jobs, 202)
    ((index, errors),) = [(each["index"], each["errors"]) for each in batch["refusals"]]
    assert (index, errors[0]["field"], batch["size"]) == (1, "cpu_seconds", 2)


async def test_a_form_is_refused_before_its_file_is_stored(client: Client, bench: Bench) -> None:
    bench.runner(limits=SMALL)
    problem = await client.post_form([("nice", None, b"3"), *analyze_form()], 422)
    assert "at least 5" in problem["errors"][0]["detail"]
    assert bench.store.database.rows(UploadRow.select()) == []


async def test_the_limits_of_a_queued_job_can_be_changed(client: Client, bench: Bench) -> None:
    job_id = (await submit(client, memory_bytes=GIB, nice=10))["job_id"]

    async def change(status: int = 200, **changes: Any) -> Any:
        return await send(client, "PATCH", f"/jobs/{job_id}", changes, status)

    job = await change(cpu_seconds=5, nice=None)
    assert [job[name] for name in LIMITS] == [GIB, 5, None, None]
    bench.runner(["default"], limits=SMALL)
    (error,) = (await change(422, memory_bytes=2 * GIB))["errors"]
    assert error["field"] == "memory_bytes"
    await send(client, "PUT", "/queues/small", {}, 201)
    bench.runner(["small"], limits=WorkerLimits(cpu_seconds=3))
    (error,) = (await change(422, queue="small"))["errors"]
    assert error["field"] == "cpu_seconds"
    await change(queue="small", cpu_seconds=3)
    await change(queue="default")
    job = await change(memory_bytes=None, cpu_seconds=None)
    assert [job[name] for name in LIMITS] == [None] * 4
    assert bench.job(UUID(job["job_id"])).limits is None


async def test_a_schedule_whose_jobs_no_worker_allows_is_refused(
    client: Client, bench: Bench
) -> None:
    schedule = {**JOB, "every": 3600, "options": {"cpu_seconds": 61}}
    await send(client, "PUT", "/schedules/accepted", schedule, 201)
    bench.runner(limits=SMALL)
    (error,) = (await send(client, "PUT", "/schedules/refused", schedule, 422))["errors"]
    assert error["field"] == "options.cpu_seconds"
    schedule["options"] = {"cpu_seconds": 60, "nice": 7}
    await send(client, "PUT", "/schedules/within", schedule, 201)
    run = await client.post("/schedules/within/run")
    job = await client.get(f"/jobs/{run['job_id']}")
    assert [job[name] for name in LIMITS] == [None, 60, None, 7]


async def test_a_waiting_job_explains_that_no_worker_allows_its_limits(
    client: Client, bench: Bench
) -> None:
    job_id = (await submit(client, cpu_seconds=61))["job_id"]
    bench.runner(limits=SMALL)
    explanation = await client.get(f"/jobs/{job_id}/explain")
    details = {each["code"]: each["detail"] for each in explanation["reasons"]}
    assert "at most 60 (JOB_CPU_SECONDS)" in details["no_runner"]
    assert explanation["runners"] == 0


async def test_the_overview_shows_what_workers_allow(client: Client, bench: Bench) -> None:
    bench.runner(limits=SMALL)
    bench.runner()
    found = [each["limits"] for each in (await client.get("/overview"))["runners"]]
    expected = {"memory_bytes": GIB, "cpu_seconds": 60, "max_output_bytes": 65536, "nice": 5}
    assert sorted(found, key=str) == sorted([expected, None], key=str)

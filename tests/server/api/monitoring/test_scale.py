"""`GET /scale` and its metrics, and that scaling in ends no job."""

import signal
import time

import pytest

from tests.support.api import Client, fields, read
from tests.support.metrics import samples
from tests.support.programs import Service
from tests.support.stores import Bench
from tests.support.waiting import wait_for


@pytest.mark.gen_test
async def test_the_slots_wanted_are_told_by_queue_and_as_metrics(
    client: Client, bench: Bench
) -> None:
    bench.queues.put("gpu", max_running=1)
    for queue in ("gpu", "gpu", "default"):
        bench.enqueue(queue=queue, run_at=1)
    bench.enqueue(run_at=round(1000 * time.time()) + 600_000)
    bench.runner({"gpu"}).claim_one()
    found = await client.get("/scale")
    of_default = {"running": 0, "due": 1, "not_startable": 0, "slots_wanted": 1}
    of_gpu = {"running": 1, "due": 1, "not_startable": 1, "slots_wanted": 1}
    assert found == {
        "slots_wanted": 2,
        "slots": 3,
        "busy": 1,
        "parts": 0,
        "schedules": 0,
        "queues": [{"name": "default", **of_default}, {"name": "gpu", **of_gpu}],
    }
    assert (await client.get("/scale?within=3600"))["slots_wanted"] == 3
    assert (await client.get("/scale?queue=gpu"))["queues"] == [{"name": "gpu", **of_gpu}]
    both = await client.get("/scale?queue=gpu&queue=default&within=3600")
    assert both["slots_wanted"] == 3
    metrics = await samples(client)
    assert metrics["slots_wanted",] == 2
    assert (metrics["queue_slots_wanted", "gpu"], metrics["queue_slots_wanted", "default"]) == (
        1,
        1,
    )


@pytest.mark.sqlite
@pytest.mark.gen_test
async def test_wrong_parameters_are_named(client: Client) -> None:
    for query, name in (("queue=none", "queue"), ("within=-1", "within"), ("within=x", "within")):
        assert fields(read(await client.fetch(f"/scale?{query}"), 422)) == [name]
    problem = read(await client.fetch("/scale?queue=gpu2"), 422)
    assert "PUT /queues/gpu2" in problem["detail"]


@pytest.mark.heavy
def test_a_worker_that_is_scaled_in_finishes_its_job(service: Service) -> None:
    gate = service.folder / "gate"
    workers = [service.worker(CONCURRENCY_LIMIT="1", DRAIN_SECONDS="600") for _ in range(2)]
    wait_for(lambda: service.call("GET", "/scale")[1]["slots"] == 2, 30)
    payload = {"notes": str(service.folder / "notes"), "gate": str(gate)}
    job_id = service.submit("gated", payload)
    holder = service.wait_for_status(job_id, "running")["runner"]
    assert service.call("GET", "/scale")[1]["slots_wanted"] == 1
    (busy,) = [each for each in workers if f"-{each.process.pid}-" in f"-{holder}-"]
    busy.process.send_signal(signal.SIGTERM)
    busy.logged("draining")
    other = service.submit(payload={"seconds": 0})
    assert service.result(other)["attempt"] == 1
    assert service.call("GET", "/scale")[1]["slots_wanted"] == 1
    gate.touch()
    assert busy.process.wait(30) == 0
    job = service.job(job_id)
    assert (job["status"], job["attempt"]) == ("succeeded", 1)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["returned"]
    assert service.call("GET", "/scale")[1]["slots_wanted"] == 0

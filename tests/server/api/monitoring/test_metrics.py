"""The figures about all jobs (exact, and cheap to read), and the readiness check."""

import json
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest

from server.start import app
from storage.db.counters import BUCKETS
from storage.db.database import Database, open_engine
from storage.db.models import JobRow, ReleaseRow
from storage.jobs import retention
from storage.jobs.idempotency import KeyedJob
from storage.queries.stats import Stats, read_stats
from storage.records.attempt_outcome import AttemptOutcome
from storage.records.filters import Filters
from storage.records.job import Fence, NewJob, StoreUnavailable
from storage.records.states import Status
from storage.telemetry.logs import instance
from tests.storage.queries.test_query_plans import Plans, slow
from tests.support.api import Client
from tests.support.metrics import samples
from tests.support.paths import ROOT
from tests.support.stores import CANCELED, RAISED, RETURNED, Bench, die

DOCS = ROOT / "docs"


def read_figures(bench: Bench) -> Stats:
    store = bench.store
    return read_stats(store.database, bench.clock, store.runners_folder)


def counted(bench: Bench) -> dict[str, Counter[str]]:
    """Count the jobs of each type by status, row by row."""
    found: dict[str, Counter[str]] = {}
    for row in bench.store.database.rows(JobRow.select(JobRow.type, JobRow.status)):
        found.setdefault(row["type"], Counter())[row["status"]] += 1
    return found


class Walk:
    """A random sequence of everything that can happen to jobs."""

    def __init__(self, bench: Bench, seed: int):
        self._bench = bench
        self._chance = random.Random(seed)
        self._runner = bench.runner()

    def step(self) -> None:
        jobs = self._bench.jobs.list(Filters(), 20).jobs
        calls = [self._submit, self._submit_once, self._run, self._run]
        job = self._chance.choice(jobs) if jobs else None
        if job:
            jobs_of, database = self._bench.jobs, self._bench.store.database
            calls += [lambda: jobs_of.cancel(job.id), lambda: jobs_of.retry(job.id)]
            calls.append(lambda: retention.delete_job(database, job.id))
        self._chance.choice(calls)()
        self._bench.clock.forward(self._chance.random())

    def _submit(self) -> object:
        many = [NewJob(self._chance.choice("ab"), {}) for _ in range(self._chance.randrange(1, 4))]
        return self._bench.jobs.enqueue(many)

    def _submit_once(self) -> object:
        key = str(self._chance.randrange(5))
        return self._bench.jobs.enqueue_once([KeyedJob(key, "f", NewJob("a", {}))])

    def _run(self) -> object:
        claims = self._runner.claims
        ends: list[Callable[[Fence], bool]] = [
            lambda fence: claims.complete(fence, "1", RETURNED),
            lambda fence: claims.fail(fence, RAISED),
            lambda fence: claims.retry(fence, RAISED, 100),
            claims.release,
            lambda fence: True,  # leaves the job running
        ]
        with claims.transaction():
            for held in claims.claim(2):
                self._chance.choice(ends)(held.fence)
            for fence in claims.to_cancel():
                claims.confirm_cancel(self._bench.job(fence.job_id).fence, CANCELED)
        return None


@pytest.mark.heavy
@pytest.mark.parametrize("seed", range(3))
def test_random_histories_are_counted_correctly(bench: Bench, seed: int) -> None:
    walk = Walk(bench, seed)
    seen: Counter[str] = Counter()
    for _ in range(100):
        walk.step()
        real = counted(bench)
        for type, mine in read_figures(bench).types.items():
            mix = real.get(type, Counter())
            assert (mine.queued, mine.running) == (mix["queued"], mix["running"])
            seen += mix
    assert set(seen) == set(Status)


def test_outcomes_and_durations_are_counted_by_type(bench: Bench) -> None:
    runner = bench.runner()
    for waited, ran, status in ((0.2, 3, "done"), (2, 40, "done"), (0, 100_000, "failed")):
        bench.enqueue("a")
        bench.clock.forward(waited)
        fence = runner.claim_one()
        bench.clock.forward(ran)
        if status == "done":
            runner.claims.complete(fence, "1", RETURNED)
        else:
            runner.claims.fail(fence, AttemptOutcome("crashed", error_type="Crashed"))
    mine = read_figures(bench).types["a"]
    assert mine.counters["finished succeeded"] == mine.counters["attempt returned"] == 2
    assert mine.counters["finished failed"] == mine.counters["attempt crashed"] == 1
    wait, run = mine.histogram("wait"), mine.histogram("run")
    assert {BUCKETS[at]: n for at, n in enumerate(wait.counts) if n} == {0.01: 1, 0.5: 1, 5: 1}
    assert wait.seconds == pytest.approx(2.2)
    assert (run.counts[BUCKETS.index(5)], run.counts[BUCKETS.index(60)], run.counts[-1]) == (
        1,
        1,
        1,
    )
    assert run.seconds == pytest.approx(100_043)


def test_rescues_and_the_oldest_due_job_are_reported(bench: Bench) -> None:
    bench.enqueue("a", delay=100)
    bench.enqueue("a", delay=2)
    assert read_figures(bench).types["a"].oldest_due_seconds is None
    bench.clock.forward(7.5)
    assert read_figures(bench).types["a"].oldest_due_seconds == 5.5
    dead, alive = bench.runner(), bench.runner()
    dead.claim_one()
    die(bench, dead)
    alive.rescuer.rescue()
    found = read_figures(bench)
    assert found.types["a"].counters["rescue"] == found.types["a"].counters["attempt lost"] == 1
    assert [runner.name for runner in found.runners] == [alive.liveness.name]


def test_an_uncommitted_change_is_not_counted(bench: Bench) -> None:
    def submit_and_fail() -> None:
        with bench.store.database.transaction():
            bench.enqueue("a")
            raise ZeroDivisionError

    bench.enqueue("a")
    with pytest.raises(ZeroDivisionError):
        submit_and_fail()
    bench.enqueue("b")
    found = read_figures(bench).types
    assert (found["a"].queued, found["b"].queued) == (1, 1)


def test_figures_read_only_the_running_jobs(bench: Bench) -> None:
    if bench.store.database.postgresql:
        pytest.skip("PostgreSQL's plans depend on statistics")
    for type in "abab":
        bench.enqueue(type)
    bench.runner().claims.claim(2)
    plans = Plans(bench)
    read_figures(bench)
    found = {text: plan for text, plan in plans.found().items() if '"job"' in text}
    assert found
    whole = {text: plan for text, plan in found.items() if "SCAN" in plan}
    assert {text for text, plan in whole.items() if "job_unfinished" not in plan} == set()
    assert {text for text in slow(found) if "job_unfinished" not in found[text]} == set()


@pytest.mark.gen_test
async def test_prometheus_can_parse_the_metrics(client: Client, bench: Bench) -> None:
    before = await samples(client)
    assert before["jobs_queued", "sleep"] == before["jobs_submitted_total", "sleep"] == 0
    bench.enqueue("sleep", delay=-9)
    bench.enqueue("other")
    runner = bench.runner()
    fence = runner.claim_one()
    bench.clock.forward(4)
    runner.claims.complete(fence, "1", RETURNED)
    found = await samples(client)
    assert found["jobs_submitted_total", "sleep"] == found["jobs_submitted_total", "other"] == 1
    assert found["jobs_finished_total", "succeeded", "sleep"] == 1
    assert found["jobs_finished_total", "failed", "sleep"] == 0
    assert found["attempts_total", "returned", "sleep"] == 1
    assert (found["jobs_queued", "sleep"], found["jobs_queued", "other"]) == (0, 1)
    assert found["run_seconds_sum", "sleep"] == 4
    assert found["run_seconds_bucket", "1.0", "sleep"] == 0
    assert found["run_seconds_bucket", "5.0", "sleep"] == 1
    assert found["run_seconds_bucket", "+Inf", "sleep"] == found["run_seconds_count", "sleep"] == 1
    assert found["wait_seconds_bucket", "10.0", "sleep"] == 1
    assert (found["runners",], found["slots",], found["slots_busy",]) == (1, 3, 0)
    assert found["listener_info", instance()] == 1
    openmetrics = {"Accept": "application/openmetrics-text; version=1.0.0"}
    response = await client.fetch("/metrics", headers=openmetrics)
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert response.body.endswith(b"# EOF\n")


@pytest.mark.gen_test
async def test_the_dashboard_uses_existing_metrics(client: Client) -> None:
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    asked = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    names = {name for expr in asked for name in re.findall(r"job_service_(\w+)", expr)}
    await client.fetch("/jobs")
    known = {name for name, *_ in await samples(client)}
    assert len(names) > 20
    assert names - known == set()


def ready(runners: int) -> dict[str, Any]:
    return {"status": "ready", "runners": runners, "stale_runners": []}


@pytest.mark.gen_test
async def test_a_listener_is_ready_with_and_without_a_worker(client: Client, bench: Bench) -> None:
    assert await client.get("/readyz") == ready(0)
    runner = bench.runner()
    assert await client.get("/readyz") == ready(1)
    die(bench, runner)
    assert (await client.get("/readyz"))["runners"] == 0


@pytest.mark.gen_test
async def test_a_store_with_a_newer_schema_is_ready_if_this_release_works_with_it(
    client: Client, bench: Bench
) -> None:
    database = bench.store.database
    query = "INSERT INTO schema_migration (name, applied) VALUES ('9999_later', '2030-01-01')"
    database.execute(query)
    assert await client.get("/readyz") == ready(0)
    database.run(ReleaseRow.update(oldest="9998_later"))
    assert "9998_later" in (await client.get("/readyz", status=503))["detail"]
    assert (await client.get("/healthz"))["status"] == "ok"


@pytest.mark.gen_test
async def test_a_store_with_an_older_schema_is_not_ready(client: Client, bench: Bench) -> None:
    bench.store.database.execute("DELETE FROM schema_migration WHERE name = '0052_lost_runner'")
    assert "0052_lost_runner" in (await client.get("/readyz", status=503))["detail"]
    assert (await client.get("/healthz"))["status"] == "ok"


@pytest.mark.heavy
@pytest.mark.gen_test
async def test_a_store_that_accepts_no_writes_is_not_ready(client: Client, bench: Bench) -> None:
    database = bench.store.database
    before = database.next_version(0)
    await client.get("/readyz")
    assert database.next_version(0) == before
    other = Database(open_engine(bench.store.settings.store_url))
    with other.transaction():
        other.next_version()
        problem = await client.get("/readyz", status=503)
    other.close()
    assert "try again" in problem["detail"]
    await client.get("/readyz")


@pytest.mark.gen_test
@pytest.mark.sqlite
async def test_without_the_store_a_listener_reports_its_own_figures(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await samples(client))["store_up",] == 1
    monkeypatch.setattr(app, "read_stats", Mock(side_effect=StoreUnavailable("away")))
    found = await samples(client)
    assert found["store_up",] == 0
    assert found["process_open_fds",] > 0
    assert not [name for name, *_ in found if name.startswith("jobs_")]

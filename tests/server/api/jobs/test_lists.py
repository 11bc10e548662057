"""Lists of jobs: each filter, combinations of filters, paging, and the search time limit."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import product
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import pytest

from storage.queries import search
from storage.queries.id_skew import MIN_SKEW_MS, stored_skew
from storage.queries.search import SearchResult, find
from storage.records.filters import Filters
from storage.records.job import Job, NewJob, Upload
from storage.records.states import Status
from storage.store import JobStore
from tests.server.api.jobs.test_retry_and_delete import UNKNOWN, failed
from tests.support.api import Client, analyze_form, fields
from tests.support.stores import RAISED, RETURNED, Bench, id_at

pytestmark = pytest.mark.tornado


def fill(bench: Bench) -> list[Job]:
    """Create jobs of all kinds; returns them newest first."""
    runner = bench.runner()
    for number in range(24):
        payload = {"patterns": [f"Straße {number % 3}", "ErRor"], "n": number}
        upload = Upload(uuid4(), f"Log {number % 4}.txt", 1, "00")
        bench.enqueue(
            ("a", "b", "c")[number % 3],
            payload=payload,
            upload=upload,
            metadata={"order": f"No. {number % 5}"} if number % 2 else None,
            id=id_at(bench.clock(), number),
        )
        fence = runner.claim_one() if number % 4 else None
        if number % 4 == 1:
            runner.claims.complete(fence, "1", RETURNED)  # type: ignore[arg-type]
        if number % 4 == 2:
            runner.claims.fail(fence, RAISED)  # type: ignore[arg-type]
        bench.clock.forward(1)
        if number % 8 == 0:
            (job,) = bench.jobs.list(Filters(), 1).jobs
            bench.jobs.cancel(job.id)
    return bench.jobs.list(Filters(), 500).jobs


def choose(job: Job, filters: Filters) -> bool:
    """Return whether a job matches the filters; an independent implementation."""
    haystack = f"{job.payload}{job.upload and job.upload.name}{job.metadata}".lower()
    return (
        (not filters.statuses or job.status in filters.statuses)
        and filters.type in (None, job.type)
        and (filters.created_after is None or job.created_at >= filters.created_after)
        and (filters.created_before is None or job.created_at < filters.created_before)
        and filters.text.lower() in haystack
    )


def test_all_combinations_of_filters_find_the_matching_jobs(bench: Bench) -> None:
    jobs = fill(bench)
    times = (None, jobs[15].created_at)
    some = frozenset({Status.FAILED, Status.CANCELED, Status.RUNNING})
    cases = product(
        (frozenset[Status](), frozenset({Status.QUEUED}), some),
        (None, "b", "none"),
        times,
        (None, jobs[5].created_at),
        ("", "error", "log 2", "nothing"),
    )
    for case in cases:
        filters = Filters(*case)
        wanted = [job.id for job in jobs if choose(job, filters)]
        assert pages(bench, filters, 5) == wanted, filters


def pages(bench: Bench, filters: Filters, limit: int) -> list[UUID]:
    """Return the ids of all pages."""
    found: list[UUID] = []
    before: UUID | None = None
    while True:
        page = bench.jobs.list(filters, limit, before)
        assert len(page.jobs) <= limit
        found += [job.id for job in page.jobs]
        before = page.next
        if before is None:
            return found


@pytest.mark.parametrize(
    ("text", "hit"),
    [
        ("straße", True),
        ("STRAßE", True),
        ("STRASSE", False),
        ('a "quoted" \\ text', True),
        ("100%", True),
        ("1_0", False),
        ("log.txt", True),
        ("l_g", False),
        ("customer-42", True),
        ("customer_42", False),
    ],
)
def test_text_is_searched_literally(bench: Bench, text: str, hit: bool) -> None:
    payload = {"patterns": ["Straße", 'A "quoted" \\ TEXT', "100%"]}
    metadata = {"who": "Customer-42"}
    upload = Upload(uuid4(), "Log.TXT", 1, "00")
    job_id = bench.enqueue(payload=payload, upload=upload, metadata=metadata)
    bench.enqueue(payload={})
    found = find(bench.store.database, Filters(text=text), 5)
    assert found.ids == [job_id] * hit


@pytest.mark.parametrize(
    "part",
    [
        lambda job_id: job_id,
        lambda job_id: job_id.upper(),
        lambda job_id: job_id.replace("-", ""),
        lambda job_id: job_id[:22],
        lambda job_id: f"…{job_id[-8:]}",
        lambda job_id: job_id[-8:],
        lambda job_id: f"...{job_id[-4:]}",
        lambda job_id: job_id[9:13],
    ],
)
def test_a_job_is_found_by_its_id_or_a_part_of_it(bench: Bench, part: Callable[[str], str]) -> None:
    wanted = "01a2107d-08cc-73f5-a3eb-bdc8e70382e5"
    other = bench.enqueue(id=UUID("01a21000-0000-7000-8000-000000000000"))
    bench.enqueue(id=UUID(wanted))
    found = find(bench.store.database, Filters(text=part(wanted)), 5)
    assert found.ids == [UUID(wanted)]
    with_status = Filters(frozenset({Status.FAILED}), text=part(wanted))
    assert not find(bench.store.database, with_status, 5).ids
    assert not find(bench.store.database, Filters(text=part(wanted)), 5, other).ids


def test_a_whole_id_without_a_job_is_searched_in_payloads(bench: Bench) -> None:
    source = str(uuid4())
    user = bench.enqueue(payload={"source": {"job_id": source}})
    assert find(bench.store.database, Filters(text=source), 5).ids == [user]
    job_id = bench.enqueue(id=UUID(source))
    assert find(bench.store.database, Filters(text=source), 5).ids == [job_id]


@pytest.mark.parametrize("text", ["----", "…", "01-", "f" * 33, "f" * 32, "…" + "f" * 36])
def test_a_text_that_looks_like_an_id_may_match_nothing(bench: Bench, text: str) -> None:
    bench.enqueue()
    assert not find(bench.store.database, Filters(text=text), 5).ids


def test_a_search_stops_after_its_time_limit_and_can_continue(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "WINDOWS", (2, 2))
    ids = [bench.enqueue(payload={"n": f"is {number}"}) for number in range(7)]
    database = bench.store.database
    text = Filters(text="is 0")

    def look(before: UUID | None) -> SearchResult:
        return find(database, text, 5, before, seconds=0.0, clock=iter(range(99)).__next__)

    first = look(None)
    assert (first.ids, first.next) == ([], ids[5])
    second = look(first.next)
    assert (second.ids, second.next) == ([], ids[3])
    last = look(look(second.next).next)
    assert (last.ids, last.next) == ([ids[0]], ids[0])
    rest = look(last.next)
    assert (rest.ids, rest.next) == ([], None)


def test_a_job_from_a_listener_with_a_wrong_clock_is_found_by_time(bench: Bench) -> None:
    for off in (-3600_000, 3600_000):
        job_id = bench.enqueue(id=id_at(bench.clock() + off))
        for filters in (
            Filters(created_after=bench.clock(), created_before=bench.clock() + 1),
            Filters(created_before=bench.clock() + 1),
            Filters(created_after=bench.clock()),
        ):
            assert job_id in find(bench.store.database, filters, 5).ids


def test_the_clock_skew_of_ids_is_stored_with_their_jobs(bench: Bench) -> None:
    database = bench.store.database
    bench.enqueue(id=id_at(bench.clock()))
    assert stored_skew(database) == 0
    bench.enqueue(id=id_at(bench.clock() - 1))
    assert stored_skew(database) == MIN_SKEW_MS
    off = id_at(bench.clock() - 5000)

    def store_and_fail() -> None:
        with database.transaction():
            bench.enqueue(id=off)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store_and_fail()
    assert stored_skew(database) == MIN_SKEW_MS
    bench.enqueue(id=off)
    assert stored_skew(database) == 8192
    other = JobStore(database, bench.store.wakeup, bench.clock)
    other.enqueue([NewJob("a", {}, id=id_at(bench.clock() - 2000))])
    assert stored_skew(database) == 8192
    far = Filters(created_before=(1 << 48) - 1, created_after=0)
    assert len(find(database, far, 9).ids) == 4


def test_a_job_is_listed_once_under_all_statuses(bench: Bench) -> None:
    ids = [bench.enqueue() for _ in range(3)]
    found = find(bench.store.database, Filters(frozenset(Status)), 9)
    assert found.ids == ids[::-1]


@pytest.mark.gen_test
async def test_a_list_is_filtered_over_http(client: Client, bench: Bench) -> None:
    canceled = await client.sleep_job()
    await client.post(f"/jobs/{canceled}/cancel", status=200)
    analyze = (await client.post_form(analyze_form(file_name="Access.log")))["job_id"]
    sleep = await client.sleep_job()
    now = datetime.fromtimestamp(bench.clock() / 1000, UTC).isoformat()[:19] + "Z"
    for query, ids in {
        "status=canceled,queued": [sleep, analyze, canceled],
        "status=canceled&status=queued&limit=5": [sleep, analyze, canceled],
        "status=canceled": [canceled],
        "type=analyze": [analyze],
        "type=sleep&status=queued": [sleep],
        "text=access": [analyze],
        "text=warn": [analyze],
        f"created_after={quote(now)}": [],
        f"created_before={quote(now)}&type=sleep": [sleep, canceled],
        "status=failed,running": [],
    }.items():
        page = await client.get(f"/jobs?{query}")
        assert [job["job_id"] for job in page["items"]] == ids, query


@pytest.mark.gen_test
async def test_the_next_page_keeps_all_filters(client: Client) -> None:
    ids = [await client.sleep_job() for _ in range(5)]
    query = {"status": "queued,failed", "type": "sleep", "text": "5", "limit": "2"}
    path, seen = f"/jobs?{urlencode(query)}&created_after=1999-01-01T00:00:00Z", []
    while path:
        response = await client.fetch(path)
        seen += re.findall(r'"job_id": "([^"]+)"', response.body.decode())
        path = "".join(re.findall("<(.*)>", response.headers.get("Link", "")))
        assert not path or "created_after=1999-01-01T00%3A00%3A00Z" in path
    assert seen == ids[::-1]


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=", "status"),
        ("status=failed,done", "status"),
        ("type=", "type"),
        ("type=%00", "type"),
        ("text=", "text"),
        (f"text={'x' * 201}", "text"),
        ("created_after=yesterday", "created_after"),
        ("created_before=2030-01-01T00:00:00", "created_before"),
        ("created_before=0001-01-01T00:00:00Z", "created_before"),
        ("wait=3", "wait"),
        ("id=x", "id"),
        (f"id={UNKNOWN}&status=failed", "status"),
        (f"id={UNKNOWN}&wait=61", "wait"),
        ("&".join(["id=" + UNKNOWN] * 101), "id"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_bad_filter_is_named(client: Client, query: str, field: str) -> None:
    assert fields(await client.get(f"/jobs?{query}", status=422)) == [field]


@pytest.mark.gen_test
async def test_jobs_are_found_by_id_in_the_requested_order(client: Client) -> None:
    ids = [await client.sleep_job() for _ in range(3)]
    asked = [ids[1], UNKNOWN, ids[0], ids[1]]
    response = await client.get(f"/jobs?{ids_of(asked)}")
    assert [job["job_id"] for job in response["items"]] == [ids[1], ids[0]]
    assert (response["unknown"], response["limit"], response["next"]) == ([UNKNOWN], 3, None)
    raw = await client.fetch(f"/jobs?{ids_of(ids)}")
    assert raw.headers["Retry-After"] == "1"


@pytest.mark.gen_test
@pytest.mark.parametrize("preferred", [False, True])
async def test_a_wait_for_several_jobs_ends_with_the_last_one(
    client: Client, bench: Bench, preferred: bool
) -> None:
    ids = [await client.sleep_job() for _ in range(2)]
    path, headers = f"/jobs?{ids_of([*ids, UNKNOWN])}", {"Prefer": "wait=20"}
    request = client.fetch(path, headers=headers) if preferred else client.fetch(f"{path}&wait=20")
    asked = asyncio.ensure_future(request)
    runner = bench.runner()
    bench.clock.now *= 2
    for _ in ids:
        await asyncio.sleep(0)
        assert not asked.done()
        with runner.claims.transaction():
            runner.claims.complete(runner.claim_one(), "1", RETURNED)
    response = await asked
    assert response.body.count(b'"status": "succeeded"') == 2
    assert "Retry-After" not in response.headers


@pytest.mark.gen_test
async def test_a_wait_for_several_jobs_ends_after_its_time(client: Client, bench: Bench) -> None:
    final, queued = failed(bench).job_id, await client.sleep_job()
    page = await client.get(f"/jobs?{ids_of([str(final), queued])}&wait=0.05")
    assert [job["status"] for job in page["items"]] == ["failed", "queued"]


def ids_of(ids: list[str]) -> str:
    """Return the query with these ids."""
    return urlencode([("id", job_id) for job_id in ids])

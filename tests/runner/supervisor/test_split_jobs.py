"""Split jobs, whose parts several workers run, on both databases."""

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.programs import Program, Service, running_service
from tests.support.waiting import wait_for

LOG = b"".join(b"line %d: ERROR or WARN\n" % number for number in range(4000))
TEXT = "".join(chr(97 + number % 26) for number in range(80))


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    environ = {"PARTS_BYTES": "40", "CONCURRENCY_LIMIT": "2", "LEASE_SECONDS": "3"}
    with running_service(database_url, tmp_path, **environ) as service:
        yield service


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


def lines(notes: Path) -> list[str]:
    return notes.read_text().splitlines() if notes.exists() else []


def begun(notes: Path) -> Counter[int]:
    """How often each part was started, by its number."""
    return Counter(int(line.split()[1]) for line in lines(notes) if line.startswith("begin"))


def done(notes: Path) -> int:
    return sum(line.startswith("done") for line in lines(notes))


def workers_of(notes: Path) -> set[str]:
    """The process ids of the keepers that have started parts."""
    return {line.split()[2] for line in lines(notes) if line.startswith("begin")}


def keepers_of(worker: Program) -> set[str]:
    return {str(process.pid) for process in worker.family()}


def pieces(service: Service, notes: Path, seconds: float = 0.1, **more: object) -> str:
    """Submit a job of eight parts that take `seconds` each; returns its id."""
    options = {"max_retries": more.pop("max_retries", 1)}
    payload = {"notes": str(notes), "seconds": seconds, **more}
    return service.upload(TEXT.encode(), payload, type="pieces", **options)


def test_a_large_file_is_analyzed_in_parts_with_the_same_result(service: Service) -> None:
    payload = {"patterns": ["ERROR", "line 7"], "samples": 2}
    worker = service.worker(PARTS_BYTES="0")
    expected = service.result(service.upload(LOG, payload))["result"]
    assert worker.stop() == 0
    for _ in range(2):
        service.worker(PARTS_BYTES="8000")
    job = service.result(service.upload(LOG, payload))
    assert (job["status"], job["progress"]["parts_total"]) == ("succeeded", len(LOG) // 2000 + 1)
    assert job["progress"]["bytes_done"] == job["progress"]["bytes_total"] == len(LOG)
    for result in (expected, job["result"]):
        for figure in ("seconds", "bytes_per_second"):
            del result["file"][figure]
    assert job["result"] == expected


def test_parts_run_wherever_a_slot_is_free_and_are_folded_in_order(
    service: Service, notes: Path
) -> None:
    workers = [service.worker() for _ in range(2)]
    job = service.result(pieces(service, notes))
    assert (job["status"], job["result"], job["attempt"]) == ("succeeded", TEXT, 1)
    assert job["progress"] == {"done": 8, "of": 8, "parts_done": 8, "parts_total": 8}
    assert begun(notes) == Counter(range(8))
    assert all(workers_of(notes) & keepers_of(worker) for worker in workers)
    (attempt,) = job["attempts"]
    assert attempt["cpu_seconds"] > 0
    assert attempt["peak_memory_bytes"] > 1_000_000


def test_a_job_is_not_split_if_no_other_worker_could_help(service: Service, notes: Path) -> None:
    service.worker()
    assert service.result(pieces(service, notes))["result"] == TEXT
    assert lines(notes) == ["whole"]


def test_a_job_with_a_small_file_is_not_split(service: Service, notes: Path) -> None:
    for _ in range(2):
        service.worker(PARTS_BYTES=str(len(TEXT) + 1))
    assert service.result(pieces(service, notes))["result"] == TEXT
    assert lines(notes) == ["whole"]


def test_canceling_a_job_ends_all_of_its_parts(service: Service, notes: Path) -> None:
    workers = [service.worker() for _ in range(2)]
    job_id = pieces(service, notes, seconds=60)
    wait_for(lambda: sum(begun(notes).values()) == 4)
    status, answer = service.call("POST", f"/jobs/{job_id}/cancel")
    assert status in (200, 202), answer  # 202 if the machine is so busy that the wait is over
    assert service.wait_for_status(job_id, "canceled")
    assert set(begun(notes)) == {0, 1, 2, 3}
    assert service.result(service.submit(payload={"seconds": 0}))["status"] == "succeeded"
    assert [worker.stop() for worker in workers] == [0, 0]
    assert done(notes) == 0


def test_a_canceled_job_runs_all_of_its_parts_when_a_client_retries_it(
    service: Service, notes: Path
) -> None:
    for _ in range(2):
        service.worker()
    job_id = pieces(service, notes, seconds=1)
    wait_for(lambda: done(notes) >= 1)
    assert service.call("POST", f"/jobs/{job_id}/cancel")[1]["status"] == "canceled"
    before = done(notes)
    assert service.call("POST", f"/jobs/{job_id}/retry")[0] == 202
    job = service.result(job_id)
    assert (job["status"], job["result"]) == ("succeeded", TEXT)
    assert done(notes) == before + 8


def test_a_failed_part_fails_the_attempt_and_finished_parts_are_not_repeated(
    service: Service, notes: Path
) -> None:
    for _ in range(2):
        service.worker()
    job = service.result(pieces(service, notes, fails=[7, 1]))
    assert (job["status"], job["result"], job["attempt"]) == ("succeeded", TEXT, 2)
    first = job["attempts"][0]
    assert first["outcome"] == "raised"
    assert first["error"] == {"type": "ValueError", "message": "part 7 is bad"}
    assert begun(notes)[7] == 2
    # There are four slots, so four parts have ended when the last one starts.
    assert sum(times == 1 for times in begun(notes).values()) >= 4


def test_a_part_that_fails_for_good_fails_the_job(service: Service, notes: Path) -> None:
    for _ in range(2):
        service.worker()
    job = service.result(pieces(service, notes, fails=[0, 9], retryable=False, max_retries=3))
    assert (job["status"], job["attempt"]) == ("failed", 1)
    assert job["error"] == {"type": "NotRetryable", "message": "part 0 is bad"}
    assert "in run_part\n" in job["attempts"][0]["traceback"]


def test_the_timeout_applies_to_the_whole_job(service: Service, notes: Path) -> None:
    for _ in range(2):
        service.worker()
    payload = {"notes": str(notes), "seconds": 0.8}
    options = {"timeout": 1.2, "max_retries": 0}
    job_id = service.upload(TEXT.encode(), payload, type="pieces", **options)
    job = service.result(job_id)
    assert (job["status"], job["attempts"][0]["outcome"]) == ("failed", "timed_out")
    assert job["error"] == {"type": "TimedOut", "message": "the job ran longer than 1.2 s"}


@pytest.mark.parametrize("runs", ["a part", "the job"])
def test_only_the_parts_of_a_killed_worker_run_again(
    service: Service, notes: Path, runs: str
) -> None:
    workers, gate = [service.worker() for _ in range(4)], notes.with_name("gate")
    job_id = pieces(service, notes, seconds=0, gate=str(gate))
    wait_for(lambda: sum(begun(notes).values()) == 8)
    held_by = service.job(job_id)["attempts"][0]["runner"]
    holders = [each for each in workers if each.logged("ready")["runner"] == held_by]
    others = [each for each in workers if each not in holders]
    victim = (holders if runs == "the job" else others)[0]
    ran = [number for number in range(8) if _ran_by(notes, number) in keepers_of(victim)]
    assert victim.stop(signal.SIGKILL) == -signal.SIGKILL
    gate.touch()
    job = service.result(job_id)
    assert (job["status"], job["result"]) == ("succeeded", TEXT)
    assert job["attempt"] == (2 if runs == "the job" else 1)
    again = [number for number, times in begun(notes).items() if times > 1]
    assert sorted(again) == ran


def _ran_by(notes: Path, number: int) -> str:
    """The process id of the keeper that started a part first."""
    return next(line.split()[2] for line in lines(notes) if line.startswith(f"begin {number} "))


def test_a_worker_that_stops_releases_its_parts(service: Service, notes: Path) -> None:
    workers = [service.worker() for _ in range(2)]
    job_id = pieces(service, notes, seconds=1.5)
    wait_for(lambda: sum(begun(notes).values()) == 4)
    held_by = service.job(job_id)["attempts"][0]["runner"]
    stopped = next(each for each in workers if each.logged("ready")["runner"] != held_by)
    assert stopped.stop() == 0
    job = service.result(job_id, timeout=40)
    assert (job["status"], job["result"], job["attempt"]) == ("succeeded", TEXT, 1)


def test_another_worker_continues_a_split_job_whose_worker_stops(
    service: Service, notes: Path
) -> None:
    workers = [service.worker() for _ in range(2)]
    job_id = pieces(service, notes, seconds=1.5)
    wait_for(lambda: done(notes) >= 1)
    held_by = service.job(job_id)["attempts"][0]["runner"]
    stopped = next(each for each in workers if each.logged("ready")["runner"] == held_by)
    assert stopped.stop() == 0
    job = service.result(job_id, timeout=40)
    assert (job["status"], job["result"]) == ("succeeded", TEXT)
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["released", "returned"]
    assert job["retry_count"] == 0


def test_jobs_and_parts_run_side_by_side(service: Service, notes: Path) -> None:
    for _ in range(2):
        service.worker()
    job_id = pieces(service, notes, seconds=1)
    wait_for(lambda: begun(notes))
    ids = [service.submit(payload={"seconds": 0.1}) for _ in range(6)]
    wait_for(lambda: all(service.job(each)["status"] == "succeeded" for each in ids))
    assert service.job(job_id)["status"] == "running"
    assert service.result(job_id)["result"] == TEXT


def test_workers_run_parts_only_of_jobs_in_their_queues(service: Service, notes: Path) -> None:
    assert service.call("PUT", "/queues/big", {})[0] in (200, 201)
    others = service.worker(QUEUES="default")
    for _ in range(2):
        service.worker(QUEUES="big")
    payload = {"notes": str(notes), "seconds": 0.1}
    job_id = service.upload(TEXT.encode(), payload, type="pieces", queue="big")
    assert service.result(job_id)["result"] == TEXT
    assert begun(notes) == Counter(range(8))
    assert not workers_of(notes) & keepers_of(others)


def test_the_progress_of_running_parts_is_added_up(service: Service, notes: Path) -> None:
    for _ in range(2):
        service.worker()
    job_id = pieces(service, notes, seconds=1)
    parts_done = wait_for(lambda: (service.job(job_id)["progress"] or {}).get("done"))
    assert 1 <= parts_done <= 8
    assert service.job(job_id)["progress"]["of"] == 8
    assert service.result(job_id)["progress"]["parts_done"] == 8

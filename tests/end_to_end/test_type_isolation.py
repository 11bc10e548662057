"""Job types of a folder that declare limits, a new process for each job, or no network."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.callers import API_TOKENS, token
from tests.support.programs import Service, running_service

pytestmark = pytest.mark.sqlite
TYPES = '''
import os, socket
from runner.job_types import Context, Defaults, JobType, Payload


class Usual(JobType[Payload]):
    """Says in which process it runs, and whether it may use the network."""

    name, Payload, upload = "usual", Payload, "none"

    def run(self, payload: Payload, context: Context):
        try:
            socket.socket().close()
        except PermissionError:
            return [os.getpid(), "refused"]
        return [os.getpid(), "allowed"]


class Careful(Usual):
    name, isolation, network = "careful", "fresh", False
    defaults = Defaults(memory_bytes=2**27, cpu_seconds=60, nice=10)


class Secret(Usual):
    """Reads its payload, and keeps it."""

    name = "secret"

    def run(self, payload: Payload, context: Context):
        seen.append(context.job_id)
        return seen


class Open(Secret):
    name, isolation = "open", "shared"


seen = []
'''


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    folder = tmp_path / "types"
    folder.mkdir()
    (folder / "careful.py").write_text(TYPES)
    settings = {
        "API_TOKENS": API_TOKENS,
        "JOB_TYPES_FOLDER": str(folder),
        "JOB_TYPES": "",
        "CONCURRENCY_LIMIT": "1",
    }
    with running_service("", tmp_path, **settings) as service:
        yield replace(service, token=token("ada"))


def test_a_type_declares_how_its_jobs_are_isolated(service: Service) -> None:
    service.worker()
    names = ("usual", "careful", "careful", "usual", "usual")
    jobs = [service.result(service.submit(name)) for name in names]
    assert [job["error"] for job in jobs] == [None] * 5
    (first, *careful, last, again) = [job["result"] for job in jobs]
    assert [answer for _, answer in careful] == ["refused", "refused"]
    assert (first[1], last[1]) == ("allowed", "allowed")
    assert len({pid for pid, _ in (first, *careful, last)}) == 4
    assert again == last
    limits = [jobs[1][name] for name in ("memory_bytes", "cpu_seconds", "nice")]
    assert limits == [2**27, 60, 10]


@pytest.mark.heavy
def test_a_job_finds_nothing_that_jobs_of_other_callers_have_left(service: Service) -> None:
    other = replace(service, token=token("sue"))
    service.worker()
    for job_type, finds_all in (("secret", False), ("open", True)):
        jobs = [(each, each.submit(job_type)) for each in (service, service, other)]
        *own, last = [caller.result(job_id)["result"] for caller, job_id in jobs]
        ids = [job_id for _, job_id in jobs]
        assert own == [ids[:1], ids[:2]]
        assert last == (ids if finds_all else ids[2:])


@pytest.mark.heavy
def test_a_type_that_asks_for_more_than_the_worker_allows_is_refused(service: Service) -> None:
    service.worker(JOB_CPU_SECONDS="30")
    status, problem = service.call("POST", "/jobs", {"type": "careful", "payload": {}})
    assert (status, problem["errors"][0]["field"]) == (422, "cpu_seconds")
    job = {"type": "careful", "payload": {}, "cpu_seconds": 30}
    assert service.call("POST", "/jobs", job)[0] == 202

"""Jobs that wait for others, with real programs: workers release them at once."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.programs import Service, running_service


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(database_url, tmp_path) as service:
        yield service


@pytest.mark.heavy
def test_results_are_passed_on_along_a_chain(service: Service) -> None:
    first = service.submit("sleep", {"seconds": 0}, delay=0.5)
    ids = [first]
    for number in range(20):
        source = {"from": ids[-1]}
        ids.append(service.submit("collect", {"label": str(number)}, input=source))
    service.worker(CONCURRENCY_LIMIT="2")
    result = service.wait_for_status(ids[-1], "succeeded")["result"]
    for number in reversed(range(20)):
        label, result = result
        assert label == str(number)
    assert result == {"slept": 0}
    jobs = [service.job(job_id) for job_id in ids]
    for before, after in pairwise(jobs):
        assert before["finished_at"] <= after["started_at"]
    assert jobs[1]["payload"] == {"label": "0", "input": {"slept": 0}}
    assert jobs[1]["input"] == {"from": first}

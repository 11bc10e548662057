"""Clients follow all events while a listener is killed and restarted."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.event_clients import ReceivedEvent, event_labels, open_stream
from tests.support.programs import Service, running_service

JOBS = 40


@pytest.fixture
def service(database_url: str, tmp_path: Path) -> Iterator[Service]:
    with running_service(database_url, tmp_path) as service:
        yield service


async def follow_everywhere(urls: list[str], until_ended: int) -> list[ReceivedEvent]:
    """Read all events until so many jobs have ended; switches listeners after every few events."""
    found: list[ReceivedEvent] = []
    ended = turn = 0
    while ended < until_ended:
        turn += 1
        try:
            stream = await open_stream(
                urls[turn % len(urls)], "/events", found[-1].id if found else 0
            )
        except (OSError, EOFError):
            await asyncio.sleep(0.02)
            continue
        for _ in range(17):
            event = await stream.next() if ended < until_ended else None
            if event is None:
                break
            found.append(event)
            ended += event.data["finished_at"] is not None
        await stream.close()
    return found


class Restarted:
    """A second listener that can be killed and restarted at the same address."""

    def __init__(self, service: Service):
        self._service = service
        self._program = service.program("server")
        self._port = self._program.logged("listening")["port"]
        self.base_url = f"http://127.0.0.1:{self._port}"

    def restart(self) -> None:
        self._program.stop(signal.SIGKILL)
        self._program = self._service.program("server", PORT=str(self._port))
        self._program.logged("listening")


@pytest.mark.heavy
def test_a_client_that_reconnects_misses_no_event_and_gets_none_twice(service: Service) -> None:
    other = Restarted(service)
    service.worker()

    def submit_all() -> list[str]:
        jobs = []
        for number in range(JOBS):
            jobs.append(service.submit(payload={"seconds": 0.01}))
            if number % 20 == 10:
                other.restart()
        return jobs

    async def run() -> tuple[list[str], list[ReceivedEvent]]:
        following = follow_everywhere([service.base_url, other.base_url], JOBS)
        both = asyncio.gather(asyncio.to_thread(submit_all), following)
        return await asyncio.wait_for(both, 45)

    jobs, events = asyncio.run(run())
    of_job = defaultdict(list)
    for event in events:
        of_job[event.data["job_id"]].append(event)
    assert sorted(of_job) == sorted(jobs)
    for found in of_job.values():
        # A job that has waited too long behind others is released, and starts again.
        changes = [each for each in event_labels(found) if each != "progress"]
        if changes[:2] == ["queued", "queued"]:
            changes.pop(0)  # it was not due yet by the clock of a worker that had just started
        assert changes == [*["queued", "running"] * (len(changes) // 2), "succeeded"]
    ids = [event.id or 0 for event in events]
    assert ids == sorted(set(ids))

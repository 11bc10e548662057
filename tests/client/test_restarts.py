"""Clients survive restarts of the listener: each test kills or stops it in the middle of a call."""

import io
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import httpx
import pytest

from jobservice import ApiError, Client, ConnectionFailed, Executor, Job, WaitTimeout
from tests.support.client_restarts import has_connection, restart, submit_during_kills
from tests.support.programs import Service
from tests.support.waiting import wait_for

LINES = ["line 0\n", "line 1\n", "line 2\n"]


@pytest.fixture
def api(listener: Service) -> Iterator[Client]:
    """A client of a listener that a test may restart."""
    with Client(listener.base_url) as client:
        yield client


class InThread:
    """Runs a function in a thread; `result` waits for it."""

    def __init__(self, function: Any):
        self._function = function
        self._outcome: SimpleQueue[Any] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._outcome.put((self._function(), None))
        except BaseException as error:
            self._outcome.put((None, error))

    def result(self) -> Any:
        value, error = self._outcome.get(timeout=40)
        self._thread.join()
        if error:
            raise error
        return value


@pytest.mark.heavy
def test_jobs_are_stored_once_while_the_listener_is_killed(listener: Service) -> None:
    stored = submit_during_kills(listener, jobs=600, kills=3)
    assert stored == dict.fromkeys(range(600), 1)


def test_an_upload_begins_again_and_is_stored_once(api: Client, listener: Service) -> None:
    content = bytes(8 * 1024**2)
    seen: list[int] = []

    def progress(sent: int, size: int | None) -> None:
        assert size == len(content)
        if sent > size / 2 and 0 not in seen[1:]:
            restart(listener)
        seen.append(sent)

    job = api.analyze(("zeros.log", content), ["ERROR"], on_progress=progress)
    assert (seen[-1], seen.count(0)) == (len(content), 2)
    assert [each.id for each in api.list()] == [job.id]
    assert job.refresh().data.upload is not None


def test_an_upload_that_cannot_begin_again_says_so(api: Client, listener: Service) -> None:
    pipe = io.BufferedReader(io.BytesIO(bytes(8 * 1024**2)))
    pipe.seekable = lambda: False  # type: ignore[method-assign]

    def progress(sent: int, size: int | None) -> None:
        if sent > 4 * 1024**2 and listener.listener.process.poll() is None:
            listener.listener.die()

    with pytest.raises(ConnectionFailed, match="data is a stream that cannot seek: give a path"):
        api.analyze(pipe, ["ERROR"], on_progress=progress)


@pytest.mark.heavy
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_a_wait_goes_on_after_a_restart(api: Client, listener: Service, kill: bool) -> None:
    job_id = listener.submit("sleep", {"seconds": 0})
    waiting = InThread(lambda: api.get(job_id).result())
    wait_for(lambda: has_connection(listener))
    restart(listener, kill)
    wait_for(lambda: has_connection(listener))
    listener.worker()
    assert waiting.result() == {"slept": 0}


@pytest.mark.heavy
def test_waiting_for_many_jobs_goes_on_after_a_restart(api: Client, listener: Service) -> None:
    jobs = [api.submit("sleep", {"seconds": 0}) for _ in range(3)]
    with Executor(api) as executor:
        future = executor.submit("sleep", {"seconds": 0})
        everything = InThread(lambda: api.wait_all(jobs))
        each = InThread(lambda: list(api.as_completed([job.id for job in jobs])))
        restart(listener)
        listener.worker()
        assert [job.status for job in everything.result()] == ["succeeded"] * 3
        assert {job.id for job in each.result()} == {job.id for job in jobs}
        assert future.result(20) == {"slept": 0}


@pytest.mark.heavy
@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
def test_output_is_followed_over_restarts_without_a_gap_or_a_repetition(
    api: Client, listener: Service, kill: bool
) -> None:
    job_id = listener.submit("talk", {"lines": 3, "then": "sleep"})
    lines: SimpleQueue[str] = SimpleQueue()

    def follow() -> None:
        for line in api.get(job_id).logs(follow=True):
            lines.put(line)

    following = InThread(follow)
    wait_for(lambda: has_connection(listener))
    restart(listener, kill)
    listener.worker()
    assert [lines.get(timeout=20) for _ in LINES] == LINES
    restart(listener, kill)
    listener.call("POST", f"/jobs/{job_id}/cancel")
    following.result()
    assert lines.empty()


def test_events_go_on_after_the_last_one(api: Client, listener: Service) -> None:
    job = api.submit("sleep", {"seconds": 0})
    events = job.events(last_event_id=0)
    first = next(events)
    assert first.status == "queued"
    restart(listener)
    job.cancel()
    assert [(event.name, event.status) for event in events] == [
        ("status", "canceled"),
        ("end", "canceled"),
    ]


def test_a_retry_whose_response_was_lost_is_made_once(api: Client, listener: Service) -> None:
    job = api.submit("sleep", {"seconds": 0}).cancel()
    assert isinstance(job, Job)
    transport = job._transport
    send = transport.send

    def send_twice(request: Any, deadline: float | None = None) -> Any:
        if request.path.endswith("/retry"):
            send(request)
        return send(request, deadline)

    transport.send = send_twice  # type: ignore[method-assign]
    assert job.retry().status == "queued"
    assert job.data.client_retries == 1


def test_a_queue_whose_response_was_lost_counts_as_created(api: Client) -> None:
    transport: Any = api._transport
    exchange = transport._exchange
    statuses: list[int] = []

    def lose_the_first(request: Any, deadline: float | None) -> Any:
        response = exchange(request, deadline)
        statuses.append(response.status_code)
        if len(statuses) == 1:
            raise httpx.ReadError("lost")
        return response

    transport._exchange = lose_the_first
    assert api.put_queue("gpu", max_running=2, only_new=True).max_running == 2
    assert statuses == [201, 412, 200]
    with pytest.raises(ApiError) as caught:
        api.put_queue("gpu", max_running=3, only_new=True)
    assert caught.value.code == "precondition_failed"


def test_a_service_that_stays_away_is_given_up(api: Client, listener: Service) -> None:
    job = api.submit("sleep", {"seconds": 0})
    listener.listener.die()
    with Client(listener.base_url, retry_seconds=0.3) as hasty:
        with pytest.raises(ConnectionFailed, match=r"no response from .* after [2-5] tries: "):
            hasty.submit("sleep", {"seconds": 0})
        with pytest.raises(ConnectionFailed):
            hasty.health()
    with pytest.raises(WaitTimeout, match="no response from") as caught:
        job.wait(0.3)
    assert caught.value.job is job


def test_a_client_without_retries_fails_at_once(listener: Service) -> None:
    listener.listener.die()
    client = Client(listener.base_url, retry_seconds=0)
    with client, pytest.raises(ConnectionFailed) as caught:
        client.overview()
    assert "tries" not in str(caught.value)
    assert not isinstance(caught.value, ApiError)

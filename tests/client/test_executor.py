from concurrent.futures import ALL_COMPLETED, CancelledError, as_completed, wait
from contextlib import suppress
from pathlib import Path

import pytest

from jobservice import ApiError, Client, Executor, JobFailed
from tests.support.programs import Service
from tests.support.waiting import wait_for


def test_futures_are_jobs(client: Client) -> None:
    with Executor(client, priority=2) as executor:
        future = executor.submit("sleep", {"seconds": 0.01})
        assert future.result(20) == {"slept": 0.01}
        assert future.done()
        assert not future.cancel()
    assert (future.job.status, future.job.data.priority) == ("succeeded", 2)


def test_many_jobs_are_mapped(client: Client) -> None:
    payloads = [{"seconds": number / 1000} for number in range(5)]
    with Executor(client) as executor:
        results = list(executor.map("sleep", payloads))  # type: ignore[arg-type, var-annotated]
        assert results == [{"slept": number / 1000} for number in range(5)]


def test_the_functions_of_the_standard_library_work(client: Client) -> None:
    with Executor(client) as executor:
        futures = [executor.submit("sleep", {"seconds": 0}) for _ in range(3)]
        assert set(as_completed(futures, 20)) == set(futures)
        assert wait(futures, 20, ALL_COMPLETED).not_done == set()


def test_a_failed_job_raises_in_the_future(client: Client, service: Service) -> None:
    with Executor(client) as executor:
        future = executor.submit("hopeless", {"notes": str(service.folder / "notes")})
        with pytest.raises(JobFailed, match="it will never work"):
            future.result(20)


def test_canceling_a_future_cancels_its_job(client: Client) -> None:
    with Executor(client) as executor:
        future = executor.submit("sleep", {"seconds": 600})
        wait_for(future.running)
        assert future.cancel()
        assert (future.cancelled(), future.job.status) == (True, "canceled")
        with pytest.raises(CancelledError):
            future.result()


def test_a_job_that_somebody_else_cancels_is_a_canceled_future(client: Client) -> None:
    with Executor(client) as executor:
        future = executor.submit("sleep", {"seconds": 600})
        client.get(future.job.id).cancel()
        with pytest.raises(CancelledError):
            future.result(20)
        assert wait([future], 20).done == {future}


def test_a_deleted_job_ends_only_its_own_future(client: Client) -> None:
    with Executor(client) as executor:
        lasts = executor.submit("sleep", {"seconds": 600})
        deleted = executor.submit("sleep", {"seconds": 600})
        other = client.get(deleted.job.id).cancel()
        if not deleted.done():
            other.delete()
        error = None
        with suppress(CancelledError):  # if it saw the cancel before the job was deleted
            error = deleted.exception(20)
        assert deleted.cancelled() or isinstance(error, ApiError)
        assert not lasts.done()
        assert lasts.cancel()


def test_a_shutdown_waits_for_the_jobs_or_cancels_them(client: Client) -> None:
    executor = Executor(client)
    future = executor.submit("sleep", {"seconds": 0.01})
    executor.shutdown()
    assert future.done()
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit("sleep")
    executor = Executor(client)
    future = executor.submit("sleep", {"seconds": 600})
    executor.shutdown(cancel_futures=True)
    assert future.cancelled()
    Executor(client).shutdown()


def test_a_refused_submission_raises_at_once(client: Client, tmp_path: Path) -> None:
    with Executor(client) as executor:
        with pytest.raises(ApiError):
            executor.submit("sleep", {"seconds": -1})
        job = executor.submit("analyze", {"patterns": ["a"]}, file=("a.log", b"a"))
        assert job.result(20)["counts"] == {"a": 1}


def test_an_executor_takes_no_functions_and_refuses_a_submission_at_once(client: Client) -> None:
    with Executor(client) as executor:
        with pytest.raises(TypeError, match="takes the name of a job type, not a function"):
            executor.submit(print, 3)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="the payload is a dict"):
            executor.submit("sleep", 3)  # type: ignore[arg-type]
        with pytest.raises(ApiError):
            executor.submit("unknown", {})

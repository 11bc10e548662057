"""`FakeService`, and calls of functions as jobs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobservice import CONTEXT, ApiError, Client, JobFailed
from jobservice.testing import FakeService
from runner.job_types import Context, File, JobError, job


@job("greet")
def greet(name: str, context: Context, times: int = 1) -> dict[str, str]:
    """Greets a person."""
    if name == "nobody":
        raise JobError("nobody is there")
    return {"text": " ".join([f"hello {name}"] * times)}


@job
def sizes(logs: list[File], unit: int = 1) -> list[int]:
    """Returns the sizes of logs."""
    return [len(log.read_bytes()) // unit for log in logs]


@job("write")
def write(text: str, context: Context) -> Path:
    """Leaves a file."""
    file = context.files / "a.txt"
    file.write_text(text)
    return file


@pytest.fixture
def fake() -> FakeService:
    return FakeService(greet, sizes, write, double=lambda n: 2 * n)


@pytest.fixture
def client(fake: FakeService) -> Iterator[Client]:
    with fake.client() as client:
        yield client


def test_a_call_becomes_a_job_that_runs_at_once(fake: FakeService, client: Client) -> None:
    called = client.call(greet, "you", CONTEXT, times=2)
    assert called.result() == {"text": "hello you hello you"}
    assert client.get(called.id) == called
    assert [(each["type"], each["payload"]) for each in fake.jobs] == [
        ("greet", {"name": "you", "times": 2})
    ]


def test_mypy_compares_the_arguments_of_a_call(client: Client) -> None:
    """Mypy fails if one of these comments is not needed."""
    with pytest.raises(ValueError, match=r"payload\.name: it must be a text"):
        client.call(greet, 7, CONTEXT)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name"):
        client.call(greet, nme="you")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="decorated with @job"):
        client.call(print)


@pytest.mark.parametrize("count", [1, 2])
def test_the_files_of_a_call_are_uploaded(client: Client, tmp_path: Path, count: int) -> None:
    files = []
    for n in range(count):
        (tmp_path / f"{n}.log").write_bytes(b"a\r\n\x00\xff" * (n + 1))
        files.append(File(tmp_path / f"{n}.log"))
    assert client.call(sizes, files).result() == [5, 10][:count]


def test_the_files_that_a_job_leaves_are_listed_and_read(client: Client) -> None:
    written = client.call(write, "text", CONTEXT)
    assert written.result() == {"files": ["a.txt"]}
    assert [(each.name, each.size) for each in client.files.list(written)] == [("a.txt", 4)]
    assert client.files.read(written, "a.txt") == b"text"


def test_a_failed_job_tells_why_and_can_run_again(client: Client) -> None:
    failed = client.submit("greet", {"name": "nobody"})
    with pytest.raises(JobFailed, match="JobError: nobody is there"):
        failed.result()
    assert failed.retry().data.attempt == 2
    assert len(failed.data.attempts) == 2
    assert [each.id for each in client.list(status="failed")] == [failed.id]


@pytest.mark.parametrize(
    ("type", "payload", "message"),
    [
        ("greet", {"nme": "you"}, r"payload\.name: "),
        ("resize", {}, "FakeService has no 'resize'; it has double, greet, sizes, write"),
    ],
)
def test_a_wrong_submission_is_refused(
    client: Client, type: str, payload: dict[str, str], message: str
) -> None:
    with pytest.raises(ApiError, match=message) as caught:
        client.submit(type, payload)
    assert caught.value.status == 422


def test_what_a_fake_service_cannot_do_is_an_error(client: Client) -> None:
    with pytest.raises(ApiError, match="use a real service"):
        client.queues()
    with pytest.raises(ApiError, match="use a real service"):
        list(client.list(tag="nightly"))
    ended = client.submit("double", {"n": 2})
    with pytest.raises(ApiError, match="job_ended"):
        ended.cancel()
    ended.delete()
    with pytest.raises(ApiError, match="job_not_found"):
        client.get(ended.id)


def test_an_asynchronous_client_uses_the_same_service(fake: FakeService) -> None:
    async def doubled() -> object:
        async with fake.async_client() as client:
            return await (await client.submit("double", {"n": 2})).result()

    assert asyncio.run(doubled()) == 4
    assert len(fake.jobs) == 1


def test_a_function_that_is_no_job_type_needs_a_name() -> None:
    with pytest.raises(TypeError, match="NAME=function"):
        FakeService(print)

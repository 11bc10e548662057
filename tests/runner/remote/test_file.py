"""Reading a remote file gives every byte once and in order, or an error that says why."""

import hashlib
import io
import threading
from collections.abc import Iterator

import pytest

from runner.job_types.base import JobError, NotRetryable
from runner.job_types.remote_upload import RemoteUpload
from runner.remote import file as remote_file
from runner.remote.file import RemoteChanged, RemoteError, RemoteFile, RemoteMissing
from tests.support.servers.range_server import Failure, Handler, web_store
from tests.support.waiting import wait_for

DATA = hashlib.shake_256(b"far").digest((3 << 20) + 5)


@pytest.fixture(autouse=True)
def _small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_file, "_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(remote_file, "_TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(remote_file, "RANGE_BYTES", 1 << 20)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    wait_for(
        lambda: threading.active_count() == before
    )  # the threads of the server end by themselves


def read(file: RemoteFile, start: int = 0, end: int | None = None) -> bytes:
    with file.open(start, end) as opened:
        return opened.readall() or b""


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, None), (5, None), (0, 10), (1 << 20, 2 << 20), (7, 2097153), (9, 9)],
)
def test_a_range_is_read_completely_and_nothing_beyond_it_is_requested(
    start: int, end: int | None
) -> None:
    with web_store(DATA) as store:
        assert read(RemoteFile(store.url, len(DATA)), start, end) == DATA[start:end]
    last = len(DATA) if end is None else end
    assert all(int(asked.rpartition("-")[2]) < last for asked in store.asked)
    assert len(store.asked) == -(-(last - start) // (1 << 20))


def test_a_file_can_be_read_again_from_any_offset() -> None:
    with web_store(DATA) as store, RemoteFile(store.url, len(DATA)).open() as opened:
        for start in (100, 2 << 20, 0, len(DATA)):
            assert opened.seek(start) == opened.tell() == start
            assert opened.read(1000) == DATA[start : start + 1000]
        assert opened.seek(-10, io.SEEK_END) == len(DATA) - 10
        assert opened.readall() == DATA[-10:]


def test_an_empty_file_can_be_read() -> None:
    with web_store(b"") as store:
        file = RemoteFile(store.url, 0)
        assert file.modified() == 1795687200.0
        assert read(file) == b""


def test_ranges_are_requested_one_after_another() -> None:
    with web_store(bytes(64 << 20)) as store, RemoteFile(store.url, 64 << 20).open() as opened:
        assert opened.read(1) == b"\0"
        threading.Event().wait(0.3)
        assert len(store.asked) == 1  # of 64


def cut(handler: Handler, number: int) -> bool:
    """Cut every other response in half."""
    if number % 2:
        return False
    first, last = map(int, handler.headers["Range"].removeprefix("bytes=").split("-"))
    headers = {"Content-Range": f"bytes {first}-{last}/{len(DATA)}"}
    body = DATA[first : last + 1]
    handler.answer(206, headers, body, sent=len(body) // 2)
    return True


def busy(handler: Handler, number: int) -> bool:
    """Refuse two of three requests."""
    if number % 3 == 2:
        return False
    handler.answer((503, 429)[number % 3], {}, b"<Code>SlowDown</Code>")
    return True


def hang_up(handler: Handler, number: int) -> bool:
    """Close the first connections without a response."""
    handler.close_connection = True
    return number < 3


@pytest.mark.parametrize("failure", [cut, busy, hang_up])
def test_transient_failures_are_retried(failure: Failure) -> None:
    with web_store(DATA, failure) as store:
        file = RemoteFile(store.url, len(DATA))
        assert file.modified() == 1795687200.0
        assert read(file) == DATA


def answering(status: int, body: bytes = b"", **headers: str) -> Failure:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}

    def failure(handler: Handler, number: int) -> bool:
        handler.answer(status, sent, body)
        return True

    return failure


def silent(handler: Handler, number: int) -> bool:
    handler.close_connection = True
    return True


@pytest.mark.parametrize(
    ("failure", "kind", "text"),
    [
        (answering(404, b"<Code>NoSuchKey</Code>"), RemoteMissing, "has no such file"),
        (answering(404, b"<Code>NoSuchBucket</Code>"), RemoteError, "answers 404 Not Found"),
        (answering(403, b"<Message>Request has expired"), RemoteError, "answers 403 Forbidden"),
        (answering(500), RemoteError, "answers 500 "),
        (answering(302, Location="http://127.0.0.1:1/"), RemoteError, "answers 302 "),
        (answering(200, DATA), RemoteError, "ignores range requests"),
        (answering(200, b"error"), RemoteChanged, "it has 5 bytes"),
        (answering(206, b"x", Content_Range="bytes 0-0/7"), RemoteChanged, "it has 7 bytes"),
        (answering(416, b"", Content_Range="bytes */7"), RemoteChanged, "it has 7 bytes"),
        (
            answering(206, b"x", Content_Range=f"bytes 1-1/{len(DATA)}"),
            RemoteError,
            "another",
        ),
        (answering(206, b"x"), RemoteError, "another"),
        (silent, RemoteError, "the connection to the store failed"),
    ],
)
def test_a_permanent_failure_raises_an_error_without_the_url(
    failure: Failure, kind: type[RemoteError], text: str
) -> None:
    with web_store(DATA, failure) as store:
        file = RemoteFile(store.url, len(DATA))
        for attempt in (file.modified, lambda: read(file), lambda: read(file, 0, 10)):
            with pytest.raises(kind, match=text) as caught:
                attempt()
            assert type(caught.value) is kind
            assert "secret" not in repr(caught.value) + str(caught.value)


def end_early(handler: Handler, number: int) -> bool:
    """Send twenty empty responses of unknown length, and keep the connection open."""
    if number >= 20:
        return False
    asked = handler.headers["Range"].removeprefix("bytes=")
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes {asked}/{len(DATA)}")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b"0\r\n\r\n")
    return True


def test_responses_that_end_early_are_given_up() -> None:
    with web_store(DATA, end_early) as store:
        with pytest.raises(RemoteError, match="the connection to the store failed"):
            read(RemoteFile(store.url, len(DATA)))
        assert len(store.asked) == 5


@pytest.mark.parametrize(
    ("failure", "retryable", "text"),
    [
        (answering(404, b"<Code>NoSuchKey</Code>"), False, "cannot read upload 'a.log': the store"),
        (answering(403), True, "cannot read upload 'a.log': the store answers 403"),
        (silent, True, "cannot read upload 'a.log': the connection"),
        (
            answering(206, b"x", Content_Range="bytes 0-0/7"),
            False,
            f"upload 'a.log' has 7 bytes instead of {len(DATA)}",
        ),
    ],
)
def test_a_job_is_retried_only_if_that_can_help(
    failure: Failure, retryable: bool, text: str
) -> None:
    with web_store(DATA, failure) as store:
        upload = RemoteUpload(store.url, "a.log", len(DATA))
        for attempt in (upload.open, upload.stored, lambda: upload.path):
            with pytest.raises(JobError, match=text) as caught:
                attempt()
            assert isinstance(caught.value, NotRetryable) is not retryable

"""Random and mutated requests: they cause no 5xx, leave no files, and the listener survives."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.api import analyze_form, form
from tests.support.programs import Service, running_service
from tests.support.raw_http import connect, is_healthy, receive_all, try_send
from tests.support.stores import upload_files
from tests.support.waiting import wait_for

FEW = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
FORM, _ = form(analyze_form(b"one\r\n--cu\r\n" + b"x" * 300))
HEAD = (
    b"POST /jobs HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Type: multipart/form-data"
)
JUNK = [
    b"\r\n",
    b"\r\n\r\n",
    b"--cut",
    b"--cut--",
    b"--",
    b"; filename*=utf-8''%2e%2e%2f%00\"",
    b'Content-Disposition: form-data; name="filename"; filename=""\r\n\r\n',
    b"Content-Length: 99999999999999999999\r\n",
    b"\0",
    b"\xff\xfe",
    b"\xe2\x80\xae",
    b'name="payload"',
    b'"',
    b"\\",
    b"{" * 200,
]
BOUNDARIES = [
    b"cut",
    b'"cut"',
    b"cu",
    b"",
    b'""',
    b"c" * 3000,
    b"\xe9",
    b"cut; boundary=other",
    b'"c\\"ut"',
    b"-",
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("fuzz")
    with running_service("", folder, **{"server.start.http_server.SLOW_SECONDS": "1"}) as service:
        yield service


def files(service: Service) -> list[str]:
    """The names of all files in the folder of uploads."""
    uploads = service.folder / "data" / "uploads"
    return [path.name for path in upload_files(uploads)]


def sent(service: Service, data: bytes, sizes: list[int]) -> bytes:
    """Send data in pieces whose sizes repeat `sizes`. Returns all bytes of the responses."""
    with connect(service, 10) as client:
        at = step = 0
        while at < len(data):
            size = sizes[step % len(sizes)]
            if not try_send(client, data[at : at + size]):
                break
            at, step = at + size, step + 1
        with suppress(OSError):  # the listener has closed it already
            client.shutdown(socket.SHUT_WR)
        return receive_all(client)


def statuses(responses: bytes) -> list[int]:
    """The statuses of consecutive responses."""
    lines = [line for line in responses.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    return [int(line.split()[1]) for line in lines]


def mutated(body: bytes) -> st.SearchStrategy[bytes]:
    """The body with up to four pieces cut out or replaced by junk."""
    change = st.tuples(st.integers(0, len(body)), st.integers(0, 40), st.sampled_from([b"", *JUNK]))

    def apply(changes: list[tuple[int, int, bytes]]) -> bytes:
        found = body
        for at, size, junk in changes:
            found = found[:at] + junk + found[at + size :]
        return found

    return st.lists(change, max_size=4).map(apply)


@FEW
@given(
    body=mutated(FORM),
    boundary=st.sampled_from(BOUNDARIES),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=3),
    lost=st.integers(0, 50),
)
def test_no_form_causes_a_server_error(
    service: Service, body: bytes, boundary: bytes, sizes: list[int], lost: int
) -> None:
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    data = HEAD + b"; boundary=" + boundary + b"\r\n" + length + body[: len(body) - lost]
    for status in statuses(sent(service, data, sizes)):
        assert status in (202, 400, 408, 413, 415, 422), data


@FEW
@given(
    data=st.one_of(
        st.binary(max_size=300),
        mutated(b"GET /jobs?status=queued HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n"),
        mutated(
            b"POST /jobs HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n"
            b'Transfer-Encoding: chunked\r\n\r\n5;x=1\r\n{"a":\r\n3\r\n 1}\r\n0\r\nX: 1\r\n\r\n'
        ),
        mutated(b"DELETE /jobs/%ff%00/..%2f HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"),
    ),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=3),
)
def test_no_bytes_cause_a_server_error(service: Service, data: bytes, sizes: list[int]) -> None:
    for status in statuses(sent(service, data, sizes)):
        assert status < 500, data


def test_afterwards_the_listener_is_healthy_and_keeps_only_files_of_jobs(service: Service) -> None:
    assert is_healthy(service)
    _, page = service.call("GET", "/jobs?limit=500")
    jobs = [job for job in page["items"] if job["upload"]]
    wait_for(lambda: len(files(service)) == len(jobs))
    bad = [line for line in service.listener.lines() if line["level"] in ("ERROR", "CRITICAL")]
    assert bad == []

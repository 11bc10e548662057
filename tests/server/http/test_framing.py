"""Rare but valid HTTP/1.1: targets with a host, extensions of chunks, and trailers (RFC 9112)."""

import re
from collections.abc import Iterator

import pytest

from tests.support.programs import Service, running_service
from tests.support.raw_http import JSON_HEAD, connect, exchange, parse_response, receive_all

JOB = b'{"type": "sleep", "payload": {"seconds": 0}}'
CHUNKED = JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with running_service("", tmp_path_factory.mktemp("framing")) as service:
        yield service


def get(service: Service, target: bytes, host: bytes = b"here") -> tuple[int, dict[str, str]]:
    """GET a target; returns status and headers."""
    head = b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (target, host)
    return exchange(service, head)[:2]


def answers(service: Service, data: bytes) -> list[int]:
    """Send data and a request that closes the connection; returns the statuses of all answers."""
    with connect(service) as client:
        client.sendall(data + HEALTH)
        return [int(each) for each in re.findall(rb"HTTP/1.1 (\d+) ", receive_all(client))]


@pytest.mark.parametrize(
    "target",
    [
        b"http://here/jobs",
        b"HTTP://here:5000/jobs?limit=5",
        b"https://here/jobs",
        b"http://[::1]:5000/jobs",
        b"http://here",
        b"http://here?_=1",
        b"http://here/",
    ],
)
def test_a_target_with_a_host_is_served(service: Service, target: bytes) -> None:
    assert get(service, target)[0] == 200


def test_the_query_of_a_target_with_a_host_counts(service: Service) -> None:
    assert get(service, b"http://here/jobs?state=failed")[0] == 422
    assert get(service, b"http://here/nothing?limit=5")[0] == 404


@pytest.mark.parametrize(
    "target",
    [
        b"http:///jobs",
        b"http://user@here/jobs",
        b"http://user:secret@here/jobs",
        b"http://here/jobs#part",
        b"http://he,re/jobs",
        b"http://here:port/jobs",
        b"http:/jobs",
        b"http:here/jobs",
        b"ftp://here/jobs",
        b"//here",
        b"jobs",
        b"?limit=5",
        b"here:5000",
    ],
)
def test_a_target_that_is_neither_a_path_nor_a_url_finds_nothing(
    service: Service, target: bytes
) -> None:
    assert get(service, target)[0] == (404 if target == b"//here" else 400)


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: here\r\n", b"Host: a b\r\n"])
def test_a_target_with_a_host_does_not_replace_a_missing_or_wrong_host_header(
    service: Service, hosts: bytes
) -> None:
    head = b"GET http://here/jobs HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n"
    assert exchange(service, head)[0] == 400


def test_the_host_in_the_target_replaces_that_of_the_header(service: Service) -> None:
    """A page of another origin is recognized by its Origin, which must equal the host."""
    post = b"POST http://here/jobs HTTP/1.1\r\nHost: other\r\nOrigin: http://%b\r\n"
    post += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(JOB)
    post += b"Connection: close\r\n\r\n" + JOB
    assert exchange(service, post % b"here")[0] == 202
    assert exchange(service, post % b"other")[0] == 403


@pytest.mark.parametrize(
    "size",
    [
        b"%x",
        b"%X",
        b"000%x",
        b"%x;name",
        b"%x;name=value",
        b'%x ; name="a;b \\" c" ; more',
        b"%x;chunk-signature=" + b"0" * 64,
        b"%x;" + b"x" * 3000,
    ],
    ids=lambda size: repr(size)[:20],
)
def test_extensions_of_chunks_are_ignored(service: Service, size: bytes) -> None:
    first = size % 10 + b"\r\n" + JOB[:10] + b"\r\n"
    rest = size % len(JOB[10:]) + b"\r\n" + JOB[10:] + b"\r\n"
    assert answers(service, CHUNKED + first + rest + END) == [202, 200]
    assert answers(
        service,
        CHUNKED + first + rest + size.replace(b"%x", b"0").replace(b"%X", b"0") + b"\r\n\r\n",
    ) == [202, 200]


@pytest.mark.parametrize(
    "trailers",
    [
        b"X-Checksum: abc\r\n",
        b"Digest: a\r\nX-Empty:\r\nX: a\tb\xff\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: other\r\n",
        b"Idempotency-Key: once\r\n" * 50,
    ],
    ids=lambda trailers: repr(trailers)[:20],
)
def test_trailers_are_read_and_dropped(service: Service, trailers: bytes) -> None:
    body = b"%x\r\n%b\r\n0\r\n%b\r\n" % (len(JOB), JOB, trailers)
    assert answers(service, (CHUNKED + body) * 2) == [202, 202, 200]


def test_a_chunked_body_may_arrive_byte_by_byte(service: Service) -> None:
    body = b'%x;a="b"\r\n%b\r\n0;c\r\nX: 1\r\nY: 2\r\n\r\n' % (len(JOB), JOB)
    with connect(service) as client:
        for at in range(len(body)):
            client.sendall((CHUNKED if at == 0 else b"") + body[at : at + 1])
        client.sendall(HEALTH)
        assert parse_response(receive_all(client).partition(b"HTTP/1.1 200")[0])[0] == 202


BAD_BODIES = {
    "no size": b";a\r\n",
    "size with a sign": b"+5\r\n12345\r\n",
    "size with a prefix": b"0x5\r\n12345\r\n",
    "size with underscores": b"1_0\r\n" + b"x" * 16,
    "size after a space": b" 5\r\n12345\r\n",
    "size before a space": b"5 \r\n12345\r\n",
    "size with many digits": b"0" * 16 + b"5\r\n12345\r\n",
    "size that overflows": b"f" * 17 + b"\r\n",
    "bare LF after the size": b"5\n12345\r\n" + END,
    "bare LF in an extension": b"5;a\nb\r\n12345\r\n" + END,
    "bare CR in an extension": b"5;a\rb\r\n12345\r\n" + END,
    "NUL in an extension": b"5;a\0\r\n12345\r\n" + END,
    "bare LF after the data": b"5\r\n12345\n" + END,
    "too much data": b"5\r\n123456\r\n" + END,
    "a long extension": b"5;" + b"x" * 5000 + b"\r\n12345\r\n" + END,
    "more extensions than data": b"".join(b"1;%b\r\n1\r\n" % (b"x" * 2000) for _ in range(20))
    + END,
    "bare LF after the last size": b"0\n\r\n",
    "bare LF at the end": b"0\r\n\n",
    "bare LF in a trailer": b"0\r\nX: 1\n\r\n",
    "trailer without a colon": b"0\r\nX\r\n\r\n",
    "trailer with a space in its name": b"0\r\nX : 1\r\n\r\n",
    "trailer in two lines": b"0\r\nX: 1\r\n 2\r\n\r\n",
    "NUL in a trailer": b"0\r\nX: \0\r\n\r\n",
    "a long trailer": b"0\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
    "many trailers": b"0\r\n" + b"X: 1\r\n" * 3000 + b"\r\n",
    "a request instead of trailers": b"0\r\n" + HEALTH,
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_malformed_chunked_body_is_a_400_that_ends_the_connection(
    service: Service, name: str
) -> None:
    assert answers(service, CHUNKED + BAD_BODIES[name]) == [400]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\nHost: here\n\n",
        b"GET /healthz HTTP/1.1\r\nHost: here\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: here\r\nX: 1\nContent-Length: 3\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: here\r\nX: 1\rY: 2\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: here\r\nX: 1\r\n Y: 2\nZ: 3\r\n\r\n",
    ],
    ids=repr,
)
def test_lines_of_a_head_end_with_crlf(service: Service, head: bytes) -> None:
    assert answers(service, head) == [400]


@pytest.mark.parametrize(
    "head",
    [
        JSON_HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        JSON_HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        JSON_HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        JSON_HEAD + b"Transfer-Encoding: identity, chunked\r\n\r\n",
        JSON_HEAD + b"Transfer-Encoding: xchunked\r\n\r\n",
        JSON_HEAD + b"Transfer-Encoding : chunked\r\n\r\n",
        JSON_HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n",
        JSON_HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        JSON_HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n",
    ],
    ids=lambda head: repr(head[-60:]),
)
def test_a_body_whose_end_is_ambiguous_is_a_400_that_ends_the_connection(
    service: Service, head: bytes
) -> None:
    assert answers(service, head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(JOB), JOB)) == [400]

"""Responses are compressed for clients that ask for it, and keep their versions."""

import gzip
import json
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPResponse

from server.http.compression import MAX_BYTES, MIN_BYTES, is_compressible
from tests.support.api import Client, fields
from tests.support.stores import Bench

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite]
GZIP = {"Accept-Encoding": "gzip"}
LONG = {"seconds": 0, "note": "x" * MIN_BYTES}


async def fetch(client: Client, path: str, **options: Any) -> HTTPResponse:
    """The response as it was sent."""
    options |= {"raise_error": False, "decompress_response": False}
    return await AsyncHTTPClient().fetch(client.base_url + path, **options)


async def compressed(client: Client, path: str) -> HTTPResponse:
    """A response that must be compressed, and be equal to the plain one."""
    plain, packed = await fetch(client, path), await fetch(client, path, headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)
    assert int(packed.headers["Content-Length"]) == len(packed.body)
    for response in (plain, packed):
        assert "Accept-Encoding" in response.headers["Vary"]
    assert packed.headers["Etag"] == plain.headers["Etag"][:-1] + '-gzip"'
    head = await fetch(client, path, method="HEAD", headers=GZIP)
    assert (head.code, head.body) == (200, b"")
    varying = ("Date", "X-Request-Id")
    for name in packed.headers.keys() - varying:
        assert head.headers[name] == packed.headers[name], name
    return packed


async def test_json_is_compressed_on_request(client: Client, bench: Bench) -> None:
    job_id = bench.enqueue(payload=LONG)
    for path in (f"/jobs/{job_id}", f"/jobs/{job_id}?wait=0", "/jobs", f"/jobs?id={job_id}"):
        await compressed(client, path)
    await compressed(client, "/openapi.json")


async def test_text_is_compressed_on_request(client: Client, bench: Bench) -> None:
    packed = await fetch(client, "/metrics", headers=GZIP)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"job_service" in gzip.decompress(packed.body)


async def test_both_paths_compress_alike(client: Client, bench: Bench) -> None:
    path = f"/jobs/{bench.enqueue(payload=LONG)}"
    fast = await fetch(client, path, headers=GZIP)
    slow = await fetch(client, path, headers={**GZIP, "X-Plain": "no"})
    assert fast.body == slow.body
    assert {**fast.headers, "Date": "", "X-Request-Id": ""} == {
        **slow.headers,
        "Date": "",
        "X-Request-Id": "",
    }


@pytest.mark.parametrize("accept", ["", "identity", "br, zstd", "gzip;q=0", "*"])
async def test_other_clients_get_plain_responses(client: Client, bench: Bench, accept: str) -> None:
    path = f"/jobs/{bench.enqueue(payload=LONG)}"
    response = await fetch(client, path, headers={"Accept-Encoding": accept})
    assert "Content-Encoding" not in response.headers
    assert json.loads(response.body)["payload"] == LONG


async def test_short_responses_stay_plain(client: Client) -> None:
    for path in ("/healthz", "/queues"):
        response = await fetch(client, path, headers=GZIP)
        assert not {"Content-Encoding", "Vary"} & response.headers.keys()


async def test_long_problems_are_compressed(client: Client, bench: Bench) -> None:
    query = "&".join(f"unknown{number}=1" for number in range(10))
    packed = await fetch(client, f"/jobs?{query}", headers=GZIP)
    assert (packed.code, packed.headers["Content-Encoding"]) == (422, "gzip")
    assert len(fields(json.loads(gzip.decompress(packed.body)))) == 10


async def test_streams_are_not_compressed(client: Client, bench: Bench) -> None:
    job_id = bench.enqueue(payload=LONG)
    bench.jobs.cancel(job_id)
    path = f"/jobs/{job_id}/events?last_event_id=0"
    response = await fetch(client, path, headers=GZIP)
    assert "Content-Encoding" not in response.headers
    assert response.body.startswith(b"retry:")


@pytest.mark.parametrize("asked", [{}, GZIP], ids=["plain", "gzip"])
@pytest.mark.parametrize("known", [{}, GZIP], ids=["plain", "gzip"])
async def test_a_client_that_has_the_response_gets_304(
    client: Client, bench: Bench, known: dict[str, str], asked: dict[str, str]
) -> None:
    path = f"/jobs/{bench.enqueue(payload=LONG)}"
    etag = (await fetch(client, path, headers=known)).headers["Etag"]
    assert etag.endswith('-gzip"') == bool(known)
    for tag in (etag, f'"x", W/{etag}'):
        response = await fetch(client, path, headers={**asked, "If-None-Match": tag})
        assert (response.code, response.body) == (304, b"")
        assert "Content-Encoding" not in response.headers
        assert response.headers["Etag"].endswith('-gzip"') == bool(asked)
    other = await fetch(client, path, headers={**asked, "If-None-Match": '"other-gzip"'})
    assert other.code == 200


async def test_the_etag_of_a_compressed_response_protects_a_job(
    client: Client, bench: Bench
) -> None:
    path = f"/jobs/{bench.enqueue(payload=LONG)}"
    etag = (await fetch(client, path, headers=GZIP)).headers["Etag"]
    for tag, code in ((f"W/{etag}", 412), ('"other-gzip"', 412), (etag, 200)):
        headers = {"If-Match": tag}
        response = await client.fetch(f"{path}/cancel", method="POST", body=b"", headers=headers)
        assert response.code == code, tag
    stale = await client.fetch(path, headers={**GZIP, "If-Match": etag})
    assert stale.code == 412


def test_only_texts_of_some_size_are_compressed() -> None:
    assert is_compressible("application/json; charset=utf-8", MIN_BYTES)
    assert is_compressible("application/problem+json", MIN_BYTES)
    assert is_compressible("text/plain; charset=utf-8", MAX_BYTES)
    assert not is_compressible("text/plain", MIN_BYTES - 1)
    assert not is_compressible("text/plain", MAX_BYTES + 1)
    assert not is_compressible("text/event-stream", MIN_BYTES)
    assert not is_compressible("image/png", MIN_BYTES)

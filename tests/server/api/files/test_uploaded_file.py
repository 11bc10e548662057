"""Downloads of the file that a job was given, over real sockets."""

import asyncio
import contextlib
import hashlib
import os
from uuid import UUID

import pytest
from tornado.httpclient import HTTPResponse

from server.api.files import downloads
from server.http import file_range
from server.start.app import App
from storage.files.folder import FolderUploads
from storage.files.reading import FileReader, FolderReader
from storage.records.job import StoreUnavailable, Upload
from tests.support.api import FILE, Client, analyze_form, read
from tests.support.stores import Bench, folder_of

pytestmark = [pytest.mark.gen_test, pytest.mark.sqlite, pytest.mark.tornado]
ETAG = f'"{hashlib.sha256(FILE).hexdigest()}"'


async def submit(client: Client, content: bytes = FILE, name: str = "app.log") -> str:
    """Submit a job with a file; return the address of the file."""
    return f"/jobs/{(await client.post_form(analyze_form(content, name)))['job_id']}/upload"


async def ask(client: Client, address: str, method: str = "GET", **headers: str) -> HTTPResponse:
    """The response to a request with headers, whose names have `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.fetch(address, method=method, headers=named)


async def test_the_file_is_sent_as_it_was_given(client: Client) -> None:
    response = await ask(client, await submit(client))
    assert (response.code, response.body) == (200, FILE)
    headers = response.headers
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Content-Length"] == str(len(FILE))
    assert headers["Content-Disposition"] == 'attachment; filename="app.log"'
    assert (headers["Etag"], headers["Accept-Ranges"]) == (ETAG, "bytes")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


async def test_head_has_the_headers_of_get_and_no_body(client: Client) -> None:
    address = await submit(client)
    whole, head = await ask(client, address), await ask(client, address, "HEAD", Range="bytes=0-1")
    assert (head.code, head.body) == (200, b"")
    changing = {"Date", "X-Request-Id"}
    assert {k: v for k, v in head.headers.items() if k not in changing} == {
        k: v for k, v in whole.headers.items() if k not in changing
    }


async def test_a_stored_page_runs_no_script_and_is_of_no_origin(client: Client) -> None:
    address = await submit(client, b"<script>alert(1)</script>", "evil.html")
    response = await ask(client, f"{address}?disposition=inline")
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'inline; filename="evil.html"'
    policy = response.headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "sandbox"} <= set(policy)


async def test_a_range_gets_a_part(client: Client) -> None:
    address = await submit(client)
    for text, start, end in [("4-8", 4, 9), ("20-", 20, len(FILE)), ("-5", -5, len(FILE))]:
        response = await ask(client, address, Range=f"bytes={text}", If_Range=ETAG)
        assert (response.code, response.body) == (206, FILE[start:end])
        first = start % len(FILE)
        assert response.headers["Content-Range"] == f"bytes {first}-{end - 1}/{len(FILE)}"
        assert response.headers["Etag"] == ETAG
    whole = await ask(client, address, Range="bytes=4-8", If_Range='"other"')
    assert (whole.code, whole.body) == (200, FILE)


async def test_a_range_behind_the_end_is_refused(client: Client) -> None:
    response = await ask(client, await submit(client), Range=f"bytes={len(FILE)}-")
    assert read(response, 416)["code"] == "range_refused"
    assert response.headers["Content-Range"] == f"bytes */{len(FILE)}"


async def test_conditions_are_compared_with_the_digest(client: Client) -> None:
    address = await submit(client)
    same = await ask(client, address, If_None_Match=f'"x", {ETAG}', Range="bytes=0-1")
    assert (same.code, same.body, same.headers["Etag"]) == (304, b"", ETAG)
    assert (await ask(client, address, If_None_Match='"x"')).body == FILE
    assert (await ask(client, address, If_Match=ETAG)).body == FILE
    refused = await ask(client, address, If_Match='"x"', If_None_Match=ETAG)
    assert read(refused, 412)["code"] == "precondition_failed"


async def test_names_in_any_language_are_kept(client: Client) -> None:
    address = await submit(client, FILE, "größe 漢字.csv")
    disposition = (await ask(client, address)).headers["Content-Disposition"]
    assert disposition.endswith("filename*=UTF-8''gr%C3%B6%C3%9Fe%20%E6%BC%A2%E5%AD%97.csv")


async def test_an_empty_file_is_sent(client: Client) -> None:
    address = await submit(client, b"")
    response = await ask(client, address)
    assert (response.code, response.body, response.headers["Content-Length"]) == (200, b"", "0")
    assert (await ask(client, address, Range="bytes=-1")).code == 200
    assert (await ask(client, address, Range="bytes=0-")).code == 416


async def test_several_files_are_sent_as_their_archive(client: Client) -> None:
    parts = analyze_form()
    parts[2:] = [("files", "a.log", FILE), ("files", "b.log", FILE)]
    job_id = (await client.post_form(parts))["job_id"]
    response = await ask(client, f"/jobs/{job_id}/upload")
    assert response.headers["Content-Type"] == "application/zip"
    assert response.body.startswith(b"PK")


async def test_a_job_without_a_file_has_none(client: Client) -> None:
    job_id = await client.sleep_job()
    assert (await client.get(f"/jobs/{job_id}/upload", 404))["code"] == "file_not_found"
    assert (await client.get("/jobs/no-uuid/upload", 404))["code"] == "job_not_found"
    assert (await client.get(f"/jobs/{UUID(int=1)}/upload", 404))["code"] == "job_not_found"


async def test_wrong_parameters_are_named(client: Client) -> None:
    address = await submit(client)
    problem = await client.get(f"{address}?disposition=no", 422)
    assert problem["errors"][0]["field"] == "disposition"
    assert (await client.get(f"{address}?inline=1", 422))["code"] == "unknown_parameter"


async def test_a_deleted_or_cut_file_is_gone(client: Client, bench: Bench) -> None:
    address = await submit(client)
    (path,) = (folder_of(bench.store).folder / "files").iterdir()
    path.write_bytes(FILE[:-1])
    assert (await client.get(address, 410))["code"] == "file_gone"
    path.unlink()
    assert (await client.get(address, 410))["code"] == "file_gone"
    assert (await ask(client, address, "HEAD")).code == 410


LARGE = os.urandom(1 << 20) * 24


async def test_a_large_file_is_sent_by_several_turns_of_a_thread(client: Client) -> None:
    assert len(LARGE) > file_range.TURN_BYTES
    address = await submit(client, LARGE)
    assert (await ask(client, address)).body == LARGE
    assert (await ask(client, address, Range="bytes=1000001-")).body == LARGE[1_000_001:]


async def test_requests_on_one_connection_follow_each_other(client: Client) -> None:
    address = await submit(client)
    reader, writer = await connect(client)
    for _ in range(2):
        writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 2)
        for _ in range(2):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(len(FILE)) == FILE
    writer.close()


async def connect(client: Client) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of its own to the listener, which reads little ahead."""
    port = int(client.base_url.rpartition(":")[2])
    return await asyncio.open_connection("localhost", port, limit=1 << 16)


async def begin(client: Client, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Ask for a file, and read only the head of the response."""
    reader, writer = await connect(client)
    writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
    return reader, writer


async def rest(reader: asyncio.StreamReader) -> bytes:
    """The bytes that still arrive until the connection ends."""
    found = bytearray()
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(1 << 16):
            found += piece
    return bytes(found)


async def test_a_file_that_is_deleted_meanwhile_is_sent_to_its_end(
    client: Client, bench: Bench
) -> None:
    reader, writer = await begin(client, await submit(client, LARGE))
    (path,) = (folder_of(bench.store).folder / "files").iterdir()
    path.unlink()
    assert await reader.readexactly(len(LARGE)) == LARGE
    writer.close()


async def test_the_connection_of_a_file_that_is_cut_meanwhile_is_closed(
    client: Client, bench: Bench
) -> None:
    reader, writer = await begin(client, await submit(client, LARGE))
    (path,) = (folder_of(bench.store).folder / "files").iterdir()
    os.truncate(path, len(LARGE) - 1)
    assert len(await rest(reader)) < len(LARGE)
    writer.close()


async def test_a_client_that_goes_away_frees_the_file_and_the_socket(
    client: Client, app: App
) -> None:
    address, before = await submit(client, LARGE), len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        _, writer = await begin(client, address)
        writer.transport.abort()
    while len(os.listdir("/proc/self/fd")) > before:
        await asyncio.sleep(0.01)
    assert (await ask(client, address)).body == LARGE


class Elsewhere(FileReader):
    """A reader of a local file that reads it as if it were in S3."""

    reads_left = 10**6
    """Reads until S3 is down."""

    def __init__(self, local: FolderReader, size: int):
        self._local, self._left = local, size

    def fileno(self) -> None:
        """None, as for an object."""

    def read(self, size: int) -> bytes:
        if Elsewhere.reads_left == 0:
            raise StoreUnavailable("uploads: S3 is down")
        Elsewhere.reads_left -= 1
        data = self._local.read(min(size, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        self._local.close()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> type[Elsewhere]:
    """Reads all files as if they were in S3."""
    open_local = FolderUploads.open

    def open_elsewhere(uploads: FolderUploads, upload: Upload, start: int, end: int) -> Elsewhere:
        reader = open_local(uploads, upload, start, end)
        assert reader
        return Elsewhere(reader, end - start)

    monkeypatch.setattr(FolderUploads, "open", open_elsewhere)
    monkeypatch.setattr(Elsewhere, "reads_left", Elsewhere.reads_left)
    return Elsewhere


async def test_a_file_elsewhere_is_read_and_sent_in_pieces(
    elsewhere: type[Elsewhere], client: Client
) -> None:
    address = await submit(client, LARGE)
    assert (await ask(client, address)).body == LARGE
    part = await ask(client, address, Range="bytes=5000000-5000009")
    assert (part.code, part.body) == (206, LARGE[5_000_000:5_000_010])


async def test_a_failure_before_the_first_piece_is_a_response_and_later_a_closed_connection(
    elsewhere: type[Elsewhere], client: Client
) -> None:
    address = await submit(client, LARGE)
    elsewhere.reads_left = 0
    assert (await client.get(address, 503))["code"] == "store_unavailable"
    elsewhere.reads_left = 3
    reader, writer = await begin(client, address)
    assert len(await rest(reader)) < len(LARGE)
    writer.close()
    elsewhere.reads_left = 100
    assert (await ask(client, address)).body == LARGE


async def test_too_many_files_elsewhere_are_not_read_at_once(
    elsewhere: type[Elsewhere], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_SLOW", 1)
    address = await submit(client, LARGE)
    reader, writer = await begin(client, address)
    assert (await client.get(address, 503))["code"] == "file_unavailable"
    assert await reader.readexactly(len(LARGE)) == LARGE
    writer.close()
    assert (await ask(client, address)).body == LARGE

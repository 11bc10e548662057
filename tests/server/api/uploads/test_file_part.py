"""A file on its way to disk: its batches in memory, its end, and a full disk."""

import asyncio
import hashlib
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from server.api.uploads.file_part import (
    BUFFER_BYTES,
    MEMORY_BUDGET_BYTES,
    MIN_BATCH_BYTES,
    FilePart,
)
from server.http.blocking import T
from server.http.problems import Problem
from storage.files.folder import FolderUploads, FolderWriter
from storage.records.job import StoreFull
from tests.support.stores import upload_files

BATCH = bytes(range(256)) * (BUFFER_BYTES // 256)

DELIMITER = b"\r\n--cut"


class Gate:
    """Runs blocking calls in a thread, but only once `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, call: Callable[[], T]) -> T:
        await self.open.wait()
        return await asyncio.to_thread(call)


def file_part(
    uploads: FolderUploads, gate: Gate, writer: FolderWriter | None = None, most: int = 10**9
) -> FilePart:
    return FilePart(writer or uploads.writer(), DELIMITER, gate, lambda size: None, most)


def files(uploads: FolderUploads) -> list[Path]:
    return upload_files(uploads.folder)


async def start_waiting(awaited: Awaitable[Any]) -> asyncio.Future[Any]:
    """Start a coroutine that must still be waiting after 20 turns of the event loop."""
    future = asyncio.ensure_future(awaited)
    for _ in range(20):
        await asyncio.sleep(0)
    assert not future.done()
    return future


@pytest.fixture
def uploads(tmp_path: Path) -> FolderUploads:
    return FolderUploads(tmp_path / "uploads")


@pytest.mark.gen_test
async def test_one_batch_is_collected_while_another_is_written_and_then_the_client_waits(
    uploads: FolderUploads,
) -> None:
    gate = Gate()
    part = file_part(uploads, gate)
    await part.write(BATCH)
    await part.write(BATCH[:-1])
    third = await start_waiting(part.write(BATCH[-1:]))
    gate.open.set()
    await third
    await part.end()
    upload = await part.finish("a.log")
    assert uploads.path(upload).read_bytes() == 2 * BATCH


@pytest.mark.gen_test
async def test_a_batch_that_is_being_written_does_not_change(
    uploads: FolderUploads,
) -> None:
    gate = Gate()
    gate.open.set()
    part = file_part(uploads, gate)
    content = b"".join(bytes([byte]) * BUFFER_BYTES for byte in b"abcde")
    for at in range(0, len(content), 300_007):
        await part.write(content[at : at + 300_007])
    await part.end()
    upload = await part.finish("a.log")
    assert uploads.path(upload).read_bytes() == content
    assert upload.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.gen_test
async def test_files_that_arrive_together_have_smaller_batches(
    uploads: FolderUploads,
) -> None:
    gate = Gate()
    many = [file_part(uploads, gate) for _ in range(MEMORY_BUDGET_BYTES // MIN_BATCH_BYTES)]
    await many[-1].write(BATCH[: 2 * MIN_BATCH_BYTES - 1])
    last = await start_waiting(many[-1].write(b"x"))
    gate.open.set()
    await last
    for part in many:
        await part.abort()
    assert files(uploads) == []


@pytest.mark.gen_test
async def test_a_partial_delimiter_at_the_end_counts_for_the_size(
    uploads: FolderUploads,
) -> None:
    gate = Gate()
    gate.open.set()
    part = file_part(uploads, gate, most=12)
    await part.write(b"x" * 9 + DELIMITER[:4])
    with pytest.raises(Problem, match="the limit of 12 bytes"):
        await part.end()
    await part.abort()
    assert files(uploads) == []


@pytest.mark.parametrize("library", ["stringzilla", "none"])
@pytest.mark.gen_test
async def test_a_file_ends_at_its_delimiter_wherever_batches_end(
    uploads: FolderUploads, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    if library == "none":
        monkeypatch.setitem(sys.modules, "stringzilla", None)
    monkeypatch.setattr("server.api.uploads.file_part.MIN_BATCH_BYTES", 16)
    monkeypatch.setattr("server.api.uploads.file_part.MEMORY_BUDGET_BYTES", 0)
    gate = Gate()
    gate.open.set()
    for size in range(50):
        part = file_part(uploads, gate)
        left = await part.write(BATCH[:size] + DELIMITER + b"--")
        await part.end()
        upload = await part.finish("a.log")
        assert (left, upload.size) == (DELIMITER + b"--", size)
        assert uploads.path(upload).read_bytes() == BATCH[:size]


@pytest.mark.gen_test
async def test_the_end_of_a_file_waits_for_its_last_batch(uploads: FolderUploads) -> None:
    gate = Gate()
    part = file_part(uploads, gate)
    await part.write(b"few")
    end = await start_waiting(part.end())
    assert files(uploads)[0].read_bytes() == b""
    gate.open.set()
    await end
    assert files(uploads)[0].read_bytes() == b"few"
    await part.abort()


@pytest.mark.gen_test
async def test_an_abort_waits_for_the_batch_under_way(
    uploads: FolderUploads,
) -> None:
    closed, opened = Gate(), Gate()
    opened.open.set()
    writer = uploads.writer()

    async def gate(call: Callable[[], T]) -> T:
        return await (opened if call == writer.abort else closed)(call)

    part = FilePart(writer, DELIMITER, gate, lambda size: None, 10**9)
    await part.write(BATCH)
    abort = await start_waiting(part.abort())
    closed.open.set()
    await abort
    assert files(uploads) == []


@pytest.mark.gen_test
async def test_a_full_disk_is_reported_by_the_next_call_and_leaves_no_file(
    uploads: FolderUploads,
) -> None:
    gate, full = Gate(), os.open("/dev/full", os.O_WRONLY)
    gate.open.set()
    for later in ("write", "end", "abort"):
        writer = uploads.writer()
        os.dup2(full, writer._file.fileno())
        part = file_part(uploads, gate, writer)
        await part.write(BATCH)
        if later != "abort":
            with pytest.raises(StoreFull):
                await (part.write(BATCH) if later == "write" else part.end())
        await part.abort()
        assert files(uploads) == []
    os.close(full)


@pytest.mark.gen_test
async def test_a_file_is_refused_at_the_first_byte_above_its_limit(
    uploads: FolderUploads,
) -> None:
    gate = Gate()
    gate.open.set()
    part = file_part(uploads, gate, most=len(BATCH) + 3)
    await part.write(BATCH)
    await part.write(b"123")
    with pytest.raises(Problem, match="the file"):
        await part.write(b"4")
    await part.abort()
    assert files(uploads) == []

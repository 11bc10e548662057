"""Forms that arrive in pieces of any size are parsed as if they arrived at once."""

import asyncio
import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.api.uploads import file_part
from server.api.uploads.file_part import FilePart
from server.api.uploads.form import FormBody
from storage.files.folder import FolderUploads
from tests.support.api import analyze_form, form

# Pieces of content: parts of the delimiter, and bytes that cannot be part of it.
_PARTS = [b"\r", b"\n", b"\r\n", b"--", b"cut", b"cu", b"\r\n--cu", b"\r\n--cuts", b"x" * 30, b"y"]


async def _run(call: Callable[[], Any]) -> Any:
    return call()


async def _sent(
    body: bytes, sizes: list[int], folder: Path, in_place: bool
) -> tuple[dict[str, bytes], bytes]:
    """The fields and the file of a form that arrives in pieces whose sizes repeat `sizes`.

    `in_place`: whether pieces are written into the offered buffer, as far as they fit.
    """
    uploads, offered = FolderUploads(folder), list[memoryview]()

    async def open_file(delimiter: bytes) -> FilePart:
        return FilePart(uploads.writer(), delimiter, _run, lambda size: None, 10**9)

    whole = FormBody("cut", 10**6, 10**9, open_file, offered.append)
    at = step = 0
    while at < len(body):
        piece: bytes | memoryview = body[at : at + sizes[step % len(sizes)]]
        if offered and in_place:
            room = offered[-1][: len(piece)]
            room[:] = piece[: len(room)]
            piece = room
        offered.clear()
        await whole.write(piece)
        at, step = at + len(piece), step + 1
    whole.require_whole()
    upload = await whole.finish()
    assert upload is not None
    return whole.fields, uploads.path(upload).read_bytes()


@pytest.mark.heavy
@settings(max_examples=500, deadline=None)
@given(
    content=st.lists(st.sampled_from(_PARTS), max_size=30).map(b"".join),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    last=st.booleans(),
    in_place=st.booleans(),
    batch=st.sampled_from([8, 20, 50, file_part.MIN_BATCH_BYTES]),
)
def test_a_form_parses_the_same_in_pieces_of_any_size(
    content: bytes, sizes: list[int], last: bool, in_place: bool, batch: int
) -> None:
    content = content.replace(b"\r\n--cut", b"\r\n--cu")  # the delimiter itself would end the file
    parts = analyze_form(content)
    body, _ = form(parts if last else parts[::-1])
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_part, "MIN_BATCH_BYTES", batch)
        patch.setattr(file_part, "MEMORY_BUDGET_BYTES", 0)
        fields, file = asyncio.run(_sent(body, sizes, Path(folder), in_place))
    assert file == content
    assert fields == {name: value for name, file_name, value in parts if file_name is None}


@pytest.mark.heavy
@settings(max_examples=100, deadline=None)
@given(
    contents=st.lists(
        st.lists(st.sampled_from(_PARTS), max_size=20).map(b"".join), min_size=1, max_size=5
    ),
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=8),
    in_place=st.booleans(),
    batch=st.sampled_from([8, 20, 50, file_part.MIN_BATCH_BYTES]),
)
def test_several_files_become_one_archive_in_pieces_of_any_size(
    contents: list[bytes], sizes: list[int], in_place: bool, batch: int
) -> None:
    contents = [each.replace(b"\r\n--cut", b"\r\n--cu") for each in contents]
    parts = [
        *analyze_form()[:1],
        *(("files", f"{number}.log", each) for number, each in enumerate(contents)),
        *analyze_form()[1:2],
    ]
    body, _ = form(parts)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_part, "MIN_BATCH_BYTES", batch)
        patch.setattr(file_part, "MEMORY_BUDGET_BYTES", 0)
        fields, file = asyncio.run(_sent(body, sizes, Path(folder), in_place))
    assert set(fields) == {"type", "payload"}
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.testzip() is None
        found = [(each.filename, archive.read(each)) for each in archive.infolist()]
    assert found == [(f"{number}.log", each) for number, each in enumerate(contents)]

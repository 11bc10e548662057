import io
import os
import threading
from pathlib import Path

import pytest
from multipart import MultipartParser, parse_options_header

from jobservice.uploads import CHUNK_BYTES, File, Form, SeveralSources, Source
from tests.support.named_pipes import make_named_pipe

CONTENT = os.urandom(3 * CHUNK_BYTES + 7)


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False


def read(form: Form) -> dict[str, tuple[str | None, bytes]]:
    """The parts of a form, as another library reads them."""
    body = b"".join(form.chunks())
    assert form.size in (None, len(body))
    _, options = parse_options_header(form.content_type)
    parts = MultipartParser(io.BytesIO(body), options["boundary"], spool_limit=2**24)
    return {part.name: (part.filename, part.raw) for part in parts}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "app.log"
    file.write_bytes(CONTENT)
    return file


def test_a_form_has_its_fields_and_then_its_file(path: Path) -> None:
    form = Form([("type", "analyze"), ("payload", '{"ä": 1}')], Source(path))
    parts = read(form)
    assert list(parts) == ["type", "payload", "filename"]
    assert parts["payload"] == (None, '{"ä": 1}'.encode())
    assert parts["filename"] == ("app.log", CONTENT)
    assert form.headers()["Content-Length"] == str(form.size)


def test_a_form_can_have_several_files(path: Path) -> None:
    sources = SeveralSources([path, ("empty.log", b""), ("last.log", io.BytesIO(b"last"))])
    seen: list[tuple[int, int | None]] = []
    form = Form([("type", "analyze")], sources, lambda sent, size: seen.append((sent, size)))
    for _ in range(2):
        body = b""
        for chunk in form.chunks():
            body += chunk
            form.report()
        assert len(body) == form.size
        _, options = parse_options_header(form.content_type)
        parts = list(MultipartParser(io.BytesIO(body), options["boundary"], spool_limit=2**24))
        assert [part.name for part in parts] == ["type", "files", "files", "files"]
        assert [part.filename for part in parts[1:]] == ["app.log", "empty.log", "last.log"]
        assert [part.raw for part in parts[1:]] == [CONTENT, b"", b"last"]
        assert seen[-1] == (len(CONTENT) + 4, len(CONTENT) + 4)
    assert sources.name == "app.log, empty.log, last.log"
    assert sources.can_restart


def test_several_files_are_spent_if_one_of_them_is() -> None:
    form = Form([], SeveralSources([b"again", Unseekable(b"once")]))
    assert form.size is None
    spent = [form.source.is_spent for _ in form.chunks()]
    assert (spent[0], spent[-1], form.source.is_spent) == (False, True, True)
    with pytest.raises(ValueError, match="at least one"):
        SeveralSources([])


def test_every_kind_of_file_can_be_read_again(path: Path) -> None:
    with path.open("rb") as stream:
        files: list[File] = [path, str(path), CONTENT, bytearray(CONTENT), stream]
        names = [Source(file).name for file in files]
        assert names == ["app.log", "app.log", "data", "data", "app.log"]
        for file in files:
            form = Form([], Source(file))
            assert read(form)["filename"][1] == read(form)["filename"][1] == CONTENT
            assert form.source.can_restart
            assert not form.source.is_spent


def test_a_stream_is_sent_from_where_it_stands() -> None:
    stream = io.BytesIO(b"read already, not yet")
    stream.seek(14)
    form = Form([], Source(("late.log", stream)))
    assert read(form)["filename"] == read(form)["filename"] == ("late.log", b"not yet")


def test_a_stream_that_cannot_seek_is_read_once_and_sent_in_chunks() -> None:
    form = Form([], Source(Unseekable(b"once")))
    assert form.size is None
    assert "Content-Length" not in form.headers()
    assert not form.source.is_spent
    assert read(form)["filename"] == ("data", b"once")
    assert form.source.is_spent


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    make_named_pipe(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"through the pipe"))
    form = Form([], Source(pipe))
    writer.start()
    assert read(form)["filename"] == ("pipe", b"through the pipe")
    assert form.source.is_spent
    writer.join()


def test_progress_begins_again_when_the_upload_does(path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    form = Form([], Source(path), lambda sent, size: seen.append((sent, size)))
    chunks = form.chunks()
    for _ in range(2):
        next(chunks)
        form.report()
    next(chunks)  # was not sent
    chunks.close()
    assert form.furthest == CHUNK_BYTES
    for _ in form.chunks():
        form.report()
    size = len(CONTENT)
    first = [(0, size), (CHUNK_BYTES, size)]
    assert seen == [*first, *first, (2 * CHUNK_BYTES, size), (3 * CHUNK_BYTES, size), (size, size)]
    assert form.furthest == size


def test_a_file_that_grows_is_sent_as_long_as_it_was(path: Path) -> None:
    form = Form([], Source(path))
    with path.open("ab") as file:
        file.write(b"more")
    assert read(form)["filename"][1] == CONTENT


def test_a_file_that_becomes_shorter_is_an_error(path: Path) -> None:
    form = Form([], Source(path))
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match=r"app\.log became shorter while it was sent"):
        list(form.chunks())


def test_a_file_name_cannot_leave_its_quotes() -> None:
    form = Form([], Source(('a"\r\nX: b.log', b"")))
    head = next(iter(form.chunks()))
    assert b'filename="a%22%0D%0AX: b.log"\r\n' in head


@pytest.mark.parametrize("file", [io.StringIO("text"), 7, None])
def test_what_is_no_file_is_refused(file: File) -> None:
    with pytest.raises(TypeError, match="a stream opened in binary mode"):
        Source(file)


def test_a_missing_file_is_an_error_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Source(tmp_path / "missing.log")
    with pytest.raises(IsADirectoryError):
        Source(tmp_path)

"""A download writes responses as they come. The tests use no network."""

import hashlib
import os
from io import BytesIO
from pathlib import Path

import pytest

from jobservice.downloads import Download
from jobservice.errors import FileDamaged
from tests.support.named_pipes import make_named_pipe, open_for_reading

DATA = b"0123456789"
ETAG = f'"{hashlib.sha256(DATA).hexdigest()}"'
HEADERS = {"etag": ETAG, "content-length": "10", "content-disposition": 'a; filename="a.log"'}


def rest_from(start: int) -> dict[str, str]:
    """The headers of a response with the rest of the file."""
    return {**HEADERS, "content-range": f"bytes {start}-9/10", "content-length": f"{10 - start}"}


def receive(download: Download, status: int, headers: dict[str, str], data: bytes) -> None:
    """Take a whole response."""
    download.begin(status, headers)
    download.write(data)
    download.finish()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    seen = []
    download = Download(tmp_path, lambda done, total: seen.append((done, total)))
    assert download.headers() == {"Accept": "*/*", "Accept-Encoding": "identity"}
    download.begin(200, HEADERS)
    download.write(DATA[:4])
    assert "a.log" not in names(tmp_path)
    download.write(DATA[4:])
    download.finish()
    download.abort()
    assert download.path == tmp_path / "a.log"
    assert download.path.read_bytes() == DATA
    assert (download.size, download.sha256) == (10, ETAG.strip('"'))
    assert (names(tmp_path), seen) == (["a.log"], [(4, 10), (10, 10)])


def test_a_broken_download_asks_for_the_rest(tmp_path: Path) -> None:
    download = Download(tmp_path / "mine")
    download.begin(200, HEADERS)
    download.write(DATA[:4])
    headers = download.headers()
    assert (headers["Range"], headers["If-Range"]) == ("bytes=4-", ETAG)
    download.begin(206, rest_from(4))
    download.write(DATA[4:])
    download.finish()
    assert (tmp_path / "mine").read_bytes() == DATA
    assert download.size == 10


def test_bytes_that_a_proxy_sends_again_are_skipped() -> None:
    stream = BytesIO()
    download = Download(stream)
    download.begin(200, HEADERS)
    download.write(DATA[:4])
    download.begin(200, HEADERS)
    download.write(DATA[:3])
    download.write(DATA[3:])
    download.finish()
    assert (stream.getvalue(), download.path) == (DATA, None)


def test_a_file_that_has_changed_is_read_from_its_start(tmp_path: Path) -> None:
    download = Download(tmp_path)
    download.begin(200, {**HEADERS, "etag": f'"{"0" * 64}"'})
    download.write(b"other and longer")
    download.begin(200, HEADERS)
    download.write(DATA)
    download.finish()
    assert (tmp_path / "a.log").read_bytes() == DATA


def test_a_stream_cannot_begin_again_once_it_has_bytes() -> None:
    download = Download(BytesIO())
    download.begin(200, {})
    download.begin(200, {})
    download.write(DATA)
    with pytest.raises(FileDamaged, match="cannot be continued"):
        download.begin(200, {})


def test_wrong_bytes_are_noticed_and_removed(tmp_path: Path) -> None:
    for status, headers, data in [(200, HEADERS, b"x" * 10), (206, rest_from(3), DATA)]:
        download = Download(tmp_path)
        download.begin(200, HEADERS)
        with pytest.raises(FileDamaged):
            receive(download, status, headers, data)
        download.abort()
        assert names(tmp_path) == []


def test_a_file_that_the_service_names_replaces_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.log").symlink_to("nowhere")
    with pytest.raises(FileExistsError, match=r"a\.log exists already"):
        Download(tmp_path).begin(200, HEADERS)
    (tmp_path / "a.log").unlink()
    download = Download(tmp_path)
    download.begin(200, HEADERS)
    download.write(DATA)
    (tmp_path / "a.log").write_bytes(b"came meanwhile")
    with pytest.raises(FileExistsError):
        download.finish()
    download.abort()
    assert (names(tmp_path), (tmp_path / "a.log").read_bytes()) == (["a.log"], b"came meanwhile")


def test_an_equal_file_that_the_service_names_is_not_received_again(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(DATA)
    download = Download(tmp_path)
    download.begin(200, HEADERS)
    download.finish()
    download.abort()
    assert download.is_there
    assert (download.path, download.size, download.sha256) == (
        tmp_path / "a.log",
        10,
        ETAG.strip('"'),
    )
    assert (names(tmp_path), (tmp_path / "a.log").read_bytes()) == (["a.log"], DATA)
    with pytest.raises(FileExistsError):
        Download(tmp_path).begin(200, {**HEADERS, "etag": '"another"'})


def test_a_name_that_ends_with_a_slash_is_a_folder(tmp_path: Path) -> None:
    download = Download(f"{tmp_path}/new/deep/")
    receive(download, 200, HEADERS, DATA)
    assert download.path == tmp_path / "new" / "deep" / "a.log"
    assert download.path.read_bytes() == DATA
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        Download(f"{tmp_path}/file/").begin(200, HEADERS)


def test_an_error_names_the_file_and_not_its_temporary_one(tmp_path: Path) -> None:
    download = Download(tmp_path / "no" / "a.log")
    with pytest.raises(FileNotFoundError) as caught:
        download.begin(200, HEADERS)
    assert caught.value.filename == str(tmp_path / "no" / "a.log")
    download.abort()


def test_a_named_file_is_replaced_and_a_link_or_pipe_stays(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    make_named_pipe(tmp_path / "pipe")
    pipe = open_for_reading(tmp_path / "pipe")
    for target in (link, tmp_path / "pipe"):
        download = Download(target)
        download.begin(200, HEADERS)
        download.write(DATA)
        download.finish()
        download.abort()
    assert link.is_symlink()
    assert real.read_bytes() == DATA
    assert os.read(pipe, 100) == DATA
    os.close(pipe)
    assert (tmp_path / "pipe").is_fifo()
    assert names(tmp_path) == ["link", "pipe", "real"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=\"gr__e.log\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.log", "größe.log"),
        ('attachment; filename="../../etc/passwd"', "_.._etc_passwd"),
        ("attachment; filename*=UTF-8''%2E%2E%2Fa%00b", "_a_b"),
        ('attachment; filename=".bashrc"', "bashrc"),
        ('attachment; filename="C:\\a"', "C__a"),
        ('attachment; filename=".."', "file"),
        ("attachment", "file"),
        ("", "file"),
    ],
)
def test_names_of_the_service_are_made_safe(tmp_path: Path, disposition: str, name: str) -> None:
    download = Download(tmp_path)
    download.begin(200, {"content-disposition": disposition})
    download.finish()
    assert names(tmp_path) == [name]

"""Zip archives that are made while they are sent."""

import hashlib
import io
import zipfile
from uuid import UUID

import pytest

from server.api.files import archive as module
from server.api.files.archive import FilesArchive
from server.http.problems import Problem
from storage.files.reading import FileReader
from storage.records.job_file import JobFile


class Reader(FileReader):
    """Reads bytes, a few at a time."""

    opened = 0

    def __init__(self, data: bytes):
        self._stream = io.BytesIO(data)
        Reader.opened += 1

    def fileno(self) -> None:
        """None."""

    def read(self, size: int) -> bytes:
        return self._stream.read(min(size, 700_001))

    def close(self) -> None:
        Reader.opened -= 1


def archive_of(
    contents: dict[str, bytes], missing: str = "", cut: int = 0
) -> FilesArchive[JobFile]:
    files = [
        JobFile(
            *(UUID(int=1), name, position, len(data), "text/plain"),
            *(hashlib.sha256(data).hexdigest(), UUID(int=position), 1),
        )
        for position, (name, data) in enumerate(contents.items())
    ]

    def open_file(file: JobFile) -> Reader | None:
        data = contents[file.name]
        return None if file.name == missing else Reader(data[: len(data) - cut])

    return FilesArchive(files, open_file)


CONTENTS = {"a.csv": b"1,2\n", "pages/größe.txt": b"", "pages/z.bin": bytes(range(256)) * 12_000}


def test_the_archive_has_all_files_and_the_size_that_was_told() -> None:
    archive = archive_of(CONTENTS)
    content = b"".join(archive.pieces())
    assert len(content) == archive.size
    with zipfile.ZipFile(io.BytesIO(content)) as read:
        assert read.testzip() is None
        assert {each: read.read(each) for each in read.namelist()} == CONTENTS
    assert Reader.opened == 0


def test_pieces_are_large_for_many_small_files_and_small_for_a_large_one() -> None:
    small = archive_of({f"{number}": b"x" * 100 for number in range(1000)})
    assert len(list(small.pieces())) == 1
    large = archive_of({"a": bytes(9 << 20), "b": bytes(3 << 20)})
    sizes = [len(piece) for piece in large.pieces()]
    assert max(sizes) <= 2 * module.PIECE_BYTES
    assert len(sizes) >= 6


def test_the_etag_follows_from_names_and_contents() -> None:
    tag = archive_of(CONTENTS).etag
    assert archive_of(dict(CONTENTS)).etag == tag
    assert archive_of({**CONTENTS, "a.csv": b"1,3\n"}).etag != tag
    assert archive_of({"b.csv": b"1,2\n"}).etag != archive_of({"a.csv": b"1,2\n"}).etag


@pytest.mark.parametrize("options", [{"missing": "pages/z.bin"}, {"cut": 1}])
def test_a_file_that_is_gone_or_cut_is_an_error(options: dict[str, int]) -> None:
    with pytest.raises(Problem) as caught:
        list(archive_of(CONTENTS, **options).pieces())  # type: ignore[arg-type]
    assert str(caught.value.code) == "file_gone"
    assert Reader.opened == 0


def test_an_archive_that_is_given_up_closes_its_file() -> None:
    pieces = archive_of(CONTENTS | {"z": bytes(9 << 20)}).pieces()
    next(pieces)
    pieces.close()
    assert Reader.opened == 0

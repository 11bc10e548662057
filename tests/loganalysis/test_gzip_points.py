"""Access points of gzip files: the same data and errors as without them, from any offset."""

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from loganalysis.index import gzip_points
from loganalysis.index.gzip_points import MAX_POINTS, GzipPoints, GzipSource
from loganalysis.read.errors import SourceError
from loganalysis.read.open_source import open_source
from tests.loganalysis.test_index_pages import Reader, log_lines
from tests.loganalysis.test_index_pages import closed_streams as closed_streams

SPACING = 20_000
LINES = log_lines(5000)
DATA = "\n".join(LINES).encode()
FORMS: dict[str, Callable[[bytes], bytes]] = {
    "one member": gzip.compress,
    "stored": lambda data: gzip.compress(data, 0),
    "members": lambda data: b"".join(
        gzip.compress(data[at : at + 7000]) for at in range(0, len(data), 7000)
    ),
    "padding": lambda data: (
        gzip.compress(data[:30_000]) + bytes(100_000) + gzip.compress(data[30_000:]) + bytes(99)
    ),
    "an empty member": lambda data: gzip.compress(b"") + gzip.compress(data) + gzip.compress(b""),
}


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small files have many points, at all kinds of places."""
    monkeypatch.setattr(gzip_points, "MIN_FILE_BYTES", 0)
    monkeypatch.setattr(gzip_points, "_CHUNK_BYTES", 1000)
    monkeypatch.setattr(gzip_points, "_PIECE_BYTES", 3000)


def read(source: object) -> tuple[bytes, str | None]:
    """All data of a source, and its error."""
    buffer, data = memoryview(bytearray(5000)), b""
    with source as opened:  # type: ignore[attr-defined]
        try:
            while size := opened.readinto(buffer):
                data += buffer[:size]
        except SourceError as error:
            return data, str(error)
    return data, None


@pytest.mark.parametrize("form", FORMS)
def test_data_from_any_point_is_that_of_the_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(FORMS[form](DATA))
    points = GzipPoints(spacing=SPACING)
    assert read(GzipSource(path, points, 0)) == (DATA, None)
    assert len(points.points) > 5
    offsets = [
        0,
        1,
        len(DATA) - 1,
        len(DATA),
        *(random.Random(1).randrange(len(DATA)) for _ in range(20)),
    ]
    for offset in offsets:
        source = GzipSource(path, points, offset)
        assert offset - 2 * SPACING < source.start <= offset
        assert read(source) == (DATA[source.start :], None)
        assert not source._others  # which read the file from its start after an error


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_was_cut_gives_all_data_and_the_same_error_as_without_points(
    tmp_path: Path, form: str
) -> None:
    path, stored, rng = tmp_path / "file.gz", FORMS[form](DATA), random.Random(2)
    for _ in range(10):
        path.write_bytes(stored[: rng.randrange(1, len(stored))])
        expected, error = read(open_source(path))
        points = GzipPoints(spacing=SPACING)
        data, found = read(GzipSource(path, points, 0))
        assert found == error
        assert data.startswith(expected)  # ISA-L can hold back the last bytes
        assert DATA.startswith(data)
        source = GzipSource(path, points, len(DATA) * 3 // 4)
        assert read(source) == (data[source.start :], error)


@pytest.mark.heavy
@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_file_gives_the_same_error_as_without_points(tmp_path: Path, form: str) -> None:
    data = DATA[:60_000]  # behind the damage, bytes are decoded one by one
    path, stored, rng = tmp_path / "file.gz", FORMS[form](data), random.Random(3)
    for _ in range(10):
        damaged = bytearray(stored)
        damaged[rng.randrange(len(stored))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        expected, error = read(open_source(path))
        points = GzipPoints(spacing=SPACING)
        read_, found = read(GzipSource(path, points, 0))
        assert found == error
        # zlib notices some damage later than ISA-L.
        assert read_.startswith(expected)
        assert read(GzipSource(path, points, len(data) * 3 // 4))[1] == error


def test_the_number_of_points_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(DATA))
    points = GzipPoints(spacing=1)
    read(GzipSource(path, points, 0))
    assert MAX_POINTS // 2 <= len(points.points) <= MAX_POINTS
    assert points.points[0].data_offset == 0


def test_lines_are_read_from_an_access_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        gzip_points.GzipPoints,
        "is_due",
        lambda self, at: at >= self.points[-1].data_offset + SPACING,
    )
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(DATA))
    reader = Reader(path)
    assert reader.page(line=4900, limit=1)[0][0]["text"] == LINES[4899]
    assert reader.file.text.start_before(len(DATA)) > len(DATA) - 2 * SPACING
    for line in (4000, 10, 3000, 1):
        assert reader.page(line=line, limit=1)[0][0]["text"] == LINES[line - 1]

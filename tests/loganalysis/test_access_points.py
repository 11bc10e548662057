"""Access points that the scan finds: readers begin there, and get the data of the file."""

import gzip
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from isal import igzip

from loganalysis.count.line_marks import MarksError
from loganalysis.index import access_points, gzip_points, gzip_recorder
from loganalysis.index.access_points import decode_points, encode_points
from loganalysis.index.gzip_points import GzipPoints, GzipSource
from loganalysis.index.gzip_recorder import AccessPoint, GzipRecorder
from loganalysis.index.stream import TextFile
from loganalysis.match.patterns import Pattern
from loganalysis.read.open_source import DecompressionLimits, open_source
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json
from tests.loganalysis.test_gzip_points import read
from tests.support.loganalysis.archives import tar_of

SPACING = 60_000
RNG = random.Random(5)
DATA = b"".join(
    b"2026-11-25T10:%02d:%02dZ INFO request %d done in %d ms by %x\n"
    % (number // 60 % 60, number % 60, number, RNG.randrange(1000), RNG.getrandbits(40))
    for number in range(25_000)
)
isal: Any = igzip
FORMS: dict[str, Callable[[bytes], bytes]] = {
    "level 6": gzip.compress,
    "level 1": lambda data: gzip.compress(data, 1),
    "ISA-L": lambda data: bytes(isal.compress(data, 1)),
    "members": lambda data: b"".join(
        gzip.compress(data[at : at + 600_000]) for at in range(0, len(data), 600_000)
    ),
    "padding": lambda data: (
        gzip.compress(data[:1_000_000]) + bytes(5000) + gzip.compress(data[1_000_000:]) + bytes(9)
    ),
}


@pytest.fixture(autouse=True)
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let small files have many points."""
    monkeypatch.setattr(gzip_recorder, "SPACING_BYTES", SPACING)
    monkeypatch.setattr(gzip_recorder, "_FIRST_WAIT", 10_000)
    monkeypatch.setattr("loganalysis.scan.analyze.MIN_FILE_BYTES", 0)
    monkeypatch.setattr(gzip_points, "MIN_FILE_BYTES", 0)


def recorded(path: Path, stored: bytes) -> tuple[list[AccessPoint], bytes]:
    """The points of a file, and its data as the recorder has passed it on."""
    path.write_bytes(stored)
    recorder = GzipRecorder()
    data, problem = read(open_source(path, recorder=recorder))
    assert problem is None
    return recorder.points, data


@pytest.mark.heavy
@pytest.mark.parametrize("form", FORMS)
def test_data_from_each_point_is_that_of_the_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "file.gz"
    found, data = recorded(path, FORMS[form](DATA))
    assert data == DATA
    assert len(found) >= 2  # ISA-L writes large blocks
    text = encode_points(found)
    assert text
    points = GzipPoints()
    points.adopt(decode_points(text))
    for point in found:
        for offset in (point.data_offset, point.data_offset + 1000):
            source = GzipSource(path, points, offset)
            assert point.data_offset <= source.start <= offset
            assert read(source) == (DATA[source.start :], None)
            assert not source._others  # which read the file from its start after an error
    assert len(points.points) == len(found) + 1  # a reader adds none


def test_every_bit_of_a_byte_is_a_place_to_begin(tmp_path: Path) -> None:
    found, _ = recorded(tmp_path / "file.gz", gzip.compress(DATA))
    assert len({point.file_bit % 8 for point in found}) > 3


@pytest.mark.parametrize(
    "stored",
    [gzip.compress(DATA, 0), gzip.compress(b""), b"\x1f\x8b\x08"],
    ids=["stored", "empty", "cut"],
)
def test_a_file_without_blocks_of_its_own_codes_has_no_points(
    tmp_path: Path, stored: bytes
) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(stored)
    recorder = GzipRecorder()
    assert read(open_source(path, recorder=recorder)) == read(open_source(path))
    assert recorder.points == []
    assert encode_points([]) is None


@pytest.mark.heavy
@pytest.mark.parametrize("form", FORMS)
def test_damage_is_reported_as_without_points(tmp_path: Path, form: str) -> None:
    path, stored, rng = tmp_path / "file.gz", FORMS[form](DATA), random.Random(2)
    found, _ = recorded(path, stored)
    points = GzipPoints()
    points.adopt(decode_points(encode_points(found) or ""))
    for cut in (True, False, True, False):
        damaged, at = bytearray(stored), rng.randrange(len(stored) // 2, len(stored))
        damaged[at] ^= 16
        path.write_bytes(damaged[:at] if cut else damaged)
        expected, error = read(open_source(path))
        recorder = GzipRecorder()
        assert read(open_source(path, recorder=recorder)) == (expected, error)
        source = GzipSource(path, points, len(DATA) // 4)
        data, problem = read(source)
        if problem is not None:  # a checksum is only known from the start of a member
            assert problem == error
            assert DATA.startswith(data[:1000], source.start)


def test_the_number_of_points_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gzip_recorder, "MAX_POINTS", 6)
    found, _ = recorded(tmp_path / "file.gz", gzip.compress(DATA))
    assert 3 <= len(found) <= 6
    assert found[-1].data_offset > len(DATA) // 2


def test_encoded_points_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = [AccessPoint(n << 20, n << 18, RNG.randbytes(32 << 10)) for n in range(1, 17)]
    text = encode_points(noise)
    assert text
    assert len(text) <= access_points.MAX_TEXT
    assert [each.data_offset >> 20 for each in decode_points(text)] == [8, 16]


def test_damaged_points_are_refused() -> None:
    text = encode_points([AccessPoint(100, 800, b"x" * 100), AccessPoint(900, 8000, b"y" * 100)])
    assert text
    for damaged in (
        "",
        "x",
        "€",
        text[:-8],
        text + "AAAA",
        encode_points([AccessPoint(1, 0, b"")]),
    ):
        with pytest.raises(MarksError):
            decode_points(damaged or "")
    backwards = [AccessPoint(900, 8000, b"y"), AccessPoint(100, 9000, b"y")]
    with pytest.raises(MarksError):
        decode_points(encode_points(backwards) or "")


def test_a_result_has_the_points_of_a_file_and_of_an_archive(tmp_path: Path) -> None:
    path, options = tmp_path / "file.gz", AnalysisOptions()
    for stored in (gzip.compress(DATA), gzip.compress(tar_of({"a.log": DATA}))):
        path.write_bytes(stored)
        file = to_json(analyze(path, [Pattern("ERROR")], options, lambda _: None), options)["file"]
        assert len(decode_points(file["access_points"])) >= 3
    path.write_bytes(DATA)
    plain = to_json(analyze(path, [Pattern("ERROR")], options, lambda _: None), options)["file"]
    assert plain["access_points"] is None


def test_reading_from_a_point_keeps_the_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"\n" * 10_000_000))
    limits = DecompressionLimits(ratio_from_bytes=1000, max_ratio=100)
    monkeypatch.setattr(gzip_points, "DecompressionLimits", lambda: limits)
    data, problem = read(GzipSource(path, GzipPoints(), 0))
    assert "times its file" in str(problem)
    assert len(data) < 10_000_000


def test_a_damaged_window_lets_the_reader_begin_at_the_start(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    found, _ = recorded(path, gzip.compress(DATA))
    text = TextFile(path, None)
    text.adopt_points(encode_points(found) or "")
    assert text._points
    broken = [
        access_points.StoredPoint(
            each.data_offset, each.file_bit, zlib.compress(b"x")[:5] + b"\xff"
        )
        for each in found
    ]
    text._points.adopt(broken)
    stream = text.open(found[2].data_offset)
    assert stream.offset == 0
    assert stream.read(1000) == DATA[:1000]
    stream.close()

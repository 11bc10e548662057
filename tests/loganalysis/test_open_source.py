"""Files as streams: every format, truncated, damaged, concatenated, padded, and zip bombs."""

import bz2
import gzip
import lzma
import random
import struct
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.read.errors import SourceError
from loganalysis.read.formats import format_of
from loganalysis.read.gzip_member import GzipDecoder, GzipError
from loganalysis.read.open_source import DecompressionLimits, Source, open_source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compress = Callable[[bytes], bytes]

COMPRESS: dict[str, Compress] = {
    "gzip": lambda data: gzip.compress(data, 6),
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
    "xz": lambda data: lzma.compress(data, preset=0),
    "bzip2": lambda data: bz2.compress(data),
}
# The bytes that identify a format. A file with fewer of them is a plain file.
MAGIC_BYTES = {"gzip": 3, "zstd": 4, "xz": 6, "bzip2": 10}
LINES = b"".join(b"2026-11-25 %06d ERROR denied\n" % i for i in range(20_000))

formats = st.sampled_from(sorted(COMPRESS))
quick = settings(database=None, deadline=None, max_examples=60)


def attempt(
    stored: bytes, step: int, limits: DecompressionLimits | None
) -> tuple[bytes, SourceError | None]:
    """All data of a file with these bytes, and the error at its end, if any."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(stored)
        file.flush()
        path = Path(file.name)
        with open_source(path, limits) as source:
            return drain(source, step, len(stored))


def drain(source: Source, step: int, size_of_file: int) -> tuple[bytes, SourceError | None]:
    data = bytearray()
    buffer = memoryview(bytearray(step))
    assert source.bytes_done == 0
    try:
        while size := source.readinto(buffer):
            data += buffer[:size]
            assert source.bytes_done <= size_of_file
    except SourceError as error:
        with pytest.raises(SourceError):  # a later read must not look like the end
            source.readinto(buffer)
        return bytes(data), error
    assert source.bytes_done == size_of_file
    assert source.readinto(buffer) == 0
    return bytes(data), None


def read(stored: bytes, step: int = 100_000, limits: DecompressionLimits | None = None) -> bytes:
    """All data of an intact file."""
    data, error = attempt(stored, step, limits)
    assert error is None
    return data


def read_broken(
    stored: bytes, limits: DecompressionLimits | None = None
) -> tuple[bytes, SourceError]:
    """The data before the error, and the error."""
    data, error = attempt(stored, 100_000, limits)
    assert error is not None
    assert error.data_offset == len(data)
    assert 0 <= error.file_offset <= len(stored)
    return data, error


@pytest.mark.parametrize("name", COMPRESS)
def test_the_first_bytes_determine_the_format_not_the_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "it.is.txt"
    path.write_bytes(COMPRESS[name](LINES))
    form = format_of(path)
    assert form is not None
    assert form.name == name
    with open_source(path) as source:
        assert drain(source, 1000, path.stat().st_size) == (LINES, None)


@pytest.mark.parametrize("data", [b"", b"\n", b"plain", b"BZh9 is text", b"\x1f\x8b", LINES])
def test_any_other_file_is_plain_whatever_its_name(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(data)
    assert format_of(path) is None
    with open_source(path) as source:
        assert drain(source, 1000, len(data)) == (data, None)


@quick
@given(formats, st.binary(max_size=2000), st.integers(1, 5000), st.integers(1, 300))
def test_any_data_is_decompressed_without_loss(
    name: str, data: bytes, repeat: int, step: int
) -> None:
    data = (data * repeat)[:200_000]
    assert read(COMPRESS[name](data), step if len(data) < 20_000 else step * 1000) == data


@pytest.mark.heavy
@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("step", [7777, 262_144])
def test_more_than_a_window_is_decompressed_without_loss(name: str, step: int) -> None:
    data = LINES * 2 + random.Random(1).randbytes(600_000)
    assert read(COMPRESS[name](data), step) == data


@pytest.mark.parametrize("name", COMPRESS)
def test_a_read_fills_the_buffer_unless_the_end_is_near(name: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(COMPRESS[name](LINES))
    buffer = memoryview(bytearray(250_000))
    with open_source(path) as source:
        sizes = [source.readinto(buffer) for _ in range(4)]
    assert sizes == [250_000, 250_000, len(LINES) - 500_000, 0]


@quick
@given(formats, st.lists(st.tuples(st.binary(max_size=500), st.integers(0, 9)), min_size=1))
def test_consecutive_members_are_one_stream(name: str, members: list[tuple[bytes, int]]) -> None:
    stored = b"".join(COMPRESS[name](data) + bytes(zeros) for data, zeros in members)
    assert read(stored) == b"".join(data for data, _ in members)


def test_many_empty_members_and_much_padding_are_skipped() -> None:
    assert read(gzip.compress(b"") * 20_000 + bytes(1_000_000) + gzip.compress(b"end")) == b"end"


def test_skippable_zstd_frames_are_skipped() -> None:
    skip = struct.pack("<II", 0x184D2A50, 100_000) + b"x" * 100_000
    frames = [zstd.compress(b"one"), zstd.compress(b"two")]
    assert read(skip + frames[0] + skip + frames[1] + skip) == b"onetwo"


@pytest.mark.parametrize("name", COMPRESS)
def test_a_file_truncated_anywhere_is_an_error_after_all_data_before(name: str) -> None:
    data = LINES[:2000]
    stored = COMPRESS[name](data)
    for size in range(MAGIC_BYTES[name], len(stored)):
        got, error = read_broken(stored[:size])
        assert data.startswith(got)
        assert error.file_offset == size
        assert "cut short" in str(error)
    if name in ("gzip", "xz"):  # the others yield no data before the end of a block
        assert got == data


@quick
@given(formats, st.binary(min_size=1, max_size=3000), st.data())
def test_a_file_truncated_within_its_second_member_yields_the_first(
    name: str, data: bytes, draw: st.DataObject
) -> None:
    member = COMPRESS[name](data)
    cut = draw.draw(st.integers(1, len(member) - 1))
    got, error = read_broken(member + member[:cut])
    assert (data + data).startswith(got)
    assert len(got) >= len(data)
    assert f"at byte {len(member) + cut} of the file, after {len(got)} bytes" in str(error)


@pytest.mark.parametrize("name", COMPRESS)
def test_other_bytes_after_the_last_member_are_an_error(name: str) -> None:
    got, error = read_broken(COMPRESS[name](LINES) + b"something else, and long enough")
    assert got == LINES
    assert name in str(error)


@pytest.mark.heavy
@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("place", [0.5, 0.8, 0.97])
def test_damage_is_an_error_after_all_data_before_it(name: str, place: float) -> None:
    noise = random.Random(2).randbytes(300_000).hex().encode()
    member = COMPRESS[name](noise)
    stored = bytearray(member + member)
    at = len(member) + int(len(member) * place)
    stored[at : at + 40] = b"\xff" * 40
    got, error = read_broken(bytes(stored))
    assert error.file_offset >= at
    held_back = {"gzip": 60_000, "xz": 90_000, "zstd": 200_000, "bzip2": len(noise)}[name]
    sound = len(noise) + max(int(len(noise) * place) - held_back, 0)
    assert len(got) >= sound
    assert got[:sound] == (noise + noise)[:sound]


def test_a_wrong_checksum_of_gzip_is_an_error_after_all_of_the_data() -> None:
    stored = bytearray(gzip.compress(LINES))
    stored[-5] ^= 1
    got, error = read_broken(bytes(stored))
    assert got == LINES
    assert "cannot decode gzip" in str(error)


@quick
@given(formats, st.binary(max_size=300), st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_a_source_error(
    name: str, data: bytes, noise: bytes
) -> None:
    stored = COMPRESS[name](data)
    for broken in (stored[: MAGIC_BYTES[name]] + noise, stored[:-4] + noise, stored + noise):
        attempt(broken, 1000, None)


@quick
@given(formats, st.binary(min_size=1, max_size=300), st.data())
def test_a_flipped_bit_is_an_error_or_changes_nothing(
    name: str, data: bytes, draw: st.DataObject
) -> None:
    stored = bytearray(COMPRESS[name](data))
    at = draw.draw(st.integers(MAGIC_BYTES[name], len(stored) - 1))
    stored[at] ^= 1 << draw.draw(st.integers(0, 7))
    got, error = attempt(bytes(stored), 1000, None)
    assert error is not None or got == data


@pytest.mark.parametrize("name", COMPRESS)
def test_a_zip_bomb_stops_at_the_limits(name: str) -> None:
    stored = COMPRESS[name](bytes(3_000_000))
    got, error = read_broken(stored, DecompressionLimits(max_ratio=50, ratio_from_bytes=1_000_000))
    assert len(got) <= 1_000_000
    assert "more than 50 times its file:" in str(error)
    got, error = read_broken(stored, DecompressionLimits(max_total_bytes=2_000_000))
    assert len(got) <= 2_000_000
    assert "more than 2000000 bytes:" in str(error)
    assert len(read(stored, limits=DecompressionLimits(max_ratio=50))) == 3_000_000


def test_windows_that_take_too_much_memory_are_refused() -> None:
    for large in (zstd_with_window(26), zstd_with_window(31)):
        got, error = read_broken(large)
        assert got == b""
        assert "a window of more than 32 MiB: compress it again" in str(error)
    for large in (lzma.compress(LINES, preset=9), xz_with_dictionary_of_1_5_gib()):
        got, error = read_broken(large)
        assert got == b""
        assert "a dictionary of more than 32 MiB: compress it again" in str(error)
    assert read(lzma.compress(LINES, preset=8)) == read(zstd_with_window(25)) == LINES


def zstd_with_window(log: int) -> bytes:
    """A zstd frame with a large window in its header, as `zstd --long` makes it."""
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 20}
    compressor = zstd.ZstdCompressor(options=options)
    stored = bytearray(compressor.compress(LINES) + compressor.flush())
    stored[5] = (log - 10) << 3  # RFC 8878, 3.1.1.1.2
    return bytes(stored)


def xz_with_dictionary_of_1_5_gib() -> bytes:
    """An xz stream with a dictionary of 1.5 GiB in the header of its first block."""
    stored = bytearray(lzma.compress(LINES))
    assert stored[12:16] == b"\x02\0\x21\x01"  # 12 bytes of header, one filter, LZMA2
    stored[16] = 37  # size of the dictionary, section 5.3.1 of the format
    stored[20:24] = struct.pack("<I", zlib.crc32(stored[12:20]))
    return bytes(stored)


def gzip_with_all_fields(data: bytes) -> bytes:
    """A gzip member whose header has extra fields, a name, a comment and a checksum."""
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + struct.pack("<H", 300) + b"e" * 300
    header += b"name\0comment\0"
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF)
    return header + gzip.compress(data)[10:]


@pytest.mark.parametrize("step", [1, 3, 300, 10_000])
def test_a_gzip_header_may_come_in_parts(step: int) -> None:
    stored = gzip_with_all_fields(LINES[:5000])
    decoder, got = GzipDecoder(), b""
    for at in range(0, len(stored), step):
        got += decoder.decompress(stored[at : at + step], 1 << 20)
    assert decoder.eof
    assert got == LINES[:5000]


def test_the_gzip_decoder_keeps_max_length_and_unused_data() -> None:
    decoder, got = GzipDecoder(), b""
    chunk = gzip.compress(LINES) + b"next"
    while not decoder.eof:
        piece = decoder.decompress(chunk, 1000)
        assert len(piece) <= 1000
        got, chunk = got + piece, b""
    assert got == LINES
    assert decoder.unused_data == b"next"


@pytest.mark.parametrize("damaged", [b"\x1f\x8b\x09", b"\x1f\x8b\x08\xe0" + bytes(20), b"x"])
def test_the_gzip_decoder_refuses_an_invalid_header(damaged: bytes) -> None:
    with pytest.raises(GzipError):
        GzipDecoder().decompress(damaged, 1000)


def test_a_gzip_header_without_an_end_is_refused() -> None:
    got, error = read_broken(b"\x1f\x8b\x08\x08" + b"n" * 400_000)
    assert got == b""
    assert "header is too long" in str(error)


def test_a_plain_file_that_is_shortened_meanwhile_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(LINES)
    buffer = memoryview(bytearray(1000))
    with open_source(path) as source:
        assert source.readinto(buffer) == 1000
        path.write_bytes(LINES[:500])
        with pytest.raises(SourceError, match="cut while it was read"):
            source.readinto(buffer)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_source(tmp_path / "none")

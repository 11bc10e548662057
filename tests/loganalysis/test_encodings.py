"""Text in any encoding is converted to UTF-8, and invalid text is counted."""

import codecs
import gzip
import random
import tempfile
from collections.abc import Callable
from encodings.aliases import aliases
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loganalysis.match.patterns import Pattern
from loganalysis.read.encodings import EncodingError, Utf8Source, check_encoding, detect
from loganalysis.read.errors import SourceError
from loganalysis.read.invalid_text import MAX_INVALID, InvalidText, Utf8Check
from loganalysis.read.open_source import open_source
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions

TEXT = "2026-11-25 ERROR ü ж 字 😀 denied\n"
LATIN = "Zeitüberschreitung für Jürgen: ¿qué?\n"

quick = settings(database=None, deadline=None, max_examples=100)
encodings = sorted(set(aliases.values()))


def read(stored: bytes, encoding: str | None = None, step: int = 5000) -> tuple[bytes, Utf8Source]:
    """The data as UTF-8, and the closed source."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(stored)
        file.flush()
        with Utf8Source(open_source(Path(file.name)), encoding) as source:
            data, buffer = bytearray(), memoryview(bytearray(step))
            while size := source.readinto(buffer):
                data += buffer[:size]
            assert source.bytes_done == len(stored)
            return bytes(data), source


def invalid_text_of(data: bytes, cuts: list[int] | None = None) -> InvalidText:
    """The result of Utf8Check for data in windows of these sizes, repeated."""
    check, at = Utf8Check(), 0
    while at < len(data):
        for size in cuts or [len(data)]:
            window = data[at : at + size]
            check.feed(memoryview(window), window.isascii())
            at += size
    check.finish()
    return check.invalid_text


def reference_invalid_text(data: bytes) -> InvalidText:
    """The invalid text of data according to Python's decoder."""
    text = data.decode("utf-8", "surrogateescape")
    bad = [at for at, char in enumerate(text) if "\udc80" <= char <= "\udcff"]
    first = len(text[: bad[0]].encode("utf-8")) if bad else None
    return InvalidText(len(bad), first)


@pytest.mark.parametrize(
    ("name", "found"),
    [("UTF8", "utf-8"), ("Latin-1", "iso8859-1"), ("cp1252", "cp1252"), ("UTF-16LE", "utf-16-le")],
)
def test_a_name_is_known_in_every_spelling(name: str, found: str) -> None:
    assert check_encoding(name) == found


@pytest.mark.parametrize(
    "name",
    [
        "",
        "none",
        "hex",
        "rot13",
        "zlib",
        "idna",
        "punycode",
        "utf-7",
        "undefined",
        "utf-8\0",
        "../x",
    ],
)
def test_names_that_are_not_text_encodings_are_refused(name: str) -> None:
    with pytest.raises(EncodingError, match="is not the name of a text encoding"):
        check_encoding(name)


@pytest.mark.parametrize(
    "name",
    ["unicode_escape", "raw_unicode_escape", "encodings.utf_8", "a" * 100_000, "ü", "\ud800"],
)
def test_names_of_escapes_and_modules_are_refused(name: str) -> None:
    with pytest.raises(EncodingError, match="is not the name of a text encoding"):
        check_encoding(name)


@pytest.mark.parametrize("step", [4, 5, 7, 5000])
@pytest.mark.parametrize("data", [b"", b"a", b"abc\n" * 3000, TEXT.encode() * 500])
def test_utf8_and_ascii_pass_unchanged(data: bytes, step: int) -> None:
    for encoding in (None, "utf-8", "ascii"):
        got, source = read(data, encoding, step)
        assert got == data
        assert not source.bom
        assert source.replaced == InvalidText()


@pytest.mark.parametrize("step", [4, 5, 7, 5000])
@pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_bom_determines_the_encoding(name: str, step: int) -> None:
    stored = ("\ufeff" + TEXT * 300).encode(name)
    for encoding in (None, name[:6]):
        got, source = read(stored, encoding, step)
        assert got == TEXT.encode() * 300
        assert (source.encoding, source.bom, source.replaced) == (name, True, InvalidText())


def test_a_utf8_bom_is_reported_and_stays_in_the_data() -> None:
    got, source = read(codecs.BOM_UTF8 + TEXT.encode())
    assert got == codecs.BOM_UTF8 + TEXT.encode()
    assert (source.encoding, source.bom) == ("utf-8", True)


def test_without_a_bom_utf16_is_little_endian() -> None:
    assert read(TEXT.encode("utf-16-le"), "utf-16")[0] == TEXT.encode()


def test_a_requested_encoding_takes_precedence_over_a_bom() -> None:
    assert detect(codecs.BOM_UTF16_LE, "cp1252") == ("cp1252", 0)
    assert detect(codecs.BOM_UTF16_BE + b"\0a", "utf-16") == ("utf-16-be", 2)
    assert detect(codecs.BOM_UTF8, "utf-8-sig") == ("utf-8-sig", 3)
    assert detect(codecs.BOM_UTF16_BE, "utf-32") == ("utf-32-le", 0)


@pytest.mark.parametrize("name", ["latin-1", "cp1252", "iso8859-15"])
def test_single_byte_encodings_are_transcoded(name: str) -> None:
    got, source = read((LATIN * 3000).encode(name), check_encoding(name))
    assert got == LATIN.encode() * 3000
    assert source.replaced == InvalidText()


def test_undecodable_text_is_replaced_and_counted() -> None:
    stored = "aü".encode("utf-16-le") + b"\x00\xdc" + "b".encode("utf-16-le") + b"\xff"
    got, source = read(b"\xff\xfe" + stored)
    assert got == "aü\ufffdb\ufffd".encode()
    assert source.replaced == InvalidText(2, 3)


@quick
@given(st.sampled_from(encodings), st.binary(max_size=300), st.integers(4, 50))
def test_random_bytes_are_converted_from_every_encoding(
    name: str, stored: bytes, step: int
) -> None:
    try:
        encoding = check_encoding(name)
    except EncodingError:
        return
    stored = b"text" + stored  # so that it does not look like a compressed file
    got, _ = read(stored, encoding, step)
    if encoding not in ("utf-8", "utf-8-sig", "ascii"):
        got.decode()  # must not raise
    assert len(got) <= 4 * len(stored) + 4


@pytest.mark.heavy
@quick
@given(st.text(max_size=200), st.sampled_from(["utf-16-le", "utf-32-be", "utf-8", "gb18030"]))
def test_any_text_is_converted_without_loss(text: str, name: str) -> None:
    assert read(text.encode(name), name, 17)[0] == text.encode()


@quick
@given(
    st.lists(st.sampled_from([b"a", b"\xc3", b"\xbc", b"\xe5", b"\xff", "😀".encode()])).map(
        b"".join
    ),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
)
def test_invalid_bytes_are_counted_wherever_windows_are_cut(data: bytes, cuts: list[int]) -> None:
    assert invalid_text_of(data, cuts) == reference_invalid_text(data)


@pytest.mark.parametrize("size", [4095, 4096, 4097, 30_000])
def test_invalid_bytes_are_counted_across_blocks(size: int) -> None:
    chance = random.Random(size)
    parts = [b"a" * 50, b"\xfc", "ü".encode(), "字".encode(), b"\xe5\xad", "😀".encode()]
    data = b"".join(chance.choices(parts, weights=[90, 1, 9, 9, 1, 9], k=5000))
    expected = reference_invalid_text(data)
    assert expected.count > 10
    assert (
        invalid_text_of(data)
        == invalid_text_of(data, [size])
        == invalid_text_of(data, [size, 1])
        == expected
    )


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (LATIN.encode("latin-1"), InvalidText(5, 4)),
        (b"ab\xe5\xad", InvalidText(2, 2)),  # an incomplete character at the end
    ],
)
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_scan_counts_invalid_utf8(
    stored: bytes, expected: InvalidText, compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    (tmp_path / "log").write_bytes(compress(stored))
    found = analyze(tmp_path / "log", [Pattern("a")], AnalysisOptions(), lambda progress: None)
    assert found.partial.invalid_text == expected


def test_counting_stops_at_the_limit_in_parts_as_in_the_whole() -> None:
    data = b"a" + b"\xff" * (MAX_INVALID + 10)
    whole = invalid_text_of(data)
    assert whole == InvalidText(MAX_INVALID, 1)
    assert whole.at_limit
    first, second = invalid_text_of(data[:60_000]), invalid_text_of(data[60_000:])
    first.merge(second, 60_000)
    assert first == whole


def test_parts_are_merged_with_their_offset() -> None:
    total = InvalidText()
    total.merge(InvalidText(), 100)
    assert total == InvalidText()
    total.merge(InvalidText(2, 5), 200)
    total.merge(InvalidText(1, 0), 300)
    assert total == InvalidText(3, 205)


@pytest.mark.parametrize("encoding", [None, "utf-16"])
def test_an_error_of_the_file_is_raised_after_its_data(
    encoding: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "cut"
    path.write_bytes(gzip.compress(b"ab" * 5000)[:-1])
    buffer = memoryview(bytearray(4000))
    with Utf8Source(open_source(path), encoding) as source:
        sizes = [source.readinto(buffer) for _ in range(3 if encoding is None else 4)]
        assert sum(sizes) == (10_000 if encoding is None else len("扡".encode()) * 5000)
        for _ in range(2):
            with pytest.raises(SourceError, match="cut short"):
                source.readinto(buffer)

"""Archives that are written while their files arrive, as other programs read them."""

import io
import zipfile
import zlib
from collections.abc import Mapping

from loganalysis.archives import zip_records as reader
from server.api.uploads.zip_records import ZipRecords


def archive_of(files: list[tuple[str, bytes]]) -> bytes:
    """The archive of these files."""
    records, content = ZipRecords(), bytearray()
    for name, data in files:
        content += records.begin(name) + data
        content += records.end(len(data), zlib.crc32(data))
    content += records.directory()
    assert records.size == len(content)
    return bytes(content)


def read(content: bytes) -> Mapping[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {each.filename: archive.read(each) for each in archive.infolist()}


def test_names_that_occur_twice_get_a_number() -> None:
    files = [("app.log", b"1"), ("app.log", b"2"), ("x", b""), ("x", b"3"), (".env", b"")] * 2
    assert list(read(archive_of(files))) == [
        *("app.log", "app (2).log", "x", "x (2)", ".env"),
        *("app (3).log", "app (4).log", "x (3)", "x (4)", ".env (2)"),
    ]


def test_equal_files_make_equal_archives() -> None:
    files = [("Gerät.log", b"1"), ("b", b"2")]
    assert archive_of(files) == archive_of(files)
    assert read(archive_of(files)) == dict(files)


def test_more_members_than_16_bits_count_have_a_larger_end_record() -> None:
    content = archive_of([(f"{number}", b"") for number in range(66_000)])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len(archive.infolist()) == 66_000


def test_sizes_that_32_bits_cannot_hold_have_larger_fields() -> None:
    records = ZipRecords(size=5 << 32)
    records.begin("a")
    records.end(6 << 32, 1)
    content = records.directory()
    entry = reader.central_entry(content[:46], content[46:47], content[47:75])
    assert (entry.name, entry.size, entry.packed, entry.offset) == ("a", 6 << 32, 6 << 32, 5 << 32)
    end = reader.read_end64(content[-98:-42])
    assert (end.entries, end.size, end.offset) == (1, 75, records.size - len(content))

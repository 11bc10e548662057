"""Features of tar archives: four kinds of headers, sizes in two notations, sparse files."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from loganalysis.archives.tar_archive import MAX_RECORDS_BYTES
from loganalysis.archives.tar_header import HeaderError, read_header, read_records
from loganalysis.read.errors import SourceError
from loganalysis.read.open_source import DecompressionLimits
from tests.support.loganalysis.archives import (
    COMPRESS,
    FILES,
    LOG,
    TARS,
    analyzed,
    expected_counts,
    tar_of,
)

END = bytes(1024)


def header(kind: bytes, size: int, name: bytes = b"a", rest: bytes = b"") -> bytes:
    """A header block; `rest` stands at byte 257."""
    block = bytearray(512)
    block[: len(name)] = name
    block[124:135] = b"%011o" % size
    block[156:157] = kind
    block[257 : 257 + len(rest)] = rest
    return signed(bytes(block))


def signed(block: bytes) -> bytes:
    """The block with its checksum."""
    block = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


@pytest.mark.parametrize("form", [TARS["gnu"], TARS["pax"]])
def test_names_of_any_length_are_read(tmp_path: Path, form: int) -> None:
    names = ["x" * length for length in (99, 100, 101, 255, 499)] + ["d/" * 120 + "ü.log"]
    found = analyzed(tmp_path, tar_of(dict.fromkeys(names, LOG), form))
    assert [each["name"] for each in found["members"]] == names


def test_the_prefix_of_a_ustar_header_is_part_of_the_name(tmp_path: Path) -> None:
    name = "/".join(["folder"] * 25) + "/app.log"
    found = analyzed(tmp_path, tar_of({name: LOG}, TARS["ustar"]))
    assert found["members"][0]["name"] == name


def test_the_headers_of_unix_v7_are_read(tmp_path: Path) -> None:
    content = header(b"\0", 0, b"folder/") + header(b"\0", len(LOG)) + padded(LOG) + END
    assert [each["name"] for each in analyzed(tmp_path, content)["members"]] == ["a"]


def test_sizes_in_binary_are_read() -> None:
    block = bytearray(header(b"0", 0))
    block[124:136] = b"\x80" + (5 << 33).to_bytes(11, "big")
    assert read_header(signed(bytes(block))).size == 5 << 33
    block[124:136] = b"\xff" * 12
    with pytest.raises(HeaderError, match="size of -1"):
        read_header(signed(bytes(block)))
    block[124:136] = b"12345678\0   "
    with pytest.raises(HeaderError, match="octal"):
        read_header(signed(bytes(block)))


def test_a_time_before_1970_is_read() -> None:
    block = bytearray(header(b"0", 0))
    block[136:148] = b"\xff" * 11 + b"\xfe"
    assert read_header(signed(bytes(block))).modified == -2


def test_a_size_beyond_the_end_is_an_error_and_takes_no_memory(tmp_path: Path) -> None:
    block = bytearray(header(b"0", 0))
    block[124:136] = b"\x80" + (1 << 61).to_bytes(11, "big")
    for content in (signed(bytes(block)) + LOG, COMPRESS["tar.gz"](signed(bytes(block)) + LOG)):
        with pytest.raises(SourceError, match="cut short"):
            analyzed(tmp_path, content)


@pytest.mark.parametrize("kind", [b"x", b"g", b"L"])
def test_a_large_header_is_refused_before_it_is_read(tmp_path: Path, kind: bytes) -> None:
    size = MAX_RECORDS_BYTES + 1
    content = header(kind, size) + bytes(size) + header(b"0", 0) + END
    with pytest.raises(SourceError, match=f"header of {size} bytes"):
        analyzed(tmp_path, content)


def test_a_long_name_of_a_link_is_skipped(tmp_path: Path) -> None:
    content = header(b"K", 9) + padded(b"elsewhere") + header(b"2", 0) + tar_of(FILES)
    assert analyzed(tmp_path, content)["counts"] == expected_counts(FILES)


@pytest.mark.parametrize(
    "data",
    [b"9 size=x\n", b"12 size=-99\n", b"99 path=a\n", b"x path=a\n", b"path=a\n", b"8 path=a"],
)
def test_a_damaged_record_is_an_error(tmp_path: Path, data: bytes) -> None:
    content = header(b"x", len(data)) + padded(data) + header(b"0", 0) + END
    with pytest.raises(SourceError, match="record"):
        analyzed(tmp_path, content)


def test_records_may_have_newlines_and_equals_signs_in_them() -> None:
    assert read_records(b"14 path=a\nb=c\n9 size=7\n") == {"path": b"a\nb=c", "size": b"7"}


def test_a_size_in_a_record_replaces_the_one_in_the_header(tmp_path: Path) -> None:
    record = b"13 size=%d\n" % len(LOG)
    assert len(record) == 13
    content = header(b"x", 13) + padded(record) + header(b"0", 0) + padded(LOG) + END
    assert analyzed(tmp_path, content)["counts"]["ERROR"] == 40


def test_values_for_all_members_hold_until_they_are_replaced(tmp_path: Path) -> None:
    def named(kind: bytes, name: bytes) -> bytes:
        record = b"%d path=%s\n" % (len(name) + 9, name)
        return header(kind, len(record)) + padded(record)

    content = named(b"g", b"all") + header(b"0", 0) + named(b"x", b"one") + header(b"0", 0)
    content += header(b"0", 0) + END
    names = [each["name"] for each in analyzed(tmp_path, content)["members"]]
    assert names == ["all", "one", "all"]


def sparse_maps() -> dict[str, bytes]:
    """Sparse files as old and new versions of GNU tar write them."""
    old = bytearray(header(b"S", len(LOG)))
    old[482] = 1
    more = bytes(504) + b"\1" + bytes(7), bytes(512)
    record = b"22 GNU.sparse.major=1\n"
    return {
        "old": signed(bytes(old)) + b"".join(more) + padded(LOG),
        "new": header(b"x", 22) + padded(record) + header(b"0", len(LOG)) + padded(LOG),
    }


@pytest.mark.parametrize("content", sparse_maps().values(), ids=sparse_maps())
def test_a_sparse_file_is_reported_and_skipped(tmp_path: Path, content: bytes) -> None:
    found = analyzed(tmp_path, content + tar_of(FILES))
    assert found["members"][0]["error"]["message"] == "it is stored as a sparse file"
    assert found["counts"] == expected_counts(FILES)


def test_an_unknown_type_is_reported_and_skipped(tmp_path: Path) -> None:
    content = header(b"Z", len(LOG)) + padded(LOG) + header(b"V", 0) + tar_of(FILES)
    found = analyzed(tmp_path, content)
    assert found["members"][0]["error"]["message"] == "it has the type 'Z' of tar"
    assert found["counts"] == expected_counts(FILES)


def test_endless_headers_count_as_members(tmp_path: Path) -> None:
    content = header(b"x", 0) * 60 + header(b"0", 0) + END
    limits = DecompressionLimits(max_members=10)
    with pytest.raises(SourceError, match="more than 10 members"):
        analyzed(tmp_path, content, limits=limits)


@pytest.mark.skipif(shutil.which("tar") is None, reason="needs tar")
def test_archives_of_gnu_tar_are_read(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for name, data in FILES.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (source / "link").symlink_to("app.log")
    (source / "same").hardlink_to(source / "app.log")
    for form in ("v7", "ustar", "oldgnu", "gnu", "pax"):
        target = tmp_path / "made.tar"
        command = ["tar", f"--format={form}", "--sort=name", "-cf", str(target), "-C", str(source)]
        subprocess.run([*command, "."], check=True)
        found = analyzed(tmp_path, target.read_bytes())
        assert found["counts"] == expected_counts(FILES)
        assert found["members"][0]["name"] == "./app.log"


def test_members_of_a_tar_archive_are_those_of_python(tmp_path: Path) -> None:
    content = tar_of(FILES)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        expected = [(each.name, each.size) for each in archive if each.isreg()]
    found = analyzed(tmp_path, content)["members"]
    assert [(each["name"], each["bytes"]) for each in found] == expected

"""Features of zip archives: a directory, methods, encryption, large sizes, and bombs."""

import io
import struct
import zipfile
from pathlib import Path

import pytest

from loganalysis.read.errors import SourceError
from tests.support.loganalysis.archives import (
    FILES,
    LOG,
    METHODS,
    analyzed,
    expected_counts,
    zip_of,
)

LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def changed(content: bytes, name: str, at: tuple[int, int], value: bytes) -> bytes:
    """Change a field of a member, at these offsets in its local header and in the directory."""
    data = bytearray(content)
    for signature, offset, name_at in ((LOCAL, at[0], 30), (CENTRAL, at[1], 46)):
        start = 0
        while (start := data.index(signature, start)) >= 0:
            if data[start + name_at :].startswith(name.encode()):
                data[start + offset : start + offset + len(value)] = value
                break
            start += 1
    return bytes(data)


@pytest.mark.parametrize("flags", [0x1, 0x41, 0x2041])
def test_an_encrypted_member_is_reported_and_the_others_are_counted(
    tmp_path: Path, flags: int
) -> None:
    content = changed(zip_of(FILES), "app.log", (6, 8), struct.pack("<H", flags))
    found = analyzed(tmp_path, content)
    assert found["members"][0]["error"] == {"code": "encrypted", "message": "it is encrypted"}
    assert found["counts"] == expected_counts({**FILES, "app.log": b""})
    assert found["warnings"][0]["message"].endswith("not analyzed: app.log: it is encrypted")


def test_an_archive_with_encrypted_members_only_says_so(tmp_path: Path) -> None:
    content = changed(zip_of({"a": LOG}), "a", (6, 8), b"\1\0")
    (warning,) = analyzed(tmp_path, content)["warnings"]
    assert warning["message"] == "1 of 1 members was not analyzed: a: it is encrypted"


@pytest.mark.parametrize(
    ("method", "name"), [(9, "Deflate64 (method 9)"), (14, "LZMA"), (77, "method 77")]
)
def test_a_method_that_is_not_known_is_reported(tmp_path: Path, method: int, name: str) -> None:
    content = changed(zip_of(FILES), "app.log", (8, 10), struct.pack("<H", method))
    error = analyzed(tmp_path, content)["members"][0]["error"]
    assert error["code"] == "unsupported"
    assert name in error["message"]


def test_sizes_in_zip64_fields_are_read(tmp_path: Path) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in FILES.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(data)
    assert analyzed(tmp_path, target.getvalue())["counts"] == expected_counts(FILES)


def with_end64(content: bytes) -> bytes:
    """The archive with the larger end record, and a smaller one that refers to it."""
    at = content.rindex(END)
    entries, size, offset = struct.unpack("<2xH2I", content[at + 8 : at + 20])
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, size, offset)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
    small = struct.pack("<4s4H2IH", END, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return content[:at] + end64 + locator + small


def test_the_larger_end_record_is_read(tmp_path: Path) -> None:
    content = with_end64(zip_of(FILES))
    assert analyzed(tmp_path, content)["counts"] == expected_counts(FILES)
    with pytest.raises(SourceError, match="zip64 end record is missing"):
        analyzed(tmp_path, content.replace(b"PK\6\6", b"PK\6\5"))


def test_a_comment_that_looks_like_an_end_record_is_a_comment(tmp_path: Path) -> None:
    target = io.BytesIO(zip_of(FILES))
    with zipfile.ZipFile(target, "a") as archive:
        archive.comment = b"see " + END + bytes(17)
    assert analyzed(tmp_path, target.getvalue())["counts"] == expected_counts(FILES)


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    content = zip_of({"a": LOG, "b": LOG}, METHODS["stored"])
    second = content.index(CENTRAL, content.index(CENTRAL) + 1)
    data = bytearray(content)
    data[second + 42 : second + 46] = struct.pack("<I", 0)  # the second begins where the first does
    with pytest.raises(SourceError, match="members overlap"):
        analyzed(tmp_path, bytes(data))


def test_a_member_must_not_reach_into_the_directory(tmp_path: Path) -> None:
    content = zip_of({"a": LOG}, METHODS["stored"])
    more = changed(content, "a", (18, 20), struct.pack("<2I", len(LOG) + 60, len(LOG) + 60))
    with pytest.raises(SourceError, match="no space"):
        analyzed(tmp_path, more)


def test_a_member_must_have_one_name(tmp_path: Path) -> None:
    content = zip_of({"a.log": LOG})
    with pytest.raises(SourceError, match="two names"):
        analyzed(tmp_path, content.replace(b"a.log", b"b.log", 1))


def test_data_behind_the_compressed_data_is_noticed(tmp_path: Path) -> None:
    content = zip_of({"a": LOG, "b": LOG})
    start = content.index(LOCAL, 1)
    packed = struct.unpack("<I", content[18:22])[0]
    at = content.rindex(END)
    offset = struct.unpack("<I", content[at + 16 : at + 20])[0]
    longer = content[:start] + b"more" + content[start:]
    longer = longer[:-6] + struct.pack("<I", offset + 4) + longer[-2:]
    longer = changed(longer, "a", (18, 20), struct.pack("<I", packed + 4))
    second = longer.index(CENTRAL, longer.index(CENTRAL) + 1)
    longer = longer[: second + 42] + struct.pack("<I", start + 4) + longer[second + 46 :]
    with pytest.raises(SourceError, match="bytes follow the deflate data, in the member 'a'"):
        analyzed(tmp_path, longer)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_wrong_size_is_noticed(tmp_path: Path, change: int) -> None:
    stated = struct.pack("<I", len(LOG) + change)
    content = changed(zip_of({"a": LOG}), "a", (22, 24), stated)
    with pytest.raises(SourceError, match=r"instead of|more than the stated"):
        analyzed(tmp_path, content)


def test_a_part_of_several_volumes_is_refused(tmp_path: Path) -> None:
    content = bytearray(zip_of(FILES))
    content[content.rindex(END) + 4] = 1
    with pytest.raises(SourceError, match="one of several volumes"):
        analyzed(tmp_path, bytes(content))


@pytest.mark.parametrize("change", [-1, 1])
def test_a_wrong_number_of_members_is_noticed(tmp_path: Path, change: int) -> None:
    content = bytearray(zip_of(FILES))
    at = content.rindex(END)
    content[at + 8] += change
    content[at + 10] += change
    with pytest.raises(SourceError, match="directory"):
        analyzed(tmp_path, bytes(content))


def test_names_without_the_utf_8_flag_are_utf_8_or_code_page_437(tmp_path: Path) -> None:
    content = zip_of({"xx.log": LOG, "yyz.log": b""})
    content = content.replace(b"xx.log", "é.log".encode()).replace(b"yyz.log", b"\x82\x81z.log")
    names = [each["name"] for each in analyzed(tmp_path, content)["members"]]
    assert names == ["é.log", "éüz.log"]


def test_symbolic_links_are_no_members(tmp_path: Path) -> None:
    target = io.BytesIO()
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a", LOG)
    assert [each["name"] for each in analyzed(tmp_path, target.getvalue())["members"]] == ["a"]

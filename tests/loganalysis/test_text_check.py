"""Files without lines of text: archives and other formats are refused, text is not."""

import bz2
import gzip
import io
import lzma
import random
import sqlite3
import struct
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from loganalysis.read.errors import FormatError
from loganalysis.read.text_check import check_file

LOG = b"2026-11-25 10:00:00 ERROR denied\n" * 801


def zip_file() -> bytes:
    """A zip archive with a log in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.log", LOG)
    return target.getvalue()


def tar_file(form: int) -> bytes:
    """A tar archive with a log in it."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        member = tarfile.TarInfo("app.log")
        member.size = len(LOG)
        archive.addfile(member, io.BytesIO(LOG))
    return target.getvalue()


def v7_tar_file() -> bytes:
    """A tar archive as Unix V7 wrote it: without "ustar", with the checksum."""
    header = bytearray(tar_file(tarfile.USTAR_FORMAT)[:512])
    header[257:] = bytes(255)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + LOG


def sqlite_file(folder: Path) -> bytes:
    """A database with a table."""
    path = folder / "made.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE log(line)")
    database.close()
    return path.read_bytes()


TARS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
BINARY = {
    "zip": (zip_file(), "zip archive"),
    "empty zip": (b"PK\x05\x06" + bytes(18), "zip archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24), "7z archive"),
    "rar 4": (b"Rar!\x1a\x07\0" + bytes(9), "rar archive"),
    "rar 5": (b"Rar!\x1a\x07\x01\0" + bytes(9), "rar archive"),
    "tar of V7": (v7_tar_file(), "tar archive"),
    "cpio": (b"070701" + b"0" * 104 + b"app.log\0" + LOG, "cpio archive"),
    "old cpio": (b"070707" + b"0" * 70 + b"app.log\0" + LOG, "cpio archive"),
    "parquet": (b"PAR1\x15\4\x15\x10\0\0" + bytes(40) + b"PAR1", "Parquet"),
    "ELF": (Path(sys.executable).resolve().read_bytes()[:9000], "program (ELF)"),
    "PDF": (b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", "PDF document"),
    "PNG": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20), "PNG image"),
    "JPEG": (b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(20), "JPEG image"),
    "GIF": (b"GIF89a\x01\0\x01\0\x80\0\0", "GIF image"),
    "WebP": (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(20), "image"),
    "BMP": (b"BM" + struct.pack("<IHHI", 70, 0, 0, 54) + bytes(40), "BMP image"),
    "AVIF": (b"\0\0\0\x1cftypavif" + bytes(20), "AVIF"),
    "Windows program": (b"MZ\x90\0\x03\0\0\0\x04\0" + bytes(60), "program for Windows"),
    "journal": (b"LPKSHHRH" + bytes(200), "systemd journal"),
}


def checked(folder: Path, content: bytes, encoding: str | None = None) -> list[dict[str, str]]:
    """The warnings about a file with this content."""
    path = folder / "app.log"
    path.write_bytes(content)
    return check_file(path, encoding)


@pytest.mark.parametrize(("content", "name"), BINARY.values(), ids=BINARY)
def test_binary_formats_are_refused_with_their_name(
    tmp_path: Path, content: bytes, name: str
) -> None:
    with pytest.raises(FormatError, match=rf"{name.replace('(', '.').replace(')', '.')}.*: \w+"):
        checked(tmp_path, content)


def test_an_sqlite_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="SQLite"):
        checked(tmp_path, sqlite_file(tmp_path))


@pytest.mark.parametrize("form", TARS)
def test_a_tar_archive_is_refused_also_in_compressed_form(tmp_path: Path, form: int) -> None:
    for compress in (bytes, gzip.compress, bz2.compress, lzma.compress):
        with pytest.raises(FormatError, match="tar archive"):
            checked(tmp_path, compress(tar_file(form)))


def test_an_archive_inside_of_a_compressed_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="zip archive"):
        checked(tmp_path, gzip.compress(zip_file()))


@pytest.mark.parametrize("inner", [gzip.compress, bz2.compress, lzma.compress])
def test_a_file_that_was_compressed_twice_is_refused(
    tmp_path: Path, inner: Callable[[bytes], bytes]
) -> None:
    for outer in (gzip.compress, bz2.compress, lzma.compress):
        with pytest.raises(FormatError, match=r"compressed twice.*: decompress it once"):
            checked(tmp_path, outer(inner(LOG)))


TEXTS = {
    "log": LOG,
    "empty": b"",
    "one byte": b"P",
    "names a format": b"PAR1 station is down\nBM 25 restarted\n",
    "begins with MZ": b"MZ station is down\n" * 99,
    "begins with BM": b"BM station is down\n" * 99,
    "begins with GIF": b"GIF89a served in 3 ms\n" * 99,
    "names an archive": b"Rar! extracted 7z and %PDF\n",
    "begins with the number of cpio": b"070701 ERROR disk full\n" * 99,
    "colors": b"\x1b[31mERROR\x1b[0m disk full\n" * 99,
    "Latin-1": "Gerät läuft wieder, Größe geändert\n".encode("latin-1") * 99,
    "Chinese": "磁盘已满 任务失败\n".encode() * 99,
    "UTF-16": "ERROR disk full\n".encode("utf-16") * 99,
    "a zero byte now and then": b"ERROR \0 disk full, and a long text behind it\n" * 99,
}


@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
def test_text_gives_no_warning(tmp_path: Path, content: bytes) -> None:
    assert not checked(tmp_path, content)
    assert not checked(tmp_path, gzip.compress(content))


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_a_file_that_is_largely_not_text_gives_a_warning(tmp_path: Path, compress: type) -> None:
    (warning,) = checked(tmp_path, compress(random.Random(1).randbytes(300_000)))
    assert warning["code"] == "not_text"
    assert "binary" in warning["message"]


def test_zero_bytes_are_not_text(tmp_path: Path) -> None:
    assert checked(tmp_path, bytes(100_000))


def test_text_before_and_after_binary_data_does_not_hide_it(tmp_path: Path) -> None:
    assert checked(tmp_path, LOG + random.Random(1).randbytes(2 * len(LOG)) + LOG)


def test_damaged_data_is_left_to_the_scan(tmp_path: Path) -> None:
    assert not checked(tmp_path, gzip.compress(LOG)[:8])


def test_utf_16_without_a_byte_order_mark_is_recognized(tmp_path: Path) -> None:
    text = "ERROR disk full\n" * 99
    for encoding in ("utf-16-le", "utf-16-be"):
        (warning,) = checked(tmp_path, text.encode(encoding))
        assert f'"encoding": "{encoding}"' in warning["message"]
        assert not checked(tmp_path, text.encode(encoding), encoding)

"""Data that has no lines of text: archives, databases, documents, programs and images.

A scan of such a file would find nothing, or find it in the wrong place, and a count of 0 looks like
a good result. So these files are refused. Their first bytes tell the format, whatever their name.

Sources of the first bytes: the specifications of the formats, and the magic files of `file`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from loganalysis.read.errors import FormatError

HEAD_BYTES = 512
"""The length of a tar header, the longest that is needed."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_UNPACK = "unpack it, and upload its files as a zip or tar archive, or one of them"
_DECOMPRESS = "decompress it, or compress it with gzip, zstd, xz or bzip2"
_EXPORT = "export its contents as text, such as CSV or JSON lines, and upload that"
_EXTRACT = "extract its text, and upload that"
_NO_LOG = "upload a log file"


@dataclass(frozen=True)
class _BinaryFormat:
    """A format: its name with an article, advice for the client, and its first bytes.

    `also` is a second condition, where ordinary text may begin with the first bytes.
    """

    name: str
    advice: str
    starts: tuple[bytes, ...]
    also: Callable[[bytes], bool] = bool


def _has_control_bytes(head: bytes) -> bool:
    """Whether bytes occur near the start that no text has."""
    return any(byte < 32 and byte not in b"\t\n\v\f\r\x1b" for byte in head[:64])


def _is_hexadecimal(head: bytes) -> bool:
    """Whether only hexadecimal digits follow, as in the shortest header of cpio."""
    return len(head) >= 76 and set(head[6:76]) <= set(b"0123456789abcdefABCDEF")


def _is_media(head: bytes) -> bool:
    return head[8:12] in (b"WEBP", b"WAVE", b"AVI ")


_FORMATS = (
    _BinaryFormat("a 7z archive", _UNPACK, (b"7z\xbc\xaf\x27\x1c",)),
    _BinaryFormat("a rar archive", _UNPACK, (b"Rar!\x1a\x07",)),
    _BinaryFormat("an ar archive or a Debian package", _UNPACK, (b"!<arch>\n",)),
    _BinaryFormat("a cpio archive", _UNPACK, (b"\xc7\x71", b"\x71\xc7"), _has_control_bytes),
    _BinaryFormat("a cpio archive", _UNPACK, (b"070701", b"070702", b"070707"), _is_hexadecimal),
    _BinaryFormat("a cab archive", _UNPACK, (b"MSCF\0\0\0\0",)),
    _BinaryFormat("an RPM package", _UNPACK, (b"\xed\xab\xee\xdb",)),
    _BinaryFormat("an lz4 file", _DECOMPRESS, (b"\x04\x22\x4d\x18",)),
    _BinaryFormat("an lzip file", _DECOMPRESS, (b"LZIP\x01",)),
    _BinaryFormat("an lzma file", _DECOMPRESS, (b"\x5d\0\0",)),
    _BinaryFormat("an lzop file", _DECOMPRESS, (b"\x89LZO\0",)),
    _BinaryFormat("a file made by compress (.Z)", _DECOMPRESS, (b"\x1f\x9d",)),
    _BinaryFormat("a snappy file", _DECOMPRESS, (b"\xff\x06\0\0sNaPpY",)),
    _BinaryFormat("a Parquet file", _EXPORT, (b"PAR1", b"PARE"), _has_control_bytes),
    _BinaryFormat("an ORC file", _EXPORT, (b"ORC",), _has_control_bytes),
    _BinaryFormat("an Avro file", _EXPORT, (b"Obj\x01",)),
    _BinaryFormat("an Arrow file", _EXPORT, (b"ARROW1\0\0",)),
    _BinaryFormat("an SQLite database", _EXPORT, (b"SQLite format 3\0",)),
    _BinaryFormat("an HDF5 file", _EXPORT, (b"\x89HDF\r\n\x1a\n",)),
    _BinaryFormat("a systemd journal", "export it with `journalctl --file FILE`", (b"LPKSHHRH",)),
    _BinaryFormat("a Windows event log", _EXPORT, (b"ElfFile\0",)),
    _BinaryFormat(
        "a packet capture",
        "export it as text, such as with `tshark -r FILE`",
        (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\n\r\r\n"),
        _has_control_bytes,
    ),
    _BinaryFormat("a PDF document", _EXTRACT, (b"%PDF-",)),
    _BinaryFormat("an Office document", _EXTRACT, (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",)),
    _BinaryFormat("a program (ELF)", _NO_LOG, (b"\x7fELF",)),
    _BinaryFormat("a program for Windows", _NO_LOG, (b"MZ",), _has_control_bytes),
    _BinaryFormat(
        "a program (Mach-O) or a Java class",
        _NO_LOG,
        (b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe"),
    ),
    _BinaryFormat("a macOS resource file (AppleDouble)", _NO_LOG, (b"\0\x05\x16\x07",)),
    _BinaryFormat("a WebAssembly program", _NO_LOG, (b"\0asm",)),
    _BinaryFormat("a PNG image", _NO_LOG, (b"\x89PNG\r\n\x1a\n",)),
    _BinaryFormat("a JPEG image", _NO_LOG, (b"\xff\xd8\xff",)),
    _BinaryFormat("a GIF image", _NO_LOG, (b"GIF87a", b"GIF89a"), _has_control_bytes),
    _BinaryFormat("a BMP image", _NO_LOG, (b"BM",), lambda head: head[6:10] == bytes(4)),
    _BinaryFormat("a TIFF image", _NO_LOG, (b"II*\0", b"MM\0*")),
    _BinaryFormat("an icon", _NO_LOG, (b"\0\0\x01\0", b"\0\0\x02\0")),
    _BinaryFormat("an image, sound or video (RIFF)", _NO_LOG, (b"RIFF",), _is_media),
    _BinaryFormat("a Matroska video", _NO_LOG, (b"\x1a\x45\xdf\xa3",)),
    _BinaryFormat(
        "a sound file", _NO_LOG, (b"ID3\x02", b"ID3\x03", b"ID3\x04", b"fLaC", b"OggS\0")
    ),
)


def refuse_binary(head: bytes) -> None:
    """Raise FormatError if the data of a file, by its first 512 bytes, has no lines of text."""
    if is_zip(head):
        raise FormatError("a zip archive", _UNPACK, is_archive=True)
    for each in _FORMATS:
        if head.startswith(each.starts) and each.also(head):
            raise FormatError(each.name, each.advice, is_archive=each.advice == _UNPACK)
    if head[4:8] == b"ftyp":
        raise FormatError("an image or video (MP4, HEIC, AVIF)", _NO_LOG)
    if is_tar(head):
        raise FormatError("a tar archive", _UNPACK, is_archive=True)


def is_zip(head: bytes) -> bool:
    """Whether data begins as a zip archive."""
    return head.startswith(_ZIP)


def is_tar(head: bytes) -> bool:
    """Whether the checksum of a tar header is right: the sum of its bytes, its own eight as spaces.

    Source: POSIX.1-2017, pax, "ustar Interchange Format"; the tar of Unix V7 has the same checksum.
    """
    if len(head) < HEAD_BYTES:
        return False
    written = head[148:156].strip(b" \0")
    if not written or not all(byte in b"01234567" for byte in written):
        return False
    return int(written, 8) == sum(head[:148]) + sum(head[156:HEAD_BYTES]) + 8 * ord(" ")

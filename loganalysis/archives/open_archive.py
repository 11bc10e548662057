"""Recognizes archives by their first bytes, and opens them.

file ─┬─ plain: zip? ──▶ ZipArchive, which jumps from member to member
      └─ its data, perhaps decompressed: tar? ──▶ TarArchive, which reads from start to end
"""

from loganalysis.archives.archive import Archive
from loganalysis.archives.tar_archive import TarArchive
from loganalysis.archives.zip_archive import ZipArchive
from loganalysis.read.binary_formats import HEAD_BYTES, is_tar, is_zip
from loganalysis.read.errors import SourceError
from loganalysis.read.formats import format_of_data
from loganalysis.read.open_source import DecompressionLimits, Recorder, open_source
from loganalysis.read.stored import Stored, read_at

_SUFFIXES = {"gzip": "gz", "zstd": "zst", "xz": "xz", "bzip2": "bz2"}


def archive_format(file: Stored, limits: DecompressionLimits | None = None) -> str | None:
    """The format of an archive, such as `zip` or `tar.gz`; None for any other file.

    Raises OSError. A zip archive must not be compressed, because its end is read first.
    """
    head = read_at(file, 0, HEAD_BYTES)
    if is_zip(head):
        return "zip"
    form = format_of_data(head)
    if form is None:
        return "tar" if is_tar(head) else None
    buffer = memoryview(bytearray(HEAD_BYTES))
    try:
        with open_source(file, limits) as source:
            size = source.readinto(buffer)
    except SourceError:
        return None  # the scan reports it
    return f"tar.{_SUFFIXES[form.name]}" if is_tar(bytes(buffer[:size])) else None


def open_archive(
    file: Stored, format: str, limits: DecompressionLimits, recorder: Recorder | None = None
) -> Archive:
    """Open an archive whose format is known; `recorder` is as in open_source. Raises OSError."""
    if format == "zip":
        return ZipArchive(file, limits.max_members)
    expands = format != "tar"
    return TarArchive(open_source(file, limits, recorder), format, limits.max_members, expands)

"""Archives made in memory by Python's own modules, and their analysis."""

import bz2
import gzip
import io
import lzma
import re
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from loganalysis.match.patterns import Pattern
from loganalysis.read.open_source import DecompressionLimits
from loganalysis.scan.analyze import analyze
from loganalysis.scan.options import AnalysisOptions
from loganalysis.scan.result_json import to_json

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Files = Mapping[str, bytes]

LOG = b"2026-11-25 10:00:00 ERROR denied\n2026-11-25 10:01:00 WARN slow\n" * 40
FILES: Files = {
    "app.log": LOG,
    "var/log/db.log": b"ERROR no newline at the end",
    "var/log/empty.log": b"",
    "notes.txt": "Gerät läuft, WARN\n".encode() * 3,
}
METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
}
TARS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.zst": lambda data: zstd.compress(
        data, options={zstd.CompressionParameter.checksum_flag: 1}
    ),
    "tar.xz": lzma.compress,
    "tar.bz2": bz2.compress,
}
PATTERNS = [
    Pattern("ERROR"),
    Pattern("warn", ignore_case=True),
    Pattern("den[a-z]+", regex=True),
    Pattern("d\n", name="at the end"),
]
ALL = AnalysisOptions(samples=3, histogram="minute")


class Unseekable(io.RawIOBase):
    """A target that can only be written to, so that sizes have to follow the data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self.data += data
        return len(data)


def zip_of(files: Files, method: int = zipfile.ZIP_DEFLATED, *, streamed: bool = False) -> bytes:
    """A zip archive. If it is streamed, sizes follow the data of each member."""
    target = Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return bytes(target.data) if isinstance(target, Unseekable) else target.getvalue()


def tar_of(files: Files, form: int = tarfile.PAX_FORMAT, modified: float = 1.7e9) -> bytes:
    """A tar archive."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, data in files.items():
            archive.addfile(tar_member(name, len(data), modified), io.BytesIO(data))
    return target.getvalue()


def tar_member(name: str, size: int, modified: float = 1.7e9) -> tarfile.TarInfo:
    """The header of a regular file."""
    member = tarfile.TarInfo(name)
    member.size, member.mtime = size, modified
    return member


def analyzed(
    folder: Path,
    content: bytes,
    options: AnalysisOptions = ALL,
    patterns: Sequence[Pattern] = PATTERNS,
    limits: DecompressionLimits | None = None,
    processes: int = 1,
) -> dict[str, Any]:
    """The result for a file with this content, without what depends on the speed."""
    path = folder / "the file"
    path.write_bytes(content)
    reports: list[Any] = []
    try:
        found = analyze(path, patterns, options, reports.append, processes, limits)
    finally:
        last_report.clear()
        last_report.update(reports[-1] if reports else {})
    result = to_json(found, options)
    for name in ("seconds", "bytes_per_second"):
        del result["file"][name]
    return result


last_report: dict[str, Any] = {}
"""The last progress of the last call of `analyzed`."""


def expected_counts(files: Files, patterns: Sequence[Pattern] = PATTERNS) -> dict[str, int]:
    """Count in each file for itself, by Python's own means."""
    counts = {}
    for pattern in patterns:
        text = pattern.text if pattern.regex else re.escape(pattern.text)
        regex = re.compile(text.encode(), re.IGNORECASE if pattern.ignore_case else 0)
        counts[pattern.key] = sum(len(regex.findall(data)) for data in files.values())
    return counts

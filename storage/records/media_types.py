"""The media type of a file, by the end of its name. It is the same on every machine."""

from functools import cache
from mimetypes import MimeTypes

UNKNOWN = "application/octet-stream"
_MORE = {
    **dict.fromkeys((".log", ".ini", ".cfg", ".conf", ".toml", ".out", ".err"), "text/plain"),
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".md": "text/markdown",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
    ".zip": "application/zip",
    ".7z": "application/x-7z-compressed",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".svg": "image/svg+xml",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".flac": "audio/flac",
    ".opus": "audio/opus",
}
_CODINGS = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "compress": "application/x-compress",
    "br": "application/x-brotli",
}
"""Of compressed files: the name a.csv.gz tells what is inside, but the file is a gzip file."""


@cache
def _known() -> MimeTypes:
    known = MimeTypes()  # the types that Python knows, without the machine's
    for suffix, kind in _MORE.items():
        known.add_type(kind, suffix)
    known.add_type("application/zstd", ".zst")
    return known


def media_type_of(name: str) -> str:
    """Return the media type of a file with this name; without a charset."""
    base = name.rpartition("/")[2]
    kind, coding = _known().guess_type(f"./{base}")  # which does not look like a URL
    if coding:
        return _CODINGS.get(coding, UNKNOWN)
    return kind or UNKNOWN

"""Looks at data before it is scanned: refuses what is no text, and warns of what hardly is.

file ──▶ first bytes of its data ──▶ a known binary format? FormatError
     └─▶ samples ──decode──▶ share of characters that no text has ──▶ warnings
"""

from pathlib import Path

from loganalysis.read.binary_formats import HEAD_BYTES, is_zip, refuse_binary
from loganalysis.read.encodings import detect
from loganalysis.read.errors import FormatError, SourceError
from loganalysis.read.formats import format_of, format_of_data
from loganalysis.read.open_source import DecompressionLimits, open_source
from loganalysis.read.stored import Stored, read_at, size_of

_SAMPLES = 16
_SAMPLE_BYTES = 4096
_LARGELY = 0.2
"""A file is largely not text from this share of characters on. A German log in Latin-1 that is read
as UTF-8 has less than 0.15, random data about 0.6."""

_CONTROL = bytes([*range(9), *range(14, 27), *range(28, 32), 127])
"""Control characters but white space and ESC, with which programs color their output."""


def check_file(
    file: Stored, encoding: str | None = None, limits: DecompressionLimits | None = None
) -> list[dict[str, str]]:
    """Warnings about a file, each {"code", "message"}.

    `encoding` is a name from check_encoding, or None to detect the encoding from the BOM. A plain
    file on a local disk is sampled at 16 offsets, any other file at its start. Raises FormatError
    for a known binary format, and OSError. Damaged data is not reported here: the scan finds it.
    """
    samples = _samples_of(file, limits)
    head = samples[0][:HEAD_BYTES]
    _refuse_compressed_twice(file, head)
    return check_samples(samples, encoding)


def check_samples(samples: list[bytes], encoding: str | None) -> list[dict[str, str]]:
    """Warnings about data by samples of it, as `check_file`. The first begins at its start."""
    head = samples[0][:HEAD_BYTES]
    found, bom_bytes = detect(head[:4], encoding)
    if not bom_bytes:
        refuse_binary(head)
    share = _share_of_control(samples, found)
    if share < _LARGELY:
        return []
    message = f"{share:.0%} of the characters in samples of this file are no text: " + (
        f'it may be UTF-16: try "encoding": "{utf_16}"'
        if (utf_16 := _utf_16_order(head))
        else "it may be a binary file, or have another encoding"
    )
    return [{"code": "not_text", "message": message}]


def _refuse_compressed_twice(file: Stored, head: bytes) -> None:
    outer, inner = format_of(file), format_of_data(head)
    if outer and inner:
        name = f"a file that was compressed twice ({inner.name} in {outer.name})"
        raise FormatError(name, f"decompress it once, and upload the {inner.name} file")
    if outer and is_zip(head):
        name = f"a zip archive in a {outer.name} file"
        raise FormatError(name, "decompress it, and upload the zip archive")


def _samples_of(file: Stored, limits: DecompressionLimits | None) -> list[bytes]:
    """Some of the data: at least one sample, which begins at the start."""
    if format_of(file) is None:
        size = size_of(file)
        if size <= _SAMPLES * _SAMPLE_BYTES or not isinstance(file, Path):
            return [read_at(file, 0, _SAMPLES * _SAMPLE_BYTES)]
        step = size // _SAMPLES & ~3  # a multiple of the size of a character
        return [read_at(file, at * step, _SAMPLE_BYTES) for at in range(_SAMPLES)]
    buffer = bytearray(_SAMPLES * _SAMPLE_BYTES)
    try:
        with open_source(file, limits) as source:
            return [bytes(buffer[: source.readinto(memoryview(buffer))])]
    except SourceError:
        return [b""]


def _share_of_control(samples: list[bytes], encoding: str) -> float:
    """The share of characters that could not be decoded, or that no text has: 0 to 1."""
    bad = characters = 0
    for sample in samples:
        text = sample.decode(encoding, "replace")
        data = text.encode("utf-8", "replace")
        bad += text.count("\ufffd") + len(data) - len(data.translate(None, _CONTROL))
        characters += len(text)
    return bad / max(characters, 1)


def _utf_16_order(head: bytes) -> str:
    """The name of the UTF-16 encoding that the zero bytes suggest, or an empty string."""
    half = len(head) // 2
    low, high = head[0::2].count(0), head[1::2].count(0)
    if high > half * 0.8 and not low:
        return "utf-16-le"
    return "utf-16-be" if low > half * 0.8 and not high else ""

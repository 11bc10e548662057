"""Text in any encoding, as UTF-8. Text that is UTF-8 or ASCII already passes unchanged.

    source ──first bytes──▶ BOM? ─┬─ UTF-8 ─────────────▶ readinto(window)
                                  └─ other ──decode, encode──▶ pieces ──▶ readinto(window)

A requested encoding takes precedence over a BOM, and a BOM over the default, UTF-8. A UTF-8 BOM
stays in the data, as in the file; the BOM of another encoding is left out.
"""

import codecs
from collections.abc import Iterator

from loganalysis.read.invalid_text import InvalidText
from loganalysis.read.open_source import PiecedSource, Source

_BLOCK_BYTES = 32 << 10
_LONGEST_NAME = 40
UTF8_ENCODINGS = ("utf-8", "ascii", "utf-8-sig")
"""Encodings whose data passes unchanged."""
_ORDER_BY_BOM = ("utf-16", "utf-32")  # little endian, unless a BOM says otherwise

# Longest first, because the BOM of UTF-32-LE begins with the BOM of UTF-16-LE.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD_BYTES = 4

# Encodings for source code and host names, and utf-7, whose decoder uses unbounded memory.
_NOT_FOR_FILES = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7")


class EncodingError(Exception):
    """The name is not the name of an encoding for text files."""


def check_encoding(name: str) -> str:
    """Return Python's name of an encoding. Raises EncodingError if it is not a text encoding."""
    problem = EncodingError(f"{name[:_LONGEST_NAME]!r} is not the name of a text encoding")
    if not (name.isascii() and name.isprintable() and 0 < len(name) <= _LONGEST_NAME):
        raise problem
    try:
        found = codecs.lookup(name).name.replace("_", "-")
        b"a".decode(found, "replace")  # only text encodings can decode to str
    except (LookupError, ValueError):
        raise problem from None
    if found in _NOT_FOR_FILES:
        raise problem
    return found


def detect(head: bytes, requested: str | None = None) -> tuple[str, int]:
    """The encoding of a file, from its first four bytes, and the length of its BOM (0: none).

    `requested` is a name from check_encoding, or None.
    """
    boms = ((name, len(bom)) for bom, name in _BOMS if head.startswith(bom))
    found, length = next(boms, ("utf-8", 0))
    if requested is None or (requested in _ORDER_BY_BOM and found.startswith(requested)):
        return found, length
    encoding = f"{requested}-le" if requested in _ORDER_BY_BOM else requested
    bom_matches = encoding == found or (found == "utf-8" and encoding == "utf-8-sig")
    return encoding, length if bom_matches else 0


class Utf8Source(PiecedSource):
    """Another source's data as UTF-8, in bounded memory. Undecodable text becomes U+FFFD."""

    def __init__(self, source: Source, encoding: str | None = None) -> None:
        """`encoding` is a name from check_encoding, or None to detect it from the BOM."""
        super().__init__(self._transcode())
        self._source = source
        self._requested = encoding
        self.replaced = InvalidText()
        """The text in another encoding that could not be decoded so far."""
        self._encoded_bytes = 0  # bytes of UTF-8 so far
        self._started, self._head = False, b""
        self.encoding = encoding or "utf-8"
        self.bom = False
        """`encoding` and `bom` are final from the first read on."""

    @property
    def bytes_done(self) -> int:
        """The number of bytes of the stored file that were read."""
        return self._source.bytes_done

    @property
    def is_valid(self) -> bool:
        """Whether the data was decoded, and so is valid UTF-8."""
        return self.encoding not in UTF8_ENCODINGS

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer with UTF-8, see Source. At first, it must have room for a BOM."""
        if self._started:
            return super().readinto(buffer) if self.is_valid else self._source.readinto(buffer)
        self._started = True
        size = self._source.readinto(buffer)
        self.encoding, bom_bytes = detect(bytes(buffer[: min(size, _HEAD_BYTES)]), self._requested)
        self.bom = bom_bytes > 0
        if not self.is_valid:
            return size
        self._head = bytes(buffer[bom_bytes:size])
        return super().readinto(buffer)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _transcode(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        yield self._encode(decoder.decode(self._head))
        block = memoryview(bytearray(_BLOCK_BYTES))
        while size := self._source.readinto(block):
            yield self._encode(decoder.decode(bytes(block[:size])))
        yield self._encode(decoder.decode(b"", True))

    def _encode(self, text: str) -> bytes:
        data = text.encode("utf-8", "replace")
        replaced = text.count("\ufffd")
        if replaced:
            before = text[: text.index("\ufffd")].encode("utf-8", "replace")
            self.replaced.add(replaced, self._encoded_bytes + len(before))
        self._encoded_bytes += len(data)
        return data

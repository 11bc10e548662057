"""Text in any encoding, as UTF-8: what is UTF-8 or ASCII passes as it is.

    source ──first bytes──▶ BOM? ─┬─ UTF-8 ────────────▶ mapped or readinto(window), looked through
                                  └─ other ──decode, encode──▶ pieces ──▶ readinto(window)

An encoding that is asked for goes before a BOM; a BOM goes before UTF-8. A UTF-8 BOM stays in the
data, as the file has it; that of another encoding is left out.
"""

import codecs
from collections.abc import Iterator

from runner.analysis.input.mapped import MappedFile
from runner.analysis.input.source import PiecedSource, Source, SourceError
from runner.analysis.input.utf8 import InvalidText, Utf8Check

_BLOCK_BYTES = 32 << 10
_LONGEST_NAME = 40
AS_IT_IS = ("utf-8", "ascii", "utf-8-sig")
"""Encodings whose data passes as it is."""
_BY_BOM = ("utf-16", "utf-32")  # little endian, unless a BOM says otherwise

# The longer first: that of UTF-16 is the beginning of that of UTF-32.
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD_BYTES = 4

# Ways to write text in a program or a name, and utf-7, whose decoder has no bound on its memory.
_NOT_OF_FILES = ("idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "utf-7")


class EncodingError(Exception):
    """A name that is not that of an encoding of text files."""


def check_encoding(name: str) -> str:
    """Python's own name of an encoding. Raises EncodingError if there is no such encoding."""
    problem = EncodingError(f"{name[:_LONGEST_NAME]!r} is not the name of a text encoding")
    if not (name.isascii() and name.isprintable() and 0 < len(name) <= _LONGEST_NAME):
        raise problem
    try:
        found = codecs.lookup(name).name.replace("_", "-")
        b"a".decode(found, "replace")  # which only text encodings do
    except (LookupError, ValueError):
        raise problem from None
    if found in _NOT_OF_FILES:
        raise problem
    return found


def detect(head: bytes, asked: str | None = None) -> tuple[str, int]:
    """The encoding of a file by its first four bytes, and the length of its BOM, 0 without one.

    `asked` is a name from check_encoding.
    """
    boms = ((name, len(bom)) for bom, name in _BOMS if head.startswith(bom))
    found, length = next(boms, ("utf-8", 0))
    if asked is None or (asked in _BY_BOM and found.startswith(asked)):
        return found, length
    encoding = f"{asked}-le" if asked in _BY_BOM else asked
    as_found = encoding == found or (found == "utf-8" and encoding == "utf-8-sig")
    return encoding, length if as_found else 0


class Utf8Source(PiecedSource):
    """Another source's data as UTF-8, in bounded memory; what cannot be decoded becomes U+FFFD."""

    def __init__(self, source: Source, encoding: str | None = None, check: bool = True) -> None:
        """`encoding`: from check_encoding, or None to go by the BOM.

        `check`: whether data that is UTF-8 already is looked through for what is not.
        """
        super().__init__(self._transcoded())
        self._source = source
        self._asked = encoding
        self._check = Utf8Check() if check else None
        self._trouble = InvalidText()
        self._encoded = 0  # bytes of UTF-8 so far
        self._begun = False
        self.encoding = encoding or "utf-8"
        self.bom = False
        """Both are known from the first read on."""
        self.format = source.format
        self.bytes_total = source.bytes_total

    @property
    def bytes_done(self) -> int:
        """How many bytes of the stored file are read."""
        return self._source.bytes_done

    @property
    def trouble(self) -> InvalidText:
        """What could not be read as text so far."""
        return self._check.trouble if self._passes and self._check else self._trouble

    @property
    def _passes(self) -> bool:
        return self.encoding in AS_IT_IS

    def readinto(self, buffer: memoryview) -> int:
        """As Source.readinto."""
        if not self._begun:
            self._begin()
        if not self._passes:
            return super().readinto(buffer)
        filled = self._pass(buffer)
        if buffer:
            self._look(buffer[:filled])
        return filled

    def mapped(self) -> MappedFile | None:
        """As Source.mapped."""
        file = self._source.mapped()
        if file is not None:
            head = bytes(file.part(0, min(_HEAD_BYTES, file.size)))
            self.encoding, bom_bytes = detect(head, self._asked)
            self.bom = bom_bytes > 0
        return file if self._passes else None

    def passed(self, data: memoryview, ascii: bool) -> None:
        """As Source.passed."""
        self._source.passed(data, ascii)
        self._look(data, ascii)

    def close(self) -> None:
        """Close the source."""
        self._source.close()

    def _look(self, data: memoryview, ascii: bool = False) -> None:
        if self._check:
            self._check.feed(data, ascii)
            if not data:
                self._check.finish()

    def _begin(self) -> None:
        head = bytearray(_HEAD_BYTES)
        size = self._source.readinto(memoryview(head))
        self.encoding, bom_bytes = detect(bytes(head[:size]), self._asked)
        self.bom = bom_bytes > 0
        self._head = bytes(head[:size] if self._passes else head[bom_bytes:size])
        self._begun = True

    def _pass(self, buffer: memoryview) -> int:
        head = self._head[: len(buffer)]
        buffer[: len(head)] = head
        try:
            size = len(head) + self._source.readinto(buffer[len(head) :])
        except SourceError:
            if not head:
                raise
            size = len(head)  # the source raises it again
        self._head = self._head[len(head) :]
        return size

    def _transcoded(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)("replace")
        yield self._utf8(decoder.decode(self._head))
        block = memoryview(bytearray(_BLOCK_BYTES))
        while size := self._source.readinto(block):
            yield self._utf8(decoder.decode(bytes(block[:size])))
        yield self._utf8(decoder.decode(b"", True))

    def _utf8(self, text: str) -> bytes:
        data = text.encode("utf-8", "replace")
        replaced = text.count("\ufffd")
        if replaced:
            before = text[: text.index("\ufffd")].encode("utf-8", "replace")
            self._trouble.add(replaced, self._encoded + len(before))
        self._encoded += len(data)
        return data

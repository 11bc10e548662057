"""Finds access points of a gzip file while the scan decodes it.

    chunk of the file ──▶ where does a block begin? ──cut──▶ decoder ──▶ data up to the block
                              (C: deflate_block)               └──▶ data of the block, compared
                                                                    with a new decoder's data

A decoder can begin at a block if it knows the 32 KiB of data before it. ISA-L does not tell where
blocks begin, but when its input ends there, its output does as well. That shows the offset in the
data, and a short piece of data from a new decoder proves that it is right.
"""

import ctypes
from dataclasses import dataclass
from functools import cache

from loganalysis.index.raw_deflate import WINDOW_BYTES, DeflateError, raw_decoder, shifted
from loganalysis.match import c_scanner
from loganalysis.read.formats import Decoder
from loganalysis.read.gzip_member import GzipDecoder

SPACING_BYTES = 32 << 20
"""Of data, of which a reader decodes half on average. Finding a point takes about as long as
decoding 4 MiB."""
MAX_POINTS = 64
"""With more points, every second one is dropped, and the spacing is doubled."""
_LEAST_BYTES = 512
"""Data that must be equal for a proof."""
_PROOF_BYTES = 4096  # of the file, from which a new decoder makes this data
_HELD_BACK = 3  # bytes that ISA-L may hold back at the end of its input, and one more
_TRIES = 8  # chunks in which a block is looked for at once; most blocks have up to 128 KiB
_FIRST_WAIT, _MAX_WAIT = 4 << 20, 64 << 20


@dataclass(frozen=True)
class AccessPoint:
    """Where a decoder can begin: at a bit of the file, with the data before it as its window."""

    data_offset: int
    file_bit: int
    window: bytes


class GzipRecorder:
    """The access points of one file, found so far."""

    def __init__(self) -> None:
        self.points: list[AccessPoint] = []
        self._spacing = self._due = SPACING_BYTES
        self._wait, self._tries = _FIRST_WAIT, 0
        self.data = 0
        """Bytes of data so far."""

    def decoder(self, file_offset: int) -> Decoder:
        """A decoder for the member that begins at an offset of the file."""
        return _RecordingDecoder(self, file_offset)

    @property
    def is_due(self) -> bool:
        """Whether the next access point should be found."""
        return self.data >= self._due

    def add(self, point: AccessPoint) -> None:
        """Add the next point."""
        self.points.append(point)
        self._wait, self._tries = _FIRST_WAIT, 0
        if len(self.points) > MAX_POINTS:
            self._spacing *= 2
            self.points = self.points[1::2]
        self._due = self.points[-1].data_offset + self._spacing

    def try_later(self) -> None:
        """Note that a chunk has no block. After some chunks, the next try waits: a file can have
        none."""
        self._tries += 1
        if self._tries == _TRIES:
            self._due, self._tries = self.data + self._wait, 0
            self._wait = min(2 * self._wait, _MAX_WAIT)


class _RecordingDecoder:
    """Decodes a member as GzipDecoder does, and finds access points in it."""

    def __init__(self, recorder: GzipRecorder, file_offset: int) -> None:
        self._inner, self._recorder = GzipDecoder(), recorder
        self._file_offset = file_offset  # of the next input
        self._later = b""  # input behind the place where a block may begin
        self._bit = -1  # of that block in the file; -1 for none
        self._recent: list[bytes] = []
        self._recent_bytes = 0

    @property
    def eof(self) -> bool:
        """Whether the member is complete."""
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        """Whether the decoder needs more input before it can return data."""
        return self._inner.needs_input and not self._later

    @property
    def unused_data(self) -> bytes:
        """Input that follows the member."""
        return self._inner.unused_data + self._later

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Decode input, and return at most `max_length` bytes. Raises GzipError."""
        if data and self._recorder.is_due:
            data = self._up_to_block(data)
        piece = b""
        if data or not (self._later and self._inner.needs_input):
            piece = self._decode(data, max_length)
        if not piece and self._later and self._inner.needs_input:
            data, self._later = self._later, b""
            window = b"".join(self._recent)[-WINDOW_BYTES:]
            piece = self._decode(data, max_length)
            self._prove(window, data, piece)
        self._remember(piece)
        return piece

    def _decode(self, data: bytes, max_length: int) -> bytes:
        self._file_offset += len(data)
        return self._inner.decompress(data, max_length)

    def _up_to_block(self, data: bytes) -> bytes:
        """The input before the next block; the rest is kept for later."""
        end = 8 * max(len(data) - _PROOF_BYTES, 0)
        bit = deflate_block(data, end)
        if bit < 0:
            self._recorder.try_later()
            return data
        self._bit = 8 * self._file_offset + bit
        cut = -(-bit // 8)
        self._first = data[bit // 8 : cut]  # the byte that has both blocks
        self._later = data[cut:]
        return data[:cut]

    def _prove(self, window: bytes, data: bytes, piece: bytes) -> None:
        """Add an access point if a new decoder makes the same data from there on."""
        packed = shifted(self._first + data[:_PROOF_BYTES], self._bit % 8)
        for held in range(min(_HELD_BACK, len(piece))):
            before = (window + piece[:held])[-WINDOW_BYTES:]
            try:
                made = raw_decoder(before).decompress(packed, len(piece) - held)
            except DeflateError:
                continue
            if len(made) >= _LEAST_BYTES and piece.startswith(made, held):
                offset = self._recorder.data + held
                self._recorder.add(AccessPoint(offset, self._bit, before))
                return
        self._recorder.try_later()

    def _remember(self, piece: bytes) -> None:
        self._recorder.data += len(piece)
        self._recent.append(piece)
        self._recent_bytes += len(piece)
        while self._recent_bytes - len(self._recent[0]) >= WINDOW_BYTES:
            self._recent_bytes -= len(self._recent.pop(0))


@cache
def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library, with the function that deflate.c exports."""
    function = library.deflate_block
    function.restype = ctypes.c_int64
    function.argtypes = (ctypes.c_char_p, *3 * (ctypes.c_int64,))
    return library


def deflate_block(data: bytes, end: int) -> int:
    """The first bit before `end` at which a block with codes of its own begins, -1 for none.

    The block is not the last one of its member, and the description of its codes is in the data.
    """
    return int(_declared(c_scanner.library()).deflate_block(data, len(data), 0, end))

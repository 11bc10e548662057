"""The output of one call that waits in its keeper: text and marks, read from two pipes."""

from runner.pool.protocol.log_frames import Frame, FrameFinder
from storage.records.output import Mark, Piece, Stream, cut

_MARK_SECONDS = 0.01
"""Lines of one stream that are read within this time have one mark."""
_TEXT_PER_MARK = 8
_SPARE_MARKS = 256
"""The limit of marks: in any text of n bytes n / 8 + 256, or a job could store many times more
marks than text. Text without a mark counts to the run before it."""


class OutputBuffer:
    """At most `max_bytes` bytes of text with their marks; beyond them, the middle is dropped."""

    def __init__(self, max_bytes: int, key: bytes) -> None:
        """`key` is the key of the job process's frames."""
        self._max_bytes = max_bytes
        self._frames = FrameFinder(key)
        self.begin()

    def limit(self, max_bytes: int) -> None:
        """Change how much of the output is kept."""
        self._max_bytes = max_bytes

    def begin(self) -> None:
        """Forget all output, before the next call."""
        self._text = bytearray()
        self._marks: list[Mark] = []
        self._position = 0  # of the first byte
        self.start: Piece | None = None
        """The start of the output, if it was dropped before it was forwarded."""
        self._held = b""  # may be the begin of a header
        self._frame_start = 0
        self._frame_left = 0  # bytes of the frame that are still to be read
        self._run: Mark | None = None  # the mark of the run that is going on
        self._spare_marks = float(_SPARE_MARKS)

    def __len__(self) -> int:
        return len(self._text)

    @property
    def is_used(self) -> bool:
        """Whether the call has printed anything."""
        return bool(self._position or self._text or self._held)

    def take(self, data: bytes, pipe: Stream, now: int) -> None:
        """Append the data that was read from a pipe `now`, in milliseconds since 1970."""
        if pipe == Stream.STDERR:
            self._frame_left = 0
            self._print(data, Stream.STDERR, now)
        else:
            self._take_frames(data, now)
        surplus = len(self._text) - self._max_bytes
        if surplus > 0:
            if self._position == 0 and self._max_bytes:
                self.start = self.piece(self._max_bytes // 4)
            self.drop(surplus)

    def end(self, now: int) -> None:
        """Treat bytes that may have been the begin of a header as text: no bytes follow."""
        held, self._held = self._held, b""
        self._print(held, Stream.STDOUT, now)

    def complete_bytes(self) -> int:
        """Return the size of the complete lines and log entries, or of all text if it is full."""
        end = 1 + max(self._text.rfind(b"\n"), self._text.rfind(b"\r"))
        if self._frame_left:
            end = min(end, max(0, self._frame_start - self._position))
        if not end and len(self._text) == self._max_bytes:
            return self._max_bytes
        return end

    def piece(self, size: int) -> Piece:
        """Return the first `size` bytes with their marks."""
        before, _ = cut(self._marks, self._position + size)
        return Piece(self._position, bytes(self._text[:size]), tuple(before))

    def drop(self, size: int) -> None:
        """Remove the first `size` bytes with their marks."""
        del self._text[:size]
        self._position += size
        _, self._marks = cut(self._marks, self._position)
        if not self._text and not self._frame_left:
            self._marks.clear()
            self._run = None

    def _take_frames(self, data: bytes, now: int) -> None:
        data, self._held, at = self._held + data, b"", 0
        while at < len(data):
            if self._frame_left:
                part = data[at : at + self._frame_left]
                self._append(part)
                self._frame_left -= len(part)
                at += len(part)
                continue
            end, frame = self._frames.find(data, at)
            self._print(data[at:end], Stream.STDOUT, now)
            if frame is None:
                self._held = data[end:]
                return
            at = end + frame.length
            self._begin_frame(frame, now)

    def _begin_frame(self, frame: Frame, now: int) -> None:
        if not frame.size:
            return
        self._frame_start, self._frame_left = self._position + len(self._text), frame.size
        if frame.mark.is_run:
            self._begin_run(Stream.STDERR, now)
        else:
            self._run = None
            self._mark(frame.mark._replace(position=self._frame_start))

    def _print(self, text: bytes, stream: Stream, now: int) -> None:
        if text:
            self._begin_run(stream, now)
            self._append(text)

    def _begin_run(self, stream: Stream, now: int) -> None:
        """Mark that a run of a stream begins here, unless it is going on since a moment ago."""
        run = self._run
        if (
            run is None
            or run.stream != stream
            or (now - run.time >= _MARK_SECONDS * 1000 and self._text[-1:] == b"\n")
        ):
            mark = Mark(self._position + len(self._text), stream, now)
            self._run = mark if self._mark(mark) else run

    def _mark(self, mark: Mark) -> bool:
        if self._spare_marks < 1:
            return False
        self._spare_marks -= 1
        if self._marks and self._marks[-1].position == mark.position:
            self._marks.pop()
        self._marks.append(mark)
        return True

    def _append(self, text: bytes) -> None:
        self._text += text
        self._spare_marks = min(_SPARE_MARKS, self._spare_marks + len(text) / _TEXT_PER_MARK)

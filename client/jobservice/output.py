"""Joins the pieces of a job's output to lines. Does no input or output."""

from __future__ import annotations

from collections.abc import Iterator


class OutputLines:
    """The lines of the output of one attempt after another, each with its line end.

    The service leaves out the middle of long output. A line such as `[994 bytes are not kept]`
    marks such a gap, as in the text of `GET /jobs/ID/logs`.
    """

    def __init__(self) -> None:
        self._attempt = 0
        self._end = 0
        self._rest = ""

    def take(self, attempt: int, position: int, text: str) -> Iterator[str]:
        """Take a piece that begins at this byte of an attempt's output; return complete lines."""
        if attempt != self._attempt:
            yield from self.finish()
            self._attempt, self._end = attempt, 0
        if position > self._end:
            yield from self._split(f"\n[{position - self._end} bytes are not kept]\n")
        # Bytes that are not UTF-8 are longer as text, so a gap after them looks shorter.
        self._end = position + len(text.encode())
        yield from self._split(text)

    def finish(self) -> Iterator[str]:
        """Return the last line if it has no line end."""
        if self._rest:
            yield self._rest
        self._rest = ""

    def _split(self, text: str) -> Iterator[str]:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            yield f"{line}\n"


def lines_of(text: str) -> Iterator[str]:
    """The lines of a text, each with its line end; only a line feed ends a line."""
    lines = OutputLines()
    yield from lines.take(1, 0, text)
    yield from lines.finish()

"""What is noticed of a file besides its patterns: its first and last time, and what is no text."""

from dataclasses import dataclass, field

from runner.analysis.count.histogram import TimeSpan
from runner.analysis.input.mapped import MappedFile
from runner.analysis.input.utf8 import InvalidText
from runner.analysis.input.window import WindowSource


@dataclass
class FileFacts:
    """Of a part of a file."""

    span: TimeSpan = field(default_factory=TimeSpan)
    trouble: InvalidText = field(default_factory=InvalidText)

    def fold(self, later: "FileFacts", offset: int) -> None:
        """Add the part that follows, which begins at `offset` of the data."""
        self.span.fold(later.span)
        self.trouble.fold(later.trouble, offset)


class ObservedSource:
    """A source whose data is noticed as it is read."""

    def __init__(self, source: WindowSource, span: TimeSpan) -> None:
        self._source = source
        self._span = span

    def readinto(self, buffer: memoryview) -> int:
        """As Source.readinto."""
        size = self._source.readinto(buffer) or 0
        if size:
            self._span.feed(buffer[:size])
        return size

    def mapped(self) -> MappedFile | None:
        """As Source.mapped."""
        return self._source.mapped()

    def passed(self, data: memoryview, ascii: bool) -> None:
        """As Source.passed."""
        self._source.passed(data, ascii)
        if data:
            self._span.feed(data)
